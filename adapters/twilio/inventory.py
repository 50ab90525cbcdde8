"""The numbers that an account holds.

Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from telephony.errors import ConflictError
from telephony.model import PhoneNumber, Release
from telephony.wire import Json, Listing, Operation, Request, Safety, deleted, first, path

from . import assignment, bodies
from .paging import Pages

_TAKEN_BACK_WITHIN = timedelta(days=10)
_EMERGENCY = ("registered", "pending-unregistration", "unregistration-failure")


class Inventory:
    """The numbers of one account.

    Args:
        account: its path.
        base_url: what the vendor's links to further pages are relative to.
        provider: the name that results carry.
    """

    def __init__(self, account: str, *, base_url: str, provider: str) -> None:
        self._path = f"{account}/IncomingPhoneNumbers.json"
        self._account, self._base_url, self._provider = account, base_url, provider

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

    def get(self, sid: str) -> Operation[PhoneNumber]:
        """Return a number by its sid."""
        response = yield Request.get(self._place(sid))
        return bodies.number(response, self._provider)

    def find(self, number: str | None) -> Operation[PhoneNumber | None]:
        """Return a number by its E.164 form, if the account holds it."""
        # The filter also takes parts of numbers, so what it finds is compared.
        listing = self.all({"PhoneNumber": number})
        return (yield from first(listing, lambda found: found.number == number))

    def add(self, number: str, body: Json) -> Operation[PhoneNumber]:
        """Buy a number."""
        response = yield Request.post_form(self._path, {"PhoneNumber": number, **body})
        return bodies.number(response, self._provider)

    def change(self, number: PhoneNumber, body: Json) -> Operation[PhoneNumber]:
        """Change a number. The same change twice has the same result."""
        place = self._place(number.id)
        response = yield Request.post_form(place, body, safety=Safety.IDEMPOTENT)
        changed = bodies.number(response, self._provider)
        replaced = assignment.replaced(number.raw, changed.raw)
        return changed.model_copy(update={"replaced": replaced})

    def release(self, number: PhoneNumber) -> Operation[Release]:
        """Release a number.

        Raises:
            ConflictError: it has an emergency address.
        """
        if number.raw.get("emergency_address_status") in _EMERGENCY:
            raise ConflictError(
                "An emergency address is registered for the number",
                hint="Remove it in the Twilio console, wait until get_number().raw says "
                "emergency_address_status unregistered, then release again.",
            )
        yield from deleted(Request.delete(self._place(number.id)))
        return bodies.released(number, datetime.now(UTC) + _TAKEN_BACK_WITHIN)

    def _place(self, sid: str) -> str:
        return self._account + path("/IncomingPhoneNumbers/{}.json", sid)
