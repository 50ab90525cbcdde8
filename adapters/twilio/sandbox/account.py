"""An account of the sandbox, what a request asks of it, and Twilio's way of refusing."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime

from starlette.responses import Response

from telephony.sandbox.vendor import Json, Refusal, State

API = "/2010-04-01/Accounts"


@dataclass
class Text:
    """A message with the moment that it is sorted and filtered by, and its media."""

    at: datetime
    body: Json
    media: dict[str, Json] = field(default_factory=dict)
    places: dict[str, str] = field(default_factory=dict)


@dataclass
class Account:
    """What one account owns.

    Attributes:
        owner: the main account's sid; its own for a main account.
        taken: numbers that somebody else was faster to buy, though a search still shows them.
    """

    sid: str
    owner: str
    logins: Mapping[str, str]
    state: State
    numbers: dict[str, Json] = field(default_factory=dict)
    texts: dict[str, Text] = field(default_factory=dict)
    calls: dict[str, Json] = field(default_factory=dict)
    applications: dict[str, Json] = field(default_factory=dict)
    trunks: dict[str, Json] = field(default_factory=dict)
    origination_urls: dict[str, Json] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def uri(self, rest: str) -> str:
        return f"{API}/{self.sid}/{rest}"

    def holds(self, number: str) -> Json | None:
        return next((n for n in self.numbers.values() if n["phone_number"] == number), None)


@dataclass(frozen=True)
class Asked:
    """One request. `path` begins where Twilio's own does."""

    path: str
    ids: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    form: Sequence[tuple[str, str]]

    def filter(self, name: str) -> str | None:
        return dict(self.query).get(name)

    def field(self, name: str) -> str | None:
        return dict(self.form).get(name)

    def fields(self, name: str) -> list[str]:
        return [value for key, value in self.form if key == name]


Answer = Callable[[Account, Asked], Response]


def refusal(status: int, code: int, message: str) -> Refusal:
    return Refusal(
        status,
        {
            "code": code,
            "message": message,
            "more_info": f"https://www.twilio.com/docs/errors/{code}",
            "status": status,
        },
    )


def invalid(message: str) -> Refusal:
    return refusal(400, 20001, message)


def missing(path: str) -> Refusal:
    return refusal(404, 20404, f"The requested resource {path} was not found")


def found(table: Mapping[str, Json], asked: Asked, name: str = "sid") -> Json:
    """The thing of a table that the path names."""
    if asked.ids[name] not in table:
        raise missing(asked.path)
    return table[asked.ids[name]]


def http_url(name: str, value: str) -> str:
    """A URL, or an empty value, which clears."""
    if value and not value.startswith(("https://", "http://")):
        raise invalid(f"{name} is not a valid URL")
    return value


def snake(name: str) -> str:
    """A form's field as the answer spells it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()


def rfc2822(moment: datetime) -> str:
    return format_datetime(moment.astimezone(UTC))


def iso8601(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
