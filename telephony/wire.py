"""The interface between adapters and drivers: requests out, responses in, no I/O.

An operation is a generator that yields `Request`s, is sent `Response`s and returns its result. A
listing also yields `Batch`es of items. The drivers in `telephony.provider` run both kinds, blocking
or asyncio; they throw transport failures and error responses in at the `yield`, as
`ProviderError`s.
"""

from __future__ import annotations

import enum
import re
from collections import deque
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeAlias, TypeVar
from urllib.parse import quote, urlsplit

from pydantic import JsonValue

from telephony.errors import (
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
)
from telephony.raw import parsed
from telephony.redaction import hidden

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)

Json: TypeAlias = dict[str, JsonValue]
"""A JSON object."""

Options: TypeAlias = Mapping[str, JsonValue]
"""Further fields of a vendor's request."""

_NUMBER = re.compile(r"(\+|%2B)\d{6,}", re.IGNORECASE)
# Pages that may overlap with the one just read.
_OVERLAP = 3


class Safety(enum.Enum):
    """What sending a request a second time would do."""

    READ = "read"
    """Nothing, since it changes nothing."""
    IDEMPOTENT = "idempotent"
    """Nothing more than the first time."""
    UNSAFE = "unsafe"
    """It could buy, import, send or call twice. Retried only if provably not processed."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request.

    Attributes:
        method: in capitals.
        path: below the adapter's `base_url`, ids already quoted (see `path`); or an absolute URL on
            one of the adapter's own origins.
        params: the query, in order; a repeated key is a repeated pair.
        json: a JSON body.
        form: a form body, in order.
        headers: in addition to the adapter's own. Kept out of the repr: they may hold a token.
        safety: whether it can be retried.
        timeout: seconds to wait for data, where the vendor needs more than the setting `timeout`.
        anonymous: whether `path` is a URL that the vendor made for this one purpose: it may be on
            any host (https), gets neither the adapter's headers nor a client certificate, and is
            itself a secret, of which only the host is shown.
        redirects: whether a redirect is a response as good as any; it is not followed.
        largest: bytes that the response's body may have; 0: 64 MiB.
    """

    method: str
    path: str
    params: Sequence[tuple[str, str]] = field(default=(), repr=False)
    json: JsonValue = field(default=None, repr=False)
    form: Sequence[tuple[str, str]] | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    safety: Safety = Safety.READ
    timeout: float = 0.0
    anonymous: bool = False
    redirects: bool = False
    largest: int = 0

    def __post_init__(self) -> None:
        if self.anonymous:
            object.__setattr__(self, "path", hidden(self.path))

    @property
    def shown(self) -> str:
        """The path for logs, without its query and telephone numbers; the host of a secret URL."""
        if self.anonymous:
            parts = urlsplit(self.path)
            return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        return _NUMBER.sub("{number}", self.path.partition("?")[0])

    @classmethod
    def get(cls, path: str, params: Mapping[str, str | int | None] | None = None) -> Request:
        """Return a GET; parameters that are None are left out."""
        return cls("GET", path, params=query(params or {}))

    @classmethod
    def post(cls, path: str, json: JsonValue = None, *, safety: Safety = Safety.UNSAFE) -> Request:
        """Return a POST of JSON."""
        return cls("POST", path, json=json, safety=safety)

    @classmethod
    def post_form(
        cls, path: str, fields: Mapping[str, JsonValue], *, safety: Safety = Safety.UNSAFE
    ) -> Request:
        """Return a POST of a form."""
        return cls("POST", path, form=form(fields), safety=safety)

    @classmethod
    def patch(cls, path: str, json: JsonValue = None) -> Request:
        """Return a PATCH of JSON."""
        return cls("PATCH", path, json=json, safety=Safety.IDEMPOTENT)

    @classmethod
    def put(cls, path: str, json: JsonValue = None) -> Request:
        """Return a PUT of JSON."""
        return cls("PUT", path, json=json, safety=Safety.IDEMPOTENT)

    @classmethod
    def delete(cls, path: str, json: JsonValue = None) -> Request:
        """Return a DELETE."""
        return cls("DELETE", path, json=json or None, safety=Safety.IDEMPOTENT)


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP response, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    request: Request
    attempts: int = 1

    def json(self) -> JsonValue:
        """Return the body as JSON.

        Raises:
            InvalidResponseError: the body is empty, cut off or not JSON.
            OutcomeUnknownError: the same, after a request that changes something.
        """
        if not self.content.strip():
            raise unreadable(self, "The response is empty where JSON was expected")
        try:
            return parsed(self.content)
        except (ValueError, RecursionError):
            kind = self.headers.get("content-type", "no content type").split(";")[0]
            raise unreadable(
                self, f"The response is not the JSON that was expected ({kind})"
            ) from None

    def object(self) -> Json:
        """Return the body as a JSON object. Raises as `json` does."""
        value = self.json()
        if not isinstance(value, dict):
            raise unreadable(self, "The response is not a JSON object")
        return value


@dataclass(frozen=True, slots=True)
class Batch(Generic[T_co]):
    """Some items of a listing, in the order in which the caller gets them."""

    items: Sequence[T_co]


Operation: TypeAlias = Generator[Request, Response, T]
"""An operation, which returns its result."""

Listing: TypeAlias = Generator[Request | Batch[T], Response, None]
"""A listing, which yields its items."""


@dataclass(frozen=True, slots=True)
class NumberRef:
    """How the caller named a number: by the vendor's id, by E.164, or by both."""

    id: str | None = None
    number: str | None = None

    def __str__(self) -> str:
        return self.id or self.number or ""


def path(template: str, *ids: str) -> str:
    """Return `template` with each ``{}`` replaced by an id, quoted so that it stays one segment.

    Raises:
        InvalidRequestError: an id is empty, ``.`` or ``..``.
    """
    for value in ids:
        if value.strip() in {"", ".", ".."}:
            raise InvalidRequestError("An id is empty or not an id.", argument="id")
    return template.format(*(quote(value, safe="") for value in ids))


def query(params: Mapping[str, str | int | None]) -> list[tuple[str, str]]:
    """Return the pairs of a query string, without absent (None) values."""
    return [(key, str(value)) for key, value in params.items() if value is not None]


def form(fields: Mapping[str, JsonValue]) -> list[tuple[str, str]]:
    """Return the pairs of a form body: a list repeats its key, None is an empty value."""
    pairs: list[tuple[str, str]] = []
    for key, value in fields.items():
        for item in value if isinstance(value, list) else [value]:
            text = str(item).lower() if isinstance(item, bool) else str(item)
            pairs.append((key, "" if item is None else text))
    return pairs


def merged(body: Mapping[str, JsonValue], options: Options) -> Json:
    """Return a vendor's body without absent (None) fields, overridden by the caller's `options`.

    A None in `options` is kept: that sends an explicit null.
    """
    return {key: value for key, value in body.items() if value is not None} | dict(options)


def unreadable(response: Response, message: str) -> InvalidResponseError | OutcomeUnknownError:
    """Return the error for a response that cannot be understood: a change may have been made."""
    safety = response.request.safety
    if safety is Safety.READ:
        return InvalidResponseError(
            message, status=response.status, attempts=response.attempts, retry_safe=True
        )
    return OutcomeUnknownError(
        message,
        status=response.status,
        attempts=response.attempts,
        retry_safe=safety is Safety.IDEMPOTENT,
    )


def first(listing: Listing[T], wanted: Callable[[T], bool]) -> Operation[T | None]:
    """Return the first item of a listing that is wanted, fetching no page past it; else None."""
    try:
        step = next(listing)
        while True:
            if isinstance(step, Batch):
                for item in step.items:
                    if wanted(item):
                        return item
                step = next(listing)
                continue
            try:
                response = yield step
            except Exception as error:
                step = listing.throw(error)
            else:
                step = listing.send(response)
    except StopIteration:
        return None
    finally:
        listing.close()


def collect(listing: Listing[T]) -> Operation[list[T]]:
    """Return every item of a listing."""
    found: list[T] = []

    def keep(item: T) -> bool:
        found.append(item)
        return False

    yield from first(listing, keep)
    return found


def reconciled(look: Operation[T], lost: ProviderError) -> Operation[T]:
    """Run `look`, which reads back after `lost`; if that fails too, raise `lost`."""
    try:
        return (yield from look)
    except ProviderError as error:
        raise lost from error


def deleted(request: Request) -> Operation[Response | None]:
    """Send a delete and return its response; None if a retry finds nothing left to delete.

    The first attempt did it then, and only its response was lost.

    Raises:
        NotFoundError: the first attempt already finds nothing.
    """
    try:
        return (yield request)
    except NotFoundError as missing:
        if missing.attempts == 1:
            raise
        return None


class PageTracker:
    """Keeps a listing from looping for ever, and from returning items twice where pages overlap.

    It remembers the last pages and one older id, the landmark, which moves forward each time twice
    as many items have been read: any endless repetition reaches it (Brent's cycle detection). So
    long listings take no more memory than short ones.
    """

    def __init__(self) -> None:
        self._recent: deque[set[str]] = deque(maxlen=_OVERLAP)
        self._landmark: str | None = None
        self._count, self._next = 0, 1

    def unseen(self, found: Sequence[T], id_of: Callable[[T], str]) -> list[T]:
        """Return the items of a page that did not come before, in order.

        Raises:
            InvalidResponseError: the vendor repeats a page that was read long ago.
        """
        keys = list(map(id_of, found))
        page = set(keys)
        known = set[str]().union(*map(page.intersection, self._recent))
        if self._landmark in page and self._landmark not in known:
            raise self.repeated_page()
        fresh = list(found)
        if len(page) < len(keys):
            fresh = []
            for key, item in zip(keys, found, strict=True):
                if key not in known:
                    known.add(key)
                    fresh.append(item)
        elif known:
            fresh = [item for key, item in zip(keys, found, strict=True) if key not in known]
        self._recent.append(page)
        self._count += len(fresh)
        if fresh and self._count >= self._next:
            self._landmark, self._next = id_of(fresh[-1]), 2 * self._count
        return fresh

    @staticmethod
    def repeated_page() -> InvalidResponseError:
        return InvalidResponseError(
            "The vendor promises more pages but repeats one already read",
            retry_safe=True,
            hint="Start the listing again; if it happens again, report it to the vendor.",
        )
