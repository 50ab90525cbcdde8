"""What a vendor's emulation is, and the few things that all of them need."""

from __future__ import annotations

import itertools
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol

from pydantic import JsonValue
from pydantic_core import from_json
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from telephony.model import CarrierCredentials, Source, Target
from telephony.sandbox.webhook_sender import OutgoingWebhook, WebhookSender

Json = dict[str, JsonValue]
Handler = Callable[[Request], Awaitable[Response] | Response]


class Refusal(Exception):  # noqa: N818 - it becomes an HTTP answer, not an error of ours
    """Answer with the vendor's error instead of a result."""

    def __init__(
        self, status: int, body: JsonValue, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body
        self.headers = headers

    def response(self) -> Response:
        if isinstance(self.body, str):
            return PlainTextResponse(self.body, self.status, self.headers)
        return JSONResponse(self.body, self.status, self.headers)


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that really happened at a vendor, whether or not its response arrived.

    Attributes:
        kind: ``purchase``, ``import``, ``assign``, ``unassign``, ``release``, ``message``,
            ``call``, ``link``, ``rotate``, ``unlink``, ``label`` or ``webhook``.
        id: of the thing made or changed.
        number: E.164, where a number is concerned.
    """

    kind: str
    id: str
    number: str | None = None


@dataclass(frozen=True, slots=True)
class Sample:
    """Arguments that make sense at this vendor's sandbox, for the demo and the conformance suite.

    Attributes:
        target: what a number can be assigned to; it exists from the start.
        other_target: a second one.
        carrier: an account to link before importing, where the vendor wants one.
        source: where to import from, where no carrier is linked first. A vendor with neither is
            one to buy from.
        unimportable: a number that the carrier account does not hold, where the vendor checks.
        call_url: where the vendor asks what to say in a call, where it works so.
        webhook_of: whose webhook can be set, where an account has not just one; ``number``: a
            number's.
    """

    target: Target
    other_target: Target
    carrier: CarrierCredentials | None = None
    source: Source | None = None
    unimportable: str | None = None
    call_url: str | None = None
    webhook_of: str | None = None


@dataclass
class State:
    """What every vendor's emulation keeps besides its own tables."""

    seed: int = 1
    ledger: list[Entry] = field(default_factory=list)
    webhook: str | None = None
    """Where webhooks go that the vendor's own configuration sends nowhere."""
    courier: WebhookSender | None = None

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - made-up ids
        self._ticks = itertools.count()
        self._start = datetime.now(UTC).replace(microsecond=0)

    def id(self, prefix: str, length: int = 12, alphabet: str = "0123456789abcdef") -> str:
        return prefix + "".join(self._random.choices(alphabet, k=length))

    def digits(self, length: int) -> str:
        return self.id("", length, "0123456789")

    def now(self) -> datetime:
        """Strictly increasing, so that what comes later also sorts later."""
        return max(datetime.now(UTC), self._start) + timedelta(microseconds=next(self._ticks))

    def deliver(self, *deliveries: OutgoingWebhook) -> None:
        """Send webhooks, each after the one before; without a running server none is sent."""
        if self.courier is not None:
            self.courier.send(deliveries)

    def record(self, kind: str, id: str, number: str | None = None) -> None:  # noqa: A002
        self.ledger.append(Entry(kind, id, number))


class VendorSandbox(Protocol):
    """One vendor's documented API, stateful. Its state lives as long as the object.

    Attributes:
        name: the adapter's name; the API is served below ``/<name>``.
        state: ids, clock and ledger.
        sample: arguments that make sense here.
        too_many: how the vendor answers more requests than it takes.
    """

    name: ClassVar[str]
    state: State
    sample: Sample
    too_many: ClassVar[Refusal] = Refusal(429, "Too many requests")

    def __init__(self) -> None: ...

    def routes(self) -> Sequence[BaseRoute]:
        """The vendor's routes, relative to its base path."""

    def refuse_route(self, request: Request, status: int) -> Refusal:
        """How the vendor answers an unknown path (404) or method (405)."""

    def settings(self, base_url: str) -> Mapping[str, str]:
        """Adapter settings that connect to this sandbox."""

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        """Let the number `to` receive a text; returns its id. Raises `LookupError`."""

    def receive_call(self, to: str, sender: str) -> str:
        """Have the number `to` called and the call ended; returns its id. Raises `LookupError`."""
        raise LookupError(f"In the sandbox of {self.name} {sender} cannot call {to}")


def route(method: str, path: str, handler: Handler) -> Route:
    return Route(path, handler, methods=[method])


def application(vendor: VendorSandbox) -> Starlette:
    """The ASGI application of one vendor."""

    def refused(_: Request, error: Exception) -> Response:
        if not isinstance(error, Refusal):
            raise error
        return error.response()

    def missing(request: Request, _: Exception) -> Response:
        return vendor.refuse_route(request, 404).response()

    def wrong_method(request: Request, _: Exception) -> Response:
        return vendor.refuse_route(request, 405).response()

    return Starlette(
        routes=list(vendor.routes()),
        exception_handlers={Refusal: refused, 404: missing, 405: wrong_method},
    )


async def body_of(request: Request, invalid: Callable[[str], Refusal]) -> Json:
    """The request's JSON object; an empty body is an empty object."""
    content = await request.body()
    if not content:
        return {}
    try:
        value = from_json(content)
    except ValueError:
        raise invalid("the body is not JSON") from None
    if not isinstance(value, dict):
        raise invalid("the body is not an object")
    return value


def iso(moment: datetime) -> str:
    """RFC 3339 with ``Z``, to the microsecond."""
    return _rfc3339(moment, "microseconds")


def iso_seconds(moment: datetime) -> str:
    """RFC 3339 with ``Z``, to the second."""
    return _rfc3339(moment, "seconds")


def _rfc3339(moment: datetime, timespec: str) -> str:
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
