"""What a number can be assigned to: applications, and trunks, which have a host of their own.

Source: twilio.com/docs/usage/api/applications and …/sip-trunking/api/trunk-resource.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

from telephony.errors import InvalidRequestError, NotFoundError, ProviderError
from telephony.model import Application, PhoneNumber, Split, Target, Trunk
from telephony.reading import Body, Id, rows
from telephony.wire import Listing, Operation, Request, Response, path

from . import bodies
from .paging import Pages


class _Named(Body, kw_only=True):
    sid: Id
    friendly_name: str | None = None
    account_sid: str | None = None


class Targets:
    """The applications and trunks of one account.

    Args:
        account_sid: of the account. Other credentials than its own reach its applications, but the
            trunks of another account.
        account: its path.
        base_url: where Twilio is requested.
        trunking: the URL of the trunking API; `base_url` where that is below it.
    """

    def __init__(self, account_sid: str, account: str, *, base_url: str, trunking: str) -> None:
        self._sid, self._account = account_sid, account
        self._base_url = base_url
        self._trunking = "" if trunking == base_url else trunking

    def listed(self, limit: int | None) -> Listing[Target]:
        yield from self._all(
            f"{self._account}/Applications.json",
            limit,
            lambda page, response: [
                Application(row.sid, name=row.friendly_name)
                for row, _ in rows(_Named, page.applications, response)
            ],
        )
        yield from self._all(
            f"{self._trunking}/v1/Trunks",
            limit,
            lambda page, response: [
                Trunk(row.sid, name=row.friendly_name)
                for row, _ in rows(_Named, page.trunks, response)
                if row.account_sid in (None, self._sid)
            ],
        )

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
                if (yield from self._is_missing(part)):
                    raise NotFoundError(
                        f"The account has no {type(part).__name__.lower()} {part.id}",
                        argument="target",
                        code=refusal.code,
                        raw=refusal.raw,
                    ) from refusal
            raise

    def _is_missing(self, target: Application | Trunk) -> Operation[bool]:
        if isinstance(target, Trunk):
            place = self._trunking + path("/v1/Trunks/{}", target.id)
        else:
            place = self._account + path("/Applications/{}.json", target.id)
        try:
            yield Request.get(place)
        except NotFoundError:
            return True
        except ProviderError:
            pass  # what was refused matters more
        return False

    def _all(
        self,
        place: str,
        limit: int | None,
        read: Callable[[bodies.Page, Response], list[Target]],
    ) -> Listing[Target]:
        pages: Pages[Target] = Pages(
            place, {}, size=limit, base_url=self._base_url, read=read, id_of=attrgetter("id")
        )
        yield from pages.all()
