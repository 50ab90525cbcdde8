"""What a number can be assigned to. Trunks and Messaging Services have hosts of their own.

Source: twilio.com/docs/usage/api/applications, …/sip-trunking/api/trunk-resource and
…/messaging/api/service-resource.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from operator import attrgetter

from telephony.errors import ConflictError, InvalidRequestError, NotFoundError, ProviderError
from telephony.model import Application, PhoneNumber, Split, Target, Trunk
from telephony.reading import Body, Id, Rows, rows
from telephony.wire import Listing, Operation, Request, Response, Safety, path

from . import addresses, bodies
from .paging import Pages

_JOINED = (
    "A Messaging Service gets its texts now. `assignment` does not show that, and "
    "unassign_number() leaves it so: take the number out of the service in the Twilio console."
)


class _Named(Body, kw_only=True):
    sid: Id
    friendly_name: str | None = None
    account_sid: str | None = None


class Targets:
    """The applications, trunks and Messaging Services of one account.

    Args:
        account_sid: of the account. Other credentials than its own reach its applications, but the
            trunks and services of another account.
        account: its path.
        base_url: where Twilio is requested.
        trunking: the URL of the trunking API.
        messaging: the URL of the messaging API.
    """

    def __init__(
        self, account_sid: str, account: str, *, base_url: str, trunking: str, messaging: str
    ) -> None:
        self._sid, self._account = account_sid, account
        self._base_url = base_url
        # Paths are below the adapter's `base_url`, unless they begin with another host.
        self._trunks = f"{trunking.removeprefix(base_url)}/v1/Trunks"
        self._services = f"{messaging.removeprefix(base_url)}/v1/Services"

    def listed(self, limit: int | None) -> Listing[Target]:
        applications = f"{self._account}/Applications.json"
        yield from self._all(applications, attrgetter("applications"), Application, limit)
        yield from self._all(self._trunks, attrgetter("trunks"), Trunk, limit)
        yield from self._all(self._services, attrgetter("services"), Application, limit)

    def join(self, service: str, number: PhoneNumber) -> Operation[PhoneNumber]:
        """Make a number a sender of a Messaging Service, which then gets its texts, too."""
        place = self._services + path("/{}/PhoneNumbers", service)
        try:
            yield Request.post_form(place, {"PhoneNumberSid": number.id}, safety=Safety.IDEMPOTENT)
        except (ConflictError, InvalidRequestError):
            if not (yield from self._exists(place + path("/{}", number.id))):
                raise
        return number.model_copy(update={"notices": (*number.notices, _JOINED)})

    def checked(self, assignment: Operation[PhoneNumber], to: Target) -> Operation[PhoneNumber]:
        """Run an assignment; if it is refused, find out whether the target exists.

        Twilio refuses a missing one as it refuses other fields.

        Raises:
            NotFoundError: with ``argument="target"``, it does not.
        """
        try:
            return (yield from assignment)
        except (InvalidRequestError, NotFoundError) as refusal:
            parts = (to.voice, to.sms) if isinstance(to, Split) else (to,)
            for part in (each for each in parts if isinstance(each, Application | Trunk)):
                if (yield from self._exists(self._place(part))) is False:
                    raise NotFoundError(
                        f"Twilio finds no {_kind(part)} {part.id} in the account",
                        argument="target",
                        status=refusal.status,
                        code=refusal.code,
                        request_id=refusal.request_id,
                        raw=refusal.raw,
                    ) from refusal
            raise

    def _place(self, target: Application | Trunk) -> str:
        if isinstance(target, Trunk):
            return self._trunks + path("/{}", target.id)
        if addresses.is_service(target.id):
            return self._services + path("/{}", target.id)
        return self._account + path("/Applications/{}.json", target.id)

    @staticmethod
    def _exists(place: str) -> Operation[bool | None]:
        """Return whether there is something, after a refusal; None where that is refused, too."""
        try:
            yield Request.get(place)
        except NotFoundError:
            return False
        except ProviderError:
            return None
        return True

    def _all(
        self,
        place: str,
        listed: Callable[[bodies.Page], Rows],
        kind: type[Application | Trunk],
        limit: int | None,
    ) -> Listing[Target]:
        def read(page: bodies.Page, response: Response) -> list[Application | Trunk]:
            return [
                kind(row.sid, name=row.friendly_name)
                for row, _ in rows(_Named, listed(page), response)
                if row.account_sid in (None, self._sid)
            ]

        pages = Pages(
            place,
            {},
            size=limit,
            base_url=self._base_url,
            read=read,
            id_of=attrgetter("id"),
        )
        yield from pages.all()


def service_in(to: Target) -> tuple[Target | None, str | None]:
    """Return a target without the Messaging Service that is to get the texts, and that service."""
    match to:
        case Application(id=sid) if addresses.is_service(sid):
            return None, sid
        case Split(sms=Application(id=sid)) if addresses.is_service(sid):
            return replace(to, sms=None), sid
    return to, None


def _kind(target: Application | Trunk) -> str:
    if addresses.is_service(target.id):
        return "Messaging Service"
    return type(target).__name__.lower()
