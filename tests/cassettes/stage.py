"""Where scenarios are recorded: the vendor itself, its server here, or the sandbox.

Each is brought into the situation that a scenario starts from before anything is recorded.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from urllib.parse import urlsplit

import pytest
from pydantic import SecretStr

import telephony
from telephony import Agent, Application, Capability, TwilioAccount
from telephony.config import Resolved, resolve
from telephony.protocols import PhoneNumberProvider
from telephony.redaction import MASK
from telephony.sandbox import Sample, Sandbox
from telephony.settings import is_loopback
from telephony.testing.fault_matrix import (
    IMPORTABLE,
    OF_CALLS,
    OTHER_PARTY,
    Setup,
    with_subject,
)
from telephony.testing.scrubbing import Scrubber

from .scenario import SANDBOXES, Scenario, base_url, canonical_settings
from .tape import Tape

SPEND = "TELEPHONY_RECORD_SPEND"
NUMBER = "TELEPHONY_RECORD_NUMBER"
CALLEE = "TELEPHONY_RECORD_CALLEE"
TARGETS = ("TELEPHONY_RECORD_TARGET", "TELEPHONY_RECORD_OTHER_TARGET")

_OF_THE_ACCOUNT = {Capability.SEARCH_NUMBERS, Capability.LIST_TARGETS}
_WITHOUT_NUMBER = {
    Capability.SEARCH_NUMBERS,
    Capability.PROVISION_NUMBER,
    Capability.LIST_CARRIERS,
    Capability.LINK_CARRIER,
    Capability.ROTATE_CARRIER,
    Capability.UNLINK_CARRIER,
}


@dataclass(frozen=True)
class Stage:
    """A vendor ready for one scenario.

    Attributes:
        against: what it is, in words for the cassette.
        settings: connect with these, as the scenario wants them.
        scrubber: turns what is seen there into what a replay sees.
    """

    against: str
    settings: Mapping[str, object]
    situation: Setup
    scrubber: Scrubber

    @property
    def tape(self) -> Tape:
        made = self.situation
        return Tape(
            self.against,
            self.scrubber.text(made.number),
            made.carrier,
            None if made.call == Setup.call else made.call,
            None if made.message == Setup.message else made.message,
        )


def replayed(scenario: Scenario, tape: Tape) -> Stage:
    """As if the vendor itself were there."""
    sample = SANDBOXES[scenario.vendor].sample
    return Stage(
        tape.against,
        scenario.settings(canonical_settings(scenario.vendor)),
        Setup(
            tape.number,
            sample,
            tape.carrier,
            call=tape.call or Setup.call,
            message=tape.message or Setup.message,
        ),
        Scrubber(),
    )


@contextmanager
def sandbox(scenario: Scenario, server: Sandbox) -> Iterator[Stage]:
    emulation = server.vendors[scenario.vendor]
    settings = server.settings(scenario.vendor)
    with telephony.connect(scenario.vendor, **scenario.settings(settings, right=True)) as provider:
        made = prepared(provider, scenario, Setup("", emulation.sample, None))
        made = with_subject(scenario.operation, provider, server, scenario.vendor, made)
    if scenario.operation is Capability.LIST_MESSAGES:
        for text in ("Is my order ready?", "Hello?"):
            server.receive_message(scenario.vendor, made.number, sender=made.other_party, body=text)
    if scenario.plant is not None:
        scenario.plant(emulation)
    if scenario.fault is not None:
        server.fail(scenario.fault)
    scrubber = Scrubber(replaced={settings["base_url"]: base_url(scenario.vendor)})
    yield Stage("sandbox", scenario.settings(settings), made, scrubber)


@contextmanager
def own_server(scenario: Scenario, name: str, url: str) -> Iterator[Stage]:
    """Return a server of the vendor's that runs here, with the keys of the sandbox."""
    settings = {**canonical_settings(scenario.vendor), "base_url": url}
    sample = SANDBOXES[scenario.vendor].sample
    right = scenario.settings(settings, right=True)
    with telephony.connect(scenario.vendor, **right) as provider:
        made = prepared(provider, scenario, Setup("", sample, None))
        scrubber = Scrubber(replaced={url.replace("ws", "http", 1): base_url(scenario.vendor)})
        yield Stage(name, scenario.settings(settings), made, scrubber)
        for number in list(provider.list_numbers()):
            provider.release_number(number, unassign=True)


def credentials(vendor: str) -> Resolved | None:
    """How the vendor itself is reached, if the environment says it all."""
    try:
        found = resolve(vendor, {})
    except telephony.ConfigurationError:
        return None
    return found if all(origin in os.environ for origin in found.origins.values()) else None


@contextmanager
def live(scenario: Scenario, found: Resolved) -> Iterator[Stage]:
    """Return the vendor itself. Skips what would change or cost anything without `SPEND`."""
    given = {name: _clear(getattr(found.settings, name)) for name in found.origins}
    wanted = _own_situation(SANDBOXES[scenario.vendor].sample)
    url = found.settings.base_url
    against = urlsplit(url).netloc if is_loopback(url) else "live"
    scrubber = Scrubber(replaced=_replaced(scenario.vendor, given, found, wanted))
    with telephony.connect(scenario.vendor, **scenario.settings(given, right=True)) as provider:
        made = _as_it_is(provider, scenario, wanted)
        if made is not None:
            yield Stage(against, scenario.settings(given), made, scrubber)
            return
        if os.environ.get(SPEND) != "yes":
            pytest.skip(f"{scenario} would change or cost something: set {SPEND}=yes")
        before = _held(provider)
        try:
            made = prepared(provider, scenario, wanted)
            yield Stage(against, scenario.settings(given), made, scrubber)
        finally:
            _give_back(provider, before)


def prepared(provider: PhoneNumberProvider, scenario: Scenario, wanted: Setup) -> Setup:
    """Bring about what the scenario starts from."""
    sample, operation = wanted.sample, scenario.operation
    if scenario.sold or scenario.error is telephony.AuthenticationError:
        return wanted
    if sample.carrier is not None and operation is not Capability.LINK_CARRIER:
        wanted = replace(wanted, carrier=provider.link_carrier(sample.carrier).id)
    if operation in _WITHOUT_NUMBER:
        return wanted
    source = telephony.LinkedCarrier(wanted.carrier) if wanted.carrier else sample.source
    if source is None:
        number = provider.provision_number().number
    elif operation is Capability.IMPORT_NUMBER:
        return replace(wanted, number=wanted.importable)
    else:
        number = _imported(provider, wanted.importable, source)
    calls = operation in {Capability.PLACE_CALL, *OF_CALLS}
    first = sample.target if calls else sample.other_target
    provider.assign_number(number, first)
    return replace(wanted, number=number)


def _imported(provider: PhoneNumberProvider, number: str, source: telephony.Source) -> str:
    try:
        return provider.import_number(number, source=source).number
    except telephony.ConflictError:
        return provider.get_number(number).number  # left there by an earlier recording


def _as_it_is(provider: PhoneNumberProvider, scenario: Scenario, wanted: Setup) -> Setup | None:
    """Return the account as it is found, if that will do: for what only reads."""
    if scenario.wrong_key or scenario.operation in _OF_THE_ACCOUNT:
        return wanted
    if scenario.operation is Capability.LIST_CARRIERS:
        ids = (carrier.id for carrier in provider.list_carriers() if carrier.id)
        carrier = next(ids, None)
        return replace(wanted, carrier=carrier) if carrier else None
    number = next(provider.list_numbers(limit=1), None) if scenario.reads else None
    return replace(wanted, number=number.number) if number else None


def _held(provider: PhoneNumberProvider) -> set[str | None]:
    """Return the ids of everything that the account holds."""
    numbers = {number.id for number in provider.list_numbers()}
    if not provider.supports(Capability.LIST_CARRIERS):
        return {*numbers}
    return numbers | {carrier.id for carrier in provider.list_carriers()}


def _give_back(provider: PhoneNumberProvider, before: set[str | None]) -> None:
    """Release and unlink what is new, where the vendor has a way to."""
    if provider.supports(Capability.RELEASE_NUMBER):
        for number in list(provider.list_numbers()):
            if number.id not in before:
                provider.release_number(number, unassign=True)
    if provider.supports(Capability.LIST_CARRIERS):
        for carrier in list(provider.list_carriers()):
            if carrier.id not in before:
                provider.unlink_carrier(carrier)


def _own_situation(sample: Sample) -> Setup:
    """Return the sandbox's, with what the environment names in its place."""
    target, other = (os.environ.get(name) for name in TARGETS)
    account = {
        "account_sid": os.environ.get("TWILIO_ACCOUNT_SID"),
        "api_key_sid": os.environ.get("TWILIO_API_KEY"),
        "api_key_secret": os.environ.get("TWILIO_API_SECRET"),
        "auth_token": os.environ.get("TWILIO_AUTH_TOKEN"),
    }
    own = replace(
        sample,
        target=_named(sample.target, target),
        other_target=_named(sample.other_target, other),
    )
    if isinstance(sample.carrier, TwilioAccount) and account["account_sid"]:
        used = {name for name, value in vars(sample.carrier).items() if value is not None}
        own = replace(own, carrier=TwilioAccount(**{n: v for n, v in account.items() if n in used}))
    return Setup(
        "",
        own,
        None,
        os.environ.get(CALLEE, OTHER_PARTY),
        os.environ.get(NUMBER, IMPORTABLE),
    )


def _named(target: telephony.Target, named: str | None) -> telephony.Target:
    """Return a target of the same kind with another name; URLs stay, as anybody may use them."""
    if named is None or not isinstance(target, Agent | Application):
        return target
    return replace(target, id=named)


def _replaced(
    vendor: str, given: Mapping[str, str], found: Resolved, wanted: Setup
) -> dict[str, str]:
    """Return what is ours there, and what stands for it in a cassette."""
    sample = SANDBOXES[vendor].sample
    dummies = canonical_settings(vendor)
    secret = {name for name in given if isinstance(getattr(found.settings, name), SecretStr)}
    pairs = {
        text: str(dummies.get(name, MASK))
        for name, text in given.items()
        if name in secret or isinstance(dummies.get(name), str)
    }
    pairs |= {wanted.other_party: OTHER_PARTY, wanted.importable: IMPORTABLE}
    for own, public in (
        (wanted.sample.target, sample.target),
        (wanted.sample.other_target, sample.other_target),
    ):
        if isinstance(own, Agent | Application) and isinstance(public, Agent | Application):
            pairs[own.id] = public.id
    if isinstance(wanted.sample.carrier, TwilioAccount) and sample.carrier is not None:
        pairs[wanted.sample.carrier.account_sid] = sample.carrier.account_sid
    return {**pairs, found.settings.base_url: base_url(vendor)}


def _clear(value: object) -> str:
    return value.get_secret_value() if isinstance(value, SecretStr) else str(value)
