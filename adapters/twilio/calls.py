"""Calls, and their recordings.

Source: twilio.com/docs/voice/api/call-resource and …/recording.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from operator import attrgetter

from msgspec import field

from telephony import model, recordings
from telephony.errors import ConflictError, InvalidRequestError, NotFoundError
from telephony.model import Call, CallStatus, Direction, Recording
from telephony.reading import LATEST, Body, Id, Time, duration, moment, read, rows
from telephony.unchecked import Unchecked
from telephony.wire import (
    Batch,
    Json,
    Listing,
    Operation,
    Options,
    Request,
    Response,
    Safety,
    first,
    merged,
    path,
)

from . import addresses, bodies
from .paging import Pages
from .timeline import Timeline

STATUS: Mapping[str | None, CallStatus] = {
    "queued": CallStatus.QUEUED,
    "initiated": CallStatus.QUEUED,
    "ringing": CallStatus.RINGING,
    "in-progress": CallStatus.IN_PROGRESS,
    "completed": CallStatus.COMPLETED,
    "busy": CallStatus.BUSY,
    "no-answer": CallStatus.NO_ANSWER,
    "failed": CallStatus.FAILED,
    "canceled": CallStatus.CANCELED,
}
_DIRECTIONS: Mapping[str | None, Direction] = {
    "inbound": Direction.INBOUND,
    "outbound-api": Direction.OUTBOUND,
    "outbound-dial": Direction.OUTBOUND,
    "trunking-originating": Direction.INBOUND,
    "trunking-terminating": Direction.OUTBOUND,
}
_LONGEST_RING = 600
_LAST_DAY = LATEST - timedelta(days=1)
_HOST = re.compile(r"https?://(?:[^/?#@]*@)?((?P<name>[^/?#:]+)(?::\d+)?)")
_OVER_ALREADY = "21220"
_CALLS = Unchecked(model.Call)


class CallBody(Body, kw_only=True):
    """A call, as listings and webhooks spell it."""

    sid: Id
    sender: str | None = field(default=None, name="from")
    recipient: str | None = field(default=None, name="to")
    direction: str | None = None
    status: str | None = None
    date_created: Time = None
    start_time: Time = None
    end_time: Time = None
    duration: Time = None

    def normalized(self, provider: str, raw: bytes) -> Call:
        direction = _DIRECTIONS.get(self.direction) or Direction.UNKNOWN
        own = self.recipient if direction is Direction.INBOUND else self.sender
        fields = _CALLS.fields()
        fields["id"] = self.sid
        fields["provider"] = provider
        fields["number"] = addresses.bare(own) if own else None
        fields["sender"], fields["recipient"] = self.sender, self.recipient
        fields["direction"] = direction
        fields["status"] = STATUS.get(self.status) or CallStatus.UNKNOWN
        # Until it is dialled, the moment when Twilio took it is the only one on record.
        fields["started_at"] = moment(self.start_time) or moment(self.date_created)
        fields["ended_at"] = moment(self.end_time)
        fields["duration"] = duration(self.duration)
        return _CALLS.made(fields, raw)


class _Recording(Body, kw_only=True):
    sid: Id
    status: str | None = None
    media_url: str | None = None
    encryption_details: dict[str, object] | None = None


class Calls:
    """The calls of one account.

    Args:
        account: its path.
        base_url: where Twilio is requested.
        provider: the name that results carry.
    """

    def __init__(self, account: str, *, base_url: str, provider: str) -> None:
        self._path = f"{account}/Calls.json"
        self._account, self._base_url, self._provider = account, base_url, provider

    def place(
        self, address: str, to: str, url: str | None, timeout: float | None, options: Options
    ) -> Operation[Call]:
        fields: Json = {
            "To": to,
            "From": address,
            "Url": url,
            "Timeout": None if timeout is None else math.ceil(timeout),
        }
        response = yield Request.post_form(self._path, merged(fields, options))
        placed = self._read(response)
        number = addresses.bare(address)
        return placed.model_copy(update={"number": number, "direction": Direction.OUTBOUND})

    def get(self, call: str) -> Operation[Call]:
        return self._read((yield Request.get(self._of(call))))

    def timeline(
        self,
        number: str | None,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Timeline[Call]:
        """Return the calls of a number, or of all, newest first."""
        # Twilio's filters know whole days only, and it is not certain that the last one is in.
        following = None if before is None or before > _LAST_DAY else before + timedelta(days=1)
        period = {"StartTime>": _day(after), "StartTime<": _day(following)}
        sides = [{}] if number is None else [{"To": number}, {"From": number}]
        listings = [
            Pages(
                self._path,
                {**side, **period},
                # Those of a day or two may have to be read before the first that is wanted.
                size=limit if before is None else None,
                base_url=self._base_url,
                read=self._listed,
                id_of=attrgetter("id"),
            )
            for side in sides
        ]
        return Timeline(listings, attrgetter("started_at"), after, before)

    def end(self, call: str) -> Operation[Call]:
        """Hang up, or cancel: Twilio does either for a call that is to be completed."""
        change = Request.post_form(
            self._of(call), {"Status": "completed"}, safety=Safety.IDEMPOTENT
        )
        try:
            return self._read((yield change))
        except InvalidRequestError as refusal:
            if refusal.code != _OVER_ALREADY:
                raise
            return (yield from self.get(call))

    def recording(self, call: str) -> Operation[Recording]:
        """Return the newest recording of a call that is complete.

        Raises:
            NotFoundError: there is none.
            ConflictError: it is encrypted.
        """
        pages: Pages[_Recording] = Pages(
            f"{self._account}/Recordings.json",
            {"CallSid": call},
            size=None,
            base_url=self._base_url,
            read=lambda page, response: [
                row for row, _ in rows(_Recording, page.recordings, response)
            ],
            id_of=attrgetter("sid"),
        )
        found = yield from first(pages.all(), lambda each: each.status in (None, "completed"))
        if found is None:
            raise NotFoundError(
                "Twilio has no finished recording of this call",
                hint="Calls are recorded if TwiML or options={'Record': True} says so; right after "
                "the call, look again in a moment. What <Dial> connects is recorded with the call "
                "that it belongs to.",
            )
        if found.encryption_details:
            raise ConflictError(
                "The recording is encrypted with a key of yours",
                hint=f"Download {found.sid} from Twilio and decrypt it with your private key.",
            )
        place = self._account + path("/Recordings/{}.wav", found.sid)
        url = found.media_url or ""
        request = Request("GET", url, anonymous=True) if self._elsewhere(url) else None
        return (yield from recordings.fetched(request or Request.get(place), call, self._provider))

    def _elsewhere(self, url: str) -> bool:
        """Return whether a recording is kept outside of Twilio, as accounts can choose."""
        found, here = _HOST.match(url), _HOST.match(self._base_url)
        return found is not None and not (
            found["name"].endswith(".twilio.com") or (here is not None and found[1] == here[1])
        )

    def _of(self, call: str) -> str:
        return self._account + path("/Calls/{}.json", call)

    def _read(self, response: Response) -> Call:
        found = read(CallBody, response.content, response)
        return found.normalized(self._provider, response.content)

    def _listed(self, page: bodies.Page, response: Response) -> list[Call]:
        found = rows(CallBody, page.calls, response)
        return [row.normalized(self._provider, raw) for row, raw in found]


def check_placed(url: str | None, timeout: float | None, options: Options) -> None:
    """Raise `InvalidRequestError` for a call that Twilio would not place."""
    if url is None and not options.keys() & {"Url", "Twiml", "ApplicationSid"}:
        raise InvalidRequestError(
            "Twilio would not know what to say.",
            argument="url",
            hint="Give `url`, or options={'Twiml': …} or options={'ApplicationSid': …}.",
        )
    if timeout is not None and timeout > _LONGEST_RING:
        raise InvalidRequestError(
            f"`timeout` is longer than {_LONGEST_RING} seconds.",
            argument="timeout",
            hint="Twilio lets no call ring longer.",
        )


def listed(timeline: Timeline[Call]) -> Listing[Call]:
    while timeline.more:
        yield Batch((yield from timeline.fetch()))


def _day(moment: datetime | None) -> str | None:
    return None if moment is None else moment.date().isoformat()
