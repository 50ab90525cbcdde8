"""The numbers that an account holds, and how one is bought.

Source: twilio.com/docs/phone-numbers/api/incomingphonenumber-resource.
"""

from __future__ import annotations

from collections.abc import Mapping

from telephony.errors import ConflictError, OutcomeUnknownError
from telephony.idempotency import find_digest
from telephony.model import PhoneNumber
from telephony.wire import Json, Listing, Operation, Request, first, reconciled

from . import bodies
from .errors import TAKEN
from .pages import Pages


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
        pages = Pages(
            self._path,
            filters,
            size=limit,
            base_url=self._base_url,
            read=lambda page, response: bodies.number_page(page, response, self._provider),
            id_of=lambda number: number.id,
        )
        yield from pages.all()

    def find(self, number: str | None) -> Operation[PhoneNumber | None]:
        # The filter also takes parts of numbers, so what it finds is compared.
        listing = self.all({"PhoneNumber": number})
        return (yield from first(listing, lambda found: found.number == number))

    def bought(self, key: str, name: str, like: str | None) -> Operation[PhoneNumber | None]:
        """Return the number that a purchase with this key brought: the one of this name, or one
        that has been renamed since. Of the latter only those that begin with `like` are read."""
        for filters in ({"FriendlyName": name}, {"PhoneNumber": like}):
            found = yield from first(
                self.all(filters), lambda held: find_digest(bodies.stored_label(held)) == key
            )
            if found is not None:
                return found
        return None

    def buy(self, number: str, key: str | None, body: Json) -> Operation[PhoneNumber]:
        """Buy an exact number.

        After a lost response only the key proves that it is ours: another user of the account may
        have bought it meanwhile. Of two that buy with one key at once, the second is refused the
        number and gets the first one's.
        """
        try:
            response = yield Request.post_form(self._path, {"PhoneNumber": number, **body})
            return bodies.number(response, self._provider)
        except ConflictError as refusal:
            if refusal.code != TAKEN or key is None:
                raise
            found = yield from reconciled(self.find(number), refusal)
            if found is None or find_digest(bodies.stored_label(found)) != key:
                raise
            return found
        except OutcomeUnknownError as lost:
            found = yield from reconciled(self.find(number), lost)
            if (
                found is not None
                and key is not None
                and find_digest(bodies.stored_label(found)) == key
            ):
                return found
            lost.hint = (
                f"The account holds {number} now, as {found.id}, but another purchase may have "
                "brought it: compare with what you know. Give an idempotency_key next time: with "
                "one, the same call finds its number."
                if found
                else f"The account does not hold {number} now, but it may yet appear: look again "
                "before you buy another."
            )
            raise
