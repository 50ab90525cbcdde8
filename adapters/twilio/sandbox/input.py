"""What Twilio takes: queries and forms, and what their fields may be."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from telephony.reading import LATEST

from .refusals import invalid

E164 = re.compile(r"\+[1-9]\d{6,14}", re.ASCII)


@dataclass(frozen=True)
class ParsedRequest:
    """One request.

    Attributes:
        path: begins where Twilio's own does.
        empty_page: whether the first page of a listing is to be empty.
    """

    path: str
    ids: Mapping[str, str]
    query: Sequence[tuple[str, str]]
    form: Sequence[tuple[str, str]]
    empty_page: bool = False

    def filter(self, name: str) -> str | None:
        return dict(self.query).get(name)

    def field(self, name: str) -> str | None:
        return dict(self.form).get(name)

    def fields(self, name: str) -> list[str]:
        return [value for key, value in self.form if key == name]


def period(request: ParsedRequest, name: str) -> tuple[datetime | None, datetime | None]:
    """Return the first moment that a filter lets in, and the first that it does not.

    Its value is a day or a moment; with ``<`` or ``>`` after the name, an inclusive bound.
    """
    low = high = None
    for bound in (name, f"{name}>", f"{name}<"):
        value = request.filter(bound)
        if value is None:
            continue
        try:
            begin = datetime.fromisoformat(value)
        except ValueError:
            raise invalid(f"{bound} is not a date") from None
        begin = begin.replace(tzinfo=UTC) if begin.tzinfo is None else begin
        step = timedelta(days=1) if len(value) == 10 else timedelta(seconds=1)
        end = begin + min(step, LATEST - begin)
        low = low if bound[-1] == "<" else begin
        high = high if bound[-1] == ">" else end
    return low, high


def http_url(name: str, value: str) -> str:
    """Return a URL, or an empty value, which clears."""
    if value and not value.startswith(("https://", "http://")):
        raise invalid(f"{name} is not a valid URL")
    return value


def snake(name: str) -> str:
    """Return a form's field as responses spell it."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
