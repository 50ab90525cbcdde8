"""Ten thousand deliveries, every fifth a repetition, in any order: each event once, none lost."""

from __future__ import annotations

import asyncio
import collections
import json
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
from pydantic import SecretStr
from telephony.adapters.agentphone.webhooks import sign

from tests.systems import INTERRUPT

EVENTS, REPEATED, CONNECTIONS = 8_000, 2_000, 32
SECRET = "whsec_load"
WORKER = str(Path(__file__).with_name("worker.py"))


def delivery(nth):
    """Return a request with which AgentPhone delivers a text."""
    body = json.dumps(
        {
            "event": "agent.message",
            "channel": "sms",
            "timestamp": "2026-05-01T09:00:00Z",
            "agentId": "agt_1",
            "data": {
                "messageId": f"msg_{nth}", "numberId": "num_1", "from": "+17735550188",
                "to": "+13125550142", "message": "Is it ready?", "direction": "inbound",
                "receivedAt": "2026-05-01T09:00:00Z",
            },
        }
    ).encode()  # fmt: skip
    timestamp = str(int(time.time()))
    head = (
        "POST /webhooks/agentphone HTTP/1.1\r\nhost: localhost\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
        f"x-webhook-timestamp: {timestamp}\r\n"
        f"x-webhook-signature: {sign(body, timestamp, SecretStr(SECRET))}\r\n\r\n"
    )
    return head.encode() + body


async def deliver(port, deliveries):
    """Send all of them, as a vendor does: without a 200 it is delivered again."""
    waiting = collections.deque(deliveries)

    async def connection():
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        while waiting:
            each = waiting.popleft()
            writer.write(each)
            head = await reader.readuntil(b"\r\n\r\n")
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            if b" 200 " not in head.partition(b"\r\n")[0]:
                waiting.append(each)
        writer.close()
        await writer.wait_closed()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))


@INTERRUPT
@pytest.mark.parametrize(("stored", "workers"), [(False, 1), (True, 2)], ids=["memory", "sqlite"])
def test_each_event_is_handled_exactly_once_and_none_is_lost(tmp_path, stored, workers):
    handled = tmp_path / "handled"
    store = str(tmp_path / "webhooks.sqlite") if stored else ""
    deliveries = [delivery(nth) for nth in range(EVENTS)]
    shuffled = random.Random(7)  # noqa: S311 - an order, the same every time
    deliveries += shuffled.sample(deliveries, REPEATED)
    shuffled.shuffle(deliveries)
    with socket.create_server(("127.0.0.1", 0), backlog=CONNECTIONS) as listener:
        descriptor = listener.fileno()
        arguments = [sys.executable, "-W", "error", WORKER, str(descriptor), SECRET, handled, store]
        running = [
            subprocess.Popen(arguments, pass_fds=[descriptor], stderr=subprocess.PIPE, text=True)
            for _ in range(workers)
        ]
        try:
            asyncio.run(deliver(listener.getsockname()[1], deliveries))
        finally:
            for worker in running:
                worker.send_signal(signal.SIGINT)
            said = [worker.communicate(timeout=30)[1] for worker in running]

    assert said == [""] * workers
    assert sorted(handled.read_text().split()) == sorted(f"msg_{nth}" for nth in range(EVENTS))
