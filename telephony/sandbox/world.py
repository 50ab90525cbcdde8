"""What the vendors of one sandbox do at each other: each points numbers of a carrier at itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from telephony.sandbox.vendor import VendorSandbox

_KINDS = ("voice", "sms")


@dataclass(frozen=True, slots=True)
class Answerer:
    """Who answers the calls of a number.

    Attributes:
        vendor: the adapter's name.
        by: what answers there: an agent's id or name, or a URL.
    """

    vendor: str
    by: str


class World:
    """The vendors of one sandbox, and the numbers that several of them know.

    A number that is imported from a carrier's account which is not here belongs to one vendor
    alone, and nothing is written anywhere.
    """

    def __init__(self, vendors: Mapping[str, VendorSandbox]) -> None:
        self._vendors = vendors

    def point(self, account: str, number: str, to: str | None, *, texts: bool = False) -> bool:
        """Let a vendor write where the carrier sends a number, as it does with the account's key.

        Args:
            account: the carrier's id of the account, such as ``AC…``.
            to: the vendor that answers from now on; None: nothing does.
            texts: whether texts go there too.

        Returns:
            False if the account is here, but does not hold the number.
        """
        voice, sms = (f"https://{to}.sandbox.invalid/{kind}" if to else "" for kind in _KINDS)
        for vendor in self._vendors.values():
            done = vendor.point(account, number, voice, sms if texts else None)
            if done is not None:
                return done
        return True

    def holds(self, account: str, number: str) -> bool:
        """Return False if the carrier's account is here, but does not hold the number."""
        for vendor in self._vendors.values():
            done = vendor.point(account, number, None, None)
            if done is not None:
                return done
        return True

    def points_at(self, number: str, name: str) -> bool:
        """Return whether the carrier of a number sends its calls to a vendor."""
        return any(
            self._at(name, url)
            for vendor in self._vendors.values()
            for url in vendor.leads_to(number) or ()
        )

    def answerer(self, number: str) -> Answerer | None:
        """Return who really answers a call to the number now; None where nobody does.

        The carrier decides where there is one: what a vendor keeps of a number is of no use while
        its calls go elsewhere.
        """
        for name, vendor in self._vendors.items():
            led = vendor.leads_to(number)
            if led is None:
                continue
            for url in led:
                for other, its in self._vendors.items():
                    if self._at(other, url):
                        by = its.answered_by(number)
                        return Answerer(other, by) if by is not None else None
            return Answerer(name, led[0]) if led else None
        for name, vendor in self._vendors.items():
            if (by := vendor.answered_by(number)) is not None:
                return Answerer(name, by)
        return None

    def _at(self, name: str, url: str) -> bool:
        host = _host(url)
        hosts = (f"{name}.sandbox.invalid", *self._vendors[name].hosts)
        return any(host == one or host.endswith(f".{one}") for one in hosts)


def _host(url: str) -> str:
    """Return the host of a URL or of a SIP address, such as ``sip:acme.sip.example.com``."""
    scheme, _, rest = url.partition(":")
    if scheme in ("sip", "sips"):
        return rest.partition(";")[0].rpartition("@")[2].partition(":")[0]
    return urlsplit(url).hostname or ""
