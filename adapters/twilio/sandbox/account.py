"""What an account of the sandbox holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.responses import Response

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, State

from .input import ParsedRequest
from .refusals import missing

API = "/2010-04-01/Accounts"


@dataclass
class Text:
    """A message with the moment that it is sorted and filtered by, and its media."""

    at: datetime
    body: Json
    media: dict[str, Json] = field(default_factory=dict)


@dataclass
class Held:
    """A call: what never changes of its body, and the call as it is played."""

    body: Json
    played: PlayedCall


@dataclass
class Account:
    """What one account owns.

    Attributes:
        owner: the main account's sid; its own for a main account.
        taken: numbers that somebody else was faster to buy, though a search still shows them.
        short_codes: those that it can text from.
        services: its Messaging Services.
        senders: the sids of the numbers of each service.
        empty_pages: whether every listing begins with an empty page that links to the next.
    """

    sid: str
    owner: str
    logins: Mapping[str, str]
    state: State
    numbers: dict[str, Json] = field(default_factory=dict)
    texts: dict[str, Text] = field(default_factory=dict)
    calls: dict[str, Held] = field(default_factory=dict)
    applications: dict[str, Json] = field(default_factory=dict)
    trunks: dict[str, Json] = field(default_factory=dict)
    origination_urls: dict[str, Json] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)
    short_codes: set[str] = field(default_factory=set)
    services: dict[str, Json] = field(default_factory=dict)
    senders: dict[str, list[str]] = field(default_factory=dict)
    empty_pages: bool = False

    def uri(self, rest: str) -> str:
        return f"{API}/{self.sid}/{rest}"

    def holds(self, number: str) -> Json | None:
        return next((n for n in self.numbers.values() if n["phone_number"] == number), None)


Endpoint = Callable[[Account, ParsedRequest], Response]


def found(table: Mapping[str, Json], request: ParsedRequest, name: str = "sid") -> Json:
    """Return the thing of a table that the path names."""
    if request.ids[name] not in table:
        raise missing(request.path)
    return table[request.ids[name]]


def rfc2822(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC))
