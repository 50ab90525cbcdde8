"""The numbers that an account holds.

Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
"""

from __future__ import annotations

from collections.abc import Mapping

from telephony.model import PhoneNumber
from telephony.wire import Json, Listing, Operation, Request, first

from . import bodies
from .paging import Pages


class Inventory:
    """The numbers of one account.

    Args:
        account: its path.
        base_url: what the vendor's links to further pages are relative to.
        provider: the name that results carry.
    """

    def __init__(self, account: str, *, base_url: str, provider: str) -> None:
        self._path = f"{account}/IncomingPhoneNumbers.json"
        self._base_url, self._provider = base_url, provider

    def all(
        self, filters: Mapping[str, str | int | None], limit: int | None = None
    ) -> Listing[PhoneNumber]:
        """List the numbers that match Twilio's `filters`."""
        pages = Pages(
            self._path,
            filters,
            size=limit,
            base_url=self._base_url,
            read=lambda page, response: bodies.numbers(page, response, self._provider),
            id_of=lambda number: number.id,
        )
        yield from pages.all()

    def find(self, number: str | None) -> Operation[PhoneNumber | None]:
        """Return a number by its E.164 form, if the account holds it."""
        # The filter also takes parts of numbers, so what it finds is compared.
        listing = self.all({"PhoneNumber": number})
        return (yield from first(listing, lambda found: found.number == number))

    def add(self, number: str, body: Json) -> Operation[PhoneNumber]:
        """Buy a number."""
        response = yield Request.post_form(self._path, {"PhoneNumber": number, **body})
        return bodies.number(response, self._provider)
