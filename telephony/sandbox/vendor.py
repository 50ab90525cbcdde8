"""One vendor's fake API, and the few things that all of them need."""

from __future__ import annotations

import contextlib
import itertools
import random
import re
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import ClassVar, Protocol, TypeVar

from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute

from telephony.model import CarrierCredentials, Source, Target
from telephony.sandbox.calls import Calls
from telephony.sandbox.webhook_sender import OutgoingWebhook
from telephony.sandbox.world import World

Json = dict[str, JsonValue]
T = TypeVar("T")


class Refusal(Exception):  # noqa: N818 - it becomes an HTTP response, not an error of ours
    """Respond with the vendor's error instead of a result."""

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


class Table(dict[str, T]):
    """Objects by id; `missing` makes the vendor's refusal of an id that is not there."""

    def __init__(self, missing: Callable[[str], Refusal]) -> None:
        super().__init__()
        self._missing = missing

    def find(self, key: str) -> T:
        if key not in self:
            raise self._missing(key)
        return self[key]


@dataclass(frozen=True, slots=True)
class Entry:
    """A change that a vendor really made, whether or not its response arrived.

    Attributes:
        kind: ``purchase``, ``import``, ``assign``, ``unassign``, ``release``, ``message``,
            ``call``, ``end``, ``link``, ``rotate``, ``unlink``, ``label`` or ``webhook``.
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
        call_url: where the vendor requests instructions for a call, if it does.
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
    """Made-up ids, clock and ledger of a vendor, its calls and webhooks, and planted responses.

    Attributes:
        calls: the calls, which go by a clock of their own.
        webhook_url: where webhooks go that the vendor's own configuration sends nowhere.
        deliver: sends webhooks, each after the one before; None until a server runs.
        world: the vendors beside this one; none until a server runs.
    """

    seed: int = 1
    ledger: list[Entry] = field(default_factory=list)
    webhook_url: str | None = None
    deliver: Callable[[Sequence[OutgoingWebhook]], None] | None = None
    world: World = field(default_factory=lambda: World({}))

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - made-up ids
        self._ticks = itertools.count()
        self._start = datetime.now(UTC).replace(microsecond=0)
        self._planted: dict[str, deque[JsonValue]] = {}
        self._of_thread = threading.local()
        self.calls: Calls = Calls(self.now)

    def id(self, prefix: str, length: int = 12, alphabet: str = "0123456789abcdef") -> str:
        return prefix + "".join(self._random.choices(alphabet, k=length))

    def digits(self, length: int) -> str:
        return self.id("", length, "0123456789")

    def now(self) -> datetime:
        """Return a strictly increasing time, so that what comes later also sorts later."""
        return max(datetime.now(UTC), self._start) + timedelta(microseconds=next(self._ticks))

    def send_webhooks(self, *webhooks: OutgoingWebhook) -> None:
        """Send webhooks, each after the one before; without a running server none is sent."""
        waiting: list[OutgoingWebhook] | None = getattr(self._of_thread, "waiting", None)
        if waiting is not None:
            waiting.extend(webhooks)
        elif self.deliver is not None and webhooks:
            self.deliver(webhooks)

    @contextlib.contextmanager
    def webhooks_in_order(self) -> Iterator[None]:
        """Send what this thread lets happen meanwhile when it is over, one after the other."""
        self._of_thread.waiting = waiting = list[OutgoingWebhook]()
        try:
            yield
        finally:
            self._of_thread.waiting = None
        self.send_webhooks(*waiting)

    def respond(self, *bodies: JsonValue, to: str = "") -> None:
        """Respond to the next requests with these bodies, one each, instead of doing anything.

        Args:
            to: only requests in whose ``METHOD /path`` this regular expression is found; what was
                planted for the same is replaced.
        """
        self._planted[to] = deque(bodies)

    def planted_response(self, request: Request) -> Response | None:
        """Take the planted response to this request, if there is one."""
        target = f"{request.method} {request.url.path}"
        for to, bodies in self._planted.items():
            if bodies and re.search(to, target):
                return JSONResponse(bodies.popleft())
        return None

    def record(self, kind: str, id: str, number: str | None = None) -> None:  # noqa: A002
        self.ledger.append(Entry(kind, id, number))


class VendorSandbox(Protocol):
    """One vendor's documented API, with state that lives as long as the object.

    Attributes:
        name: the adapter's name; the API is served below ``/<name>``.
        state: ids, clock and ledger.
        sample: arguments that make sense here.
        too_many: the response to more requests than the vendor takes.
        hosts: where calls arrive that are sent to the vendor by SIP, as it documents them.
    """

    name: ClassVar[str]
    state: State
    sample: Sample
    too_many: ClassVar[Refusal] = Refusal(429, "Too many requests")
    hosts: ClassVar[tuple[str, ...]] = ()

    def __init__(self) -> None: ...

    def routes(self) -> Sequence[BaseRoute]:
        """Return the vendor's routes, relative to its base path."""

    def refuse_route(self, request: Request, status: int) -> Refusal:
        """Return the vendor's response to an unknown path (404) or method (405)."""

    def settings(self, base_url: str) -> Mapping[str, str]:
        """Return the adapter settings that connect to this sandbox."""

    def advance(self, seconds: float) -> None:
        """Move the clock of the calls forward: they are answered, spoken in and end."""
        self.state.calls.advance(seconds)

    def receive_message(
        self,
        to: str,
        sender: str,
        body: str,  # noqa: ARG002 - for vendors that carry texts
        *,
        sent_at: datetime | None,  # noqa: ARG002
    ) -> str:
        """Let the number `to` receive a text; return its id. Raises `LookupError`."""
        raise LookupError(f"In the sandbox of {self.name} {sender} cannot text {to}")

    def receive_call(self, to: str, sender: str) -> str:
        """Let the number `to` receive a call, as `Calls.receive` plays it; return its id.

        Raises:
            LookupError: it cannot.
        """
        raise LookupError(f"In the sandbox of {self.name} {sender} cannot call {to}")

    def point(
        self,
        account: str,  # noqa: ARG002 - for carriers
        number: str,  # noqa: ARG002
        voice: str | None,  # noqa: ARG002
        sms: str | None,  # noqa: ARG002
    ) -> bool | None:
        """Send the calls, and the texts, of a number to URLs, as other vendors ask a carrier to.

        Args:
            account: the carrier's own id of the account.
            voice: None leaves calls as they are; an empty text: nowhere.
            sms: likewise for texts.

        Returns:
            None: there is no such account here. False: it does not hold the number.
        """
        return None

    def leads_to(self, number: str) -> list[str] | None:  # noqa: ARG002
        """Return where a carrier sends the calls of a number: URLs, SIP addresses; or nowhere.

        Returns:
            None: no account here holds the number as a carrier.
        """
        return None

    def answered_by(self, number: str) -> str | None:  # noqa: ARG002
        """Return what answers the calls of a number that reach this vendor, such as an agent."""
        return None


def application(vendor: VendorSandbox) -> Starlette:
    """Return the ASGI application of one vendor."""

    def refused(_: Request, error: Exception) -> Response:
        if not isinstance(error, Refusal):
            raise error
        return error.response()

    def no_route(request: Request, status: int) -> Response:
        try:
            return vendor.refuse_route(request, status).response()
        except Refusal as refusal:
            return refusal.response()  # of the credentials, which come first

    def missing(request: Request, _: Exception) -> Response:
        return no_route(request, 404)

    def wrong_method(request: Request, _: Exception) -> Response:
        return no_route(request, 405)

    return Starlette(
        routes=list(vendor.routes()),
        exception_handlers={Refusal: refused, 404: missing, 405: wrong_method},
    )


def iso(moment: datetime) -> str:
    """Return the time in RFC 3339 with ``Z``, to the microsecond."""
    return _rfc3339(moment, "microseconds")


def iso_seconds(moment: datetime) -> str:
    """Return the time in RFC 3339 with ``Z``, to the second."""
    return _rfc3339(moment, "seconds")


def _rfc3339(moment: datetime, timespec: str) -> str:
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")
