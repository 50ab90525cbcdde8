"""One recording: what is done at which vendor, and what must come of it."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest

import telephony
from telephony import Capability
from telephony.protocols import PhoneNumberProvider
from telephony.registry import load
from telephony.sandbox import Fault, VendorSandbox
from telephony.sandbox.installed import vendors
from telephony.testing.fault_matrix import OF_CALLS, Setup

SANDBOXES = vendors()
RETRY_AFTER = 30

Act = Callable[[PhoneNumberProvider, Setup], object]
Check = Callable[[object, Setup], None]

_WRONG = "not-the-secret-but-as-long-as-one"
# LiveKit has a host for each project; and only its cloud sells numbers.
_PROJECT = "https://example.livekit.cloud"
_SOLD = {Capability.SEARCH_NUMBERS, Capability.PROVISION_NUMBER}
_READING = {
    Capability.LIST_NUMBERS,
    Capability.GET_NUMBER,
    Capability.SEARCH_NUMBERS,
    Capability.LIST_MESSAGES,
    Capability.LIST_CALLS,
    Capability.LIST_TARGETS,
    Capability.LIST_CARRIERS,
}
# What needs a call or a message as it is at one moment.
_STAGED = {*OF_CALLS, Capability.GET_MESSAGE, Capability.LIST_ALL_MESSAGES} - _READING


def nothing(*_: object) -> None:
    """Whatever it is, it will do."""


@dataclass(frozen=True)
class Scenario:
    """One operation in one situation.

    Attributes:
        case: what is special about it; empty for the operation as it is meant.
        act: what is called.
        error: what it raises; None: nothing.
        check: what must be true of the result.
        wrong_key: whether the credentials are wrong.
        fault: what the sandbox does on request; no vendor does it on demand.
        plant: the same, to the vendor's emulation itself.
        natural: whether a server of one's own is as planted by nature.
    """

    vendor: str
    operation: Capability
    case: str
    act: Act
    error: type[telephony.ProviderError] | None = None
    check: Check = nothing
    wrong_key: bool = False
    fault: Fault | None = None
    plant: Callable[[VendorSandbox], object] | None = None
    natural: bool = False

    def __str__(self) -> str:
        return f"{self.vendor}/{self.operation}{self.case and '.'}{self.case}"

    @property
    def provoked(self) -> bool:
        """Whether only the sandbox can be made to respond so."""
        staged = self.operation in _STAGED and self.error is None
        return staged or self.fault is not None or self.plant is not None

    @property
    def at_own_server(self) -> bool:
        """Whether livekit-server responds itself: it sells no numbers, and does not dial."""
        calls = self.operation in {Capability.PLACE_CALL, *OF_CALLS}
        possible = self.vendor == "livekit" and not (self.sold or self.provoked or calls)
        return self.natural or possible

    @property
    def reads(self) -> bool:
        """Whether it leaves everything as it is."""
        return self.operation in _READING

    @property
    def sold(self) -> bool:
        """Whether it is about numbers that the vendor sells."""
        return self.operation in _SOLD

    def settings(self, given: Mapping[str, object], *, right: bool = False) -> dict[str, object]:
        """`given`, changed as the scenario wants it; with `right`, to prepare it."""
        settings = {**given, "retries": 0}
        if self.vendor == "livekit":
            settings["phone_numbers"] = self.sold
        if self.wrong_key and not right:
            fields = load(self.vendor).Settings.model_fields
            secret = [name for name in settings if "SecretStr" in str(fields[name].annotation)]
            settings |= dict.fromkeys(secret, _WRONG)
        return settings

    def run(self, provider: PhoneNumberProvider, made: Setup) -> None:
        """Do it, and check what came of it."""
        if self.error is None:
            self.check(self.act(provider, made), made)
            return
        with pytest.raises(self.error) as caught:
            self.act(provider, made)
        assert caught.type is self.error
        assert caught.value.operation == self.operation
        if isinstance(caught.value, telephony.RateLimitedError):
            assert caught.value.retry_after == RETRY_AFTER


@functools.cache
def base_url(vendor: str) -> str:
    """Where the vendor itself is."""
    field = load(vendor).Settings.model_fields["base_url"]
    return _PROJECT if field.is_required() else str(field.default)


def canonical_settings(vendor: str) -> dict[str, object]:
    """Return settings that reach the vendor itself, with credentials that do not exist."""
    return dict(SANDBOXES[vendor].settings(base_url(vendor)))
