"""The sandbox as a running server: in this process for tests, or alone for `telephony sandbox`."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Self

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Mount

from telephony.errors import ConfigurationError
from telephony.registry import suggestion
from telephony.sandbox import environment
from telephony.sandbox.arrivals import Arrival, Arrivals
from telephony.sandbox.calls import ReceivedCall
from telephony.sandbox.control import Control
from telephony.sandbox.exchanges import Exchange, Exchanges
from telephony.sandbox.faults import Fault, Faults
from telephony.sandbox.guard import LoopbackOnly
from telephony.sandbox.installed import installed, vendors
from telephony.sandbox.page import DIRECT, Page
from telephony.sandbox.port import Port
from telephony.sandbox.recording import Received, recording
from telephony.sandbox.vendor import Entry, VendorSandbox, application
from telephony.sandbox.webhook_sender import DeliveryAttempt, WebhookSender
from telephony.sandbox.world import Answerer, World
from telephony.settings import is_loopback

_WATCHED = 0.5  # seconds between two looks at the calls that go on by themselves


class Sandbox:
    """Every vendor's documented API on loopback, in a thread of this process.

    A context manager. Of every method, `vendor` is an adapter's name and `number` is E.164.

    Args:
        only: names of the vendors to serve; None: all that are installed.
        port: 0 picks a free one.
        webhook: where the vendors send their webhooks, until their APIs set another URL;
            ``{provider}`` in it becomes the vendor's name. On this machine. None: nowhere.
        webhook_backoff: seconds before a webhook that failed is sent again; doubles each time.
        real_time: whether calls go on by themselves; else as `advance` moves their clock.
        on_response: called, from the server's thread, with every request for a vendor once it is
            answered or cut off.

    Attributes:
        url: where the sandbox is, and its page; each vendor is below it, and on a port of its own.
        webhook: where the vendors send their webhooks now, as `send_webhooks` says.

    Example:
        with Sandbox() as sandbox:
            provider = telephony.connect("cartesia", settings=sandbox.settings("cartesia"))
    """

    def __init__(
        self,
        only: Iterable[str] | None = None,
        *,
        port: int = 0,
        webhook: str | None = None,
        webhook_backoff: float = 0.1,
        real_time: bool = False,
        on_response: Callable[[Arrival], None] | None = None,
    ) -> None:
        self.vendors: dict[str, VendorSandbox] = vendors(only)
        self._webhook_sender = WebhookSender(webhook_backoff)
        self._first_webhook = webhook
        self._calls: list[ReceivedCall] = []
        self._real_time = real_time
        self._begin()
        self._port = Port(port)
        self._log: deque[Received] = deque(maxlen=10_000)
        self.url: str = f"http://127.0.0.1:{self._port.number}"
        self._faults = Faults(recording(Starlette(routes=self._mounts()), self._log), self._port)
        self._exchanges = Exchanges(self._faults)
        self._page = Page(self)
        self._own_ports = self._open_own_ports(port)
        served = {number: name for name, number in self._own_ports.items()}
        control = Control(self, self._port).application(
            [*self._page.routes(), Mount(DIRECT, routes=self._mounts())]
        )
        self._arrivals = Arrivals(self._exchanges, control, self.vendors, served, on_response)
        config = uvicorn.Config(
            LoopbackOnly(self._arrivals),
            http=self._port.protocol(),
            ws="none",
            lifespan="off",
            # uvicorn would report every connection that a fault cuts.
            log_level="critical",
            access_log=False,
            # A fault sets the clock; two Date headers would be no clock at all.
            date_header=False,
            timeout_graceful_shutdown=1,
        )
        self.server: uvicorn.Server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.run, name="telephony-sandbox", daemon=True)

    def __enter__(self) -> Self:
        # The socket listens already: whoever connects before the loop runs merely waits for it.
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.should_exit = True
        self._thread.join()
        self._page.close()
        self._webhook_sender.close()
        self._port.close()

    def run(self) -> None:
        """Serve in this thread until asked to exit (Ctrl-C, where this is the main thread)."""
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._serve())

    async def _serve(self) -> None:
        watch = asyncio.create_task(self._report_calls())
        await self._port.serve(self.server)
        watch.cancel()

    async def _report_calls(self) -> None:
        while self._real_time:
            await asyncio.sleep(_WATCHED)
            for vendor in self.vendors.values():
                vendor.state.calls.report()

    def base_url(self, vendor: str) -> str:
        """Return where the vendor's API is served, below the sandbox's own URL.

        Example:
            client = VendorClient(base_url=sandbox.base_url("cartesia"))
        """
        return f"{self.url}/{vendor}"

    def root_url(self, vendor: str) -> str:
        """Return where the vendor's API is served at the root of a port of its own.

        For clients that drop a base path, such as LiveKit's JavaScript SDK.

        Example:
            client = VendorClient(base_url=sandbox.root_url("livekit"))
        """
        return f"http://127.0.0.1:{self._own_ports[vendor]}"

    def settings(self, vendor: str) -> dict[str, str]:
        """Return the adapter settings that connect to this sandbox.

        Raises:
            ConfigurationError: it does not serve the vendor.

        Example:
            provider = telephony.connect("twilio", settings=sandbox.settings("twilio"))
        """
        if vendor not in self.vendors:
            raise ConfigurationError(
                f"There is no sandbox of {vendor!r}.{suggestion(vendor, self.vendors)} "
                f"It serves: {', '.join(self.vendors)}."
            )
        return dict(self.vendors[vendor].settings(self.base_url(vendor)))

    def environment(self, profiles: Iterable[str] | None = ()) -> dict[str, str]:
        """Return the environment variables that point clients at this sandbox.

        Those of `telephony` for every adapter's name, and those of the vendors' own tools.

        Args:
            profiles: profiles of telephony.toml to point at the sandbox, too; None: every one
                whose vendor is served.

        Raises:
            ConfigurationError: there is no such profile, or its adapter is not served.

        Example:
            os.environ.update(sandbox.environment())
        """
        found: dict[str, str] = {}
        for vendor in self.vendors:
            found |= environment.of_profile(vendor, self.settings(vendor))
            found |= self.own_variables(vendor)
        for profile, vendor in environment.adapters_of(profiles, self.vendors).items():
            found |= environment.of_profile(profile, self.settings(vendor))
        return found

    def ledger(self, vendor: str, *kinds: str) -> list[Entry]:
        """Return the changes that a vendor made, of these kinds or of all, in order.

        Args:
            kinds: which kinds of `Entry`; none: all.

        Example:
            assert len(sandbox.ledger("cartesia", "purchase")) == 1
        """
        entries = self.vendors[vendor].state.ledger
        return [entry for entry in entries if not kinds or entry.kind in kinds]

    def requests(self, vendor: str) -> list[Received]:
        """Return the requests that reached a vendor's API, in order.

        Example:
            body = sandbox.requests("twilio")[-1].form()
        """
        return [request for request in self._log if request.path.startswith(f"/{vendor}/")]

    def receive_message(
        self, vendor: str, to: str, *, sender: str, body: str, sent_at: datetime | None = None
    ) -> str:
        """Let a number receive a text; return the message's id.

        Args:
            to: the number, E.164.
            sender: who texts it, E.164.
            body: the text.
            sent_at: when, if not now.

        Raises:
            LookupError: the vendor has no such number, or no messages.

        Example:
            sandbox.receive_message("agentphone", number, sender="+14155550199", body="Hello")
        """
        return self.vendors[vendor].receive_message(to, sender, body, sent_at=sent_at)

    def receive_call(self, vendor: str, to: str, *, sender: str, lasting: bool = False) -> str:
        """Let a number receive a call; return its id.

        Where a carrier sends the number's calls to another vendor here, that receives it too.

        Args:
            to: the number, E.164.
            sender: who calls it, E.164.
            lasting: whether it rings now, and goes on as the clock moves; else it is over at once.

        Raises:
            LookupError: the vendor has no such number, nothing answers it, or its carrier sends the
                calls elsewhere.

        Example:
            call = sandbox.receive_call("twilio", number, sender="+14155550199")
        """
        answerer = self.answerer(to)
        carrier = next((name for name in self.vendors if self._is_carrier(name, to)), vendor)
        if carrier != vendor and (answerer is None or answerer.vendor != vendor):
            led = f"to {answerer.vendor}" if answerer is not None else "nowhere"
            raise LookupError(f"{carrier} sends the calls of {to} {led}, and not to {vendor}")
        made = self._receive_call(vendor, to, sender, lasting=lasting)
        if answerer is not None and answerer.vendor != vendor and self._is_carrier(vendor, to):
            self._receive_call(answerer.vendor, to, sender, lasting=lasting)
        return made

    def received_calls(self, vendor: str) -> list[ReceivedCall]:
        """Return the calls that `receive_call` made, in order.

        Example:
            assert sandbox.received_calls("twilio")[0].sender == "+14155550199"
        """
        return [call for call in self._calls if call.vendor == vendor]

    def answerer(self, number: str) -> Answerer | None:
        """Return who really answers a call to the number now, as its carrier routes it.

        Example:
            assert sandbox.answerer("+14155550123").vendor == "livekit"
        """
        return World(self.vendors).answerer(number)

    def advance(self, vendor: str, seconds: float) -> None:
        """Move the clock of a vendor's calls forward: they are answered, spoken in and end.

        Args:
            seconds: how far.

        Example:
            sandbox.advance("vapi", 3600)  # every call is over
        """
        self.vendors[vendor].advance(seconds)

    def send_webhooks(self, url: str | None) -> None:
        """Send webhooks there until `reset`, as `webhook` of the constructor says.

        Args:
            url: on this machine; ``{provider}`` in it becomes the vendor's name. None: nowhere.

        Raises:
            ConfigurationError: it is not on this machine.

        Example:
            sandbox.send_webhooks("http://127.0.0.1:8000/webhooks/{provider}")
        """
        if url is not None and not is_loopback(url):
            raise ConfigurationError(
                f"{url} is not on this machine: the sandbox sends webhooks to localhost only."
            )
        self.webhook = url
        for name, vendor in self.vendors.items():
            vendor.state.webhook_url = None if url is None else url.replace("{provider}", name)
            vendor.state.deliver = partial(self._webhook_sender.send, name)

    def exchanges(self) -> list[Exchange]:
        """Return the last requests for vendors and what became of them, in order."""
        return list(self._exchanges.kept)

    @property
    def exchange_count(self) -> int:
        """Return how many requests for vendors there were."""
        return self._exchanges.count

    def faults(self) -> list[Fault]:
        """Return the faults that wait for requests."""
        return [fault for fault in self._faults.active if fault.times != 0]

    def delivered_so_far(self) -> list[DeliveryAttempt]:
        """Return the attempts to deliver a webhook that have an outcome, in order."""
        return self._webhook_sender.attempts_so_far()

    def delivered(self) -> list[DeliveryAttempt]:
        """Return every attempt to deliver a webhook, in order, once none is under way."""
        return self._webhook_sender.attempts()

    def limit(self, vendor: str, per_second: int) -> None:
        """Let a vendor take so many requests in any second until `reset`; others get 429.

        Args:
            per_second: how many.

        Example:
            sandbox.limit("retell", 5)
        """
        self._arrivals.limits[vendor] = per_second

    def arrivals(self, vendor: str) -> list[Arrival]:
        """Return every request for a vendor's API as it arrived, in order.

        Example:
            assert not any(arrival.refused for arrival in sandbox.arrivals("retell"))
        """
        return [arrival for arrival in list(self._arrivals.arrived) if arrival.vendor == vendor]

    @property
    def connections(self) -> int:
        """Return how many connections are open."""
        return self._port.connections

    def fail(self, fault: Fault) -> None:
        """Let requests fail from now on.

        Args:
            fault: how, and which requests.

        Example:
            sandbox.fail(Fault(kind="lost", method="POST"))
        """
        if fault.waits:
            self._faults.active.append(fault)
        else:
            self._port.wait_for(self._port.refuse(fault.seconds))

    def heal(self) -> None:
        """Remove all faults."""
        self._faults.active.clear()
        self._faults.last.clear()
        if self._port.refusing:
            self._port.wait_for(self._port.accept())

    def reset(self) -> None:
        """Reset every vendor to its start, and remove all faults and limits."""
        self.heal()
        self._arrivals.reset()
        self._log.clear()
        self._exchanges.kept.clear()
        self._calls.clear()
        self._webhook_sender.reset()
        for name in self.vendors:
            fresh = type(self.vendors[name])()
            vars(self.vendors[name]).clear()
            vars(self.vendors[name]).update(vars(fresh))
        self._page.reset()
        self._begin()

    def _begin(self) -> None:
        self.send_webhooks(self._first_webhook)
        for vendor in self.vendors.values():
            vendor.state.calls.real_time = self._real_time
            vendor.state.world = World(self.vendors)

    def _receive_call(self, vendor: str, to: str, sender: str, *, lasting: bool) -> str:
        state = self.vendors[vendor].state
        state.calls.lasting = lasting
        with state.webhooks_in_order():
            call = self.vendors[vendor].receive_call(to, sender)
        self._calls.append(ReceivedCall(vendor, call, to, sender, state.now()))
        return call

    def _is_carrier(self, vendor: str, number: str) -> bool:
        return self.vendors[vendor].leads_to(number) is not None

    def _open_own_ports(self, port: int) -> dict[str, int]:
        # Counted over all that are installed: a vendor's port does not depend on which are served.
        places = {name: place for place, name in enumerate(installed(), start=1)}
        return {name: self._port.also(port and port + places[name]) for name in self.vendors}

    def own_variables(self, vendor: str) -> dict[str, str]:
        """Return the environment variables that the vendor's own tools read.

        Example:
            subprocess.run(["lk", "sip", "inbound", "list"], env=sandbox.own_variables("livekit"))
        """
        settings = self.vendors[vendor].settings(self.root_url(vendor))
        return environment.of_vendor(vendor, settings)

    def _mounts(self) -> list[Mount]:
        return [Mount(f"/{name}", application(vendor)) for name, vendor in self.vendors.items()]
