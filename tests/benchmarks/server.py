"""The vendors' responses, served so cheaply that the server is not what is measured.

Each response is made once, by the vendor's sandbox, and served as the same bytes from then on. It
runs in a process of its own; what is below ``/after-100ms`` is answered that much later.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import httpx
from livekit.protocol import sip
from livekit.protocol.agent_dispatch import RoomAgentDispatch
from livekit.protocol.room import RoomConfiguration
from pydantic import JsonValue
from starlette.applications import Starlette
from starlette.routing import Mount
from telephony.adapters.livekit.sandbox.account import Account as Project
from telephony.adapters.twilio.sandbox.account import Account

import telephony
from telephony import Webhook
from telephony.sandbox import Sandbox, VendorSandbox
from telephony.sandbox.vendor import application

NUMBER = "+14155550123"
COUNT = 10_000
_OTHER = "+14155550199"
_NEWEST = datetime(2026, 3, 4, 12, tzinfo=UTC)
_LATE = re.compile(rb"/after-(\d+)ms")
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


@contextmanager
def serving() -> Iterator[str]:
    """Return the URL below which each vendor is served under its adapter's name."""
    command = [sys.executable, "-m", "tests.benchmarks.server"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait()


def filled() -> dict[str, VendorSandbox]:
    """Every vendor's sandbox; where much is listed, it holds that much."""
    with Sandbox() as sandbox:
        with telephony.connect("agentphone", **sandbox.settings("agentphone")) as provider:
            texted = provider.provision_number()
        with telephony.connect("twilio", **sandbox.settings("twilio")) as provider:
            answered = Webhook("https://example.com/voice", "https://example.com/sms")
            held = provider.provision_number(number=NUMBER, label="Desk", assign_to=answered)
    found = sandbox.vendors
    for index in range(COUNT):
        at = _NEWEST - timedelta(seconds=index)
        found["agentphone"].receive_message(texted.number, _OTHER, f"Text {index}", sent_at=at)
    found["twilio"].plant_messages(NUMBER, COUNT, newest=_NEWEST)
    _more_numbers(found["twilio"].account, held.raw)
    _trunks(found["livekit"].account)
    return found


def _more_numbers(account: Account, like: dict[str, JsonValue]) -> None:
    for index in range(1, COUNT):
        sid, number = f"PN{index:032x}", f"+1415666{index:04}"
        uri = str(like["uri"]).replace(str(like["sid"]), sid)
        account.numbers[sid] = {**like, "sid": sid, "phone_number": number, "uri": uri}


def _trunks(project: Project) -> None:
    """Trunks with one number each, and a rule for every hundred of them."""
    for index in range(COUNT):
        trunk, number = f"ST_{index:012}", f"+1415666{index:04}"
        project.inbound[trunk] = sip.SIPInboundTrunkInfo(
            sip_trunk_id=trunk,
            name=f"Desk {index}",
            numbers=[number],
            allowed_addresses=["203.0.113.0/24"],
        )
    for index in range(COUNT // 100):
        rule = f"SDR_{index:012}"
        first = index * 100
        project.rules[rule] = sip.SIPDispatchRuleInfo(
            sip_dispatch_rule_id=rule,
            trunk_ids=[f"ST_{each:012}" for each in range(first, first + 100)],
            rule=sip.SIPDispatchRule(
                dispatch_rule_individual=sip.SIPDispatchRuleIndividual(room_prefix="call-")
            ),
            room_config=RoomConfiguration(agents=[RoomAgentDispatch(agent_name="reception")]),
        )


class Canned:
    """The responses so far, by method, target and body."""

    def __init__(self, sandboxes: dict[str, VendorSandbox]) -> None:
        self.known: dict[bytes, bytes] = {}
        routes = [Mount(f"/{name}", application(each)) for name, each in sandboxes.items()]
        transport = httpx.ASGITransport(Starlette(routes=routes))
        self._sandbox = httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1")

    async def make(self, key: bytes, head: bytes, body: bytes) -> None:
        """Forward the whole request to the sandbox."""
        line, *lines = head.decode().split("\r\n")
        method, target, _ = line.split()
        headers = [tuple(each.split(": ", 1)) for each in lines]
        made = await self._sandbox.request(method, target, headers=headers, content=body)
        fields = {**made.headers, "content-length": str(len(made.content))}
        shown = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
        start = f"HTTP/1.1 {made.status_code} {made.reason_phrase}\r\n{shown}\r\n"
        self.known[key] = start.encode() + made.content


class Connection(asyncio.Protocol):
    """As little of HTTP/1.1 as these clients need: one request at a time, with its length."""

    def __init__(self, canned: Canned) -> None:
        self._canned = canned
        self._received = b""

    def connection_made(self, transport: asyncio.Transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, end, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not end or len(body) < (int(length[1]) if length else 0):
            return
        self._received = b""
        late = _LATE.search(head, 0, 40)
        seconds = int(late[1]) / 1000 if late else 0.0
        head = _LATE.sub(b"", head, 1) if late else head
        key = head.partition(b"\r\n")[0] + body
        if key not in self._canned.known:
            making = asyncio.ensure_future(self._canned.make(key, head, body))
            making.add_done_callback(lambda _: self._answer(key, seconds))
        else:
            self._answer(key, seconds)

    def _answer(self, key: bytes, seconds: float) -> None:
        answer = self._canned.known[key]
        if seconds:
            asyncio.get_running_loop().call_later(seconds, self._transport.write, answer)
        else:
            self._transport.write(answer)


async def serve() -> None:
    canned = Canned(filled())
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(canned), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(f"http://127.0.0.1:{port}", flush=True)  # noqa: T201 - how the parent learns of it
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(serve())
