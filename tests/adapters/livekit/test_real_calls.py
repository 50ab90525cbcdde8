"""Real SIP calls reach the agent that a number is assigned to, and no other.

Needs what the other tests of livekit-server need, and a ready livekit-sip that the environment
variable TELEPHONY_LIVEKIT_SIP names; skipped without it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import uuid

import httpx
import pytest
from livekit.api import AccessToken, VideoGrants

import telephony

from .conftest import KEY, SECRET, free_ports, rpc

pytestmark = pytest.mark.livekit_server

FIRST, SECOND, CALLER = "+14155550123", "+14155550124", "+14155550199"
ANSWER, NOTHING = 20, 5


@pytest.fixture(scope="module")
def bridge(livekit_server, livekit_ports, tmp_path_factory):
    """Return the port of livekit-sip."""
    binary = os.environ.get("TELEPHONY_LIVEKIT_SIP")
    if not binary:
        pytest.skip("TELEPHONY_LIVEKIT_SIP names no livekit-sip")
    (port,) = free_ports(1)
    settings = {
        "api_key": KEY,
        "api_secret": SECRET,
        "ws_url": livekit_server,
        "redis": {"address": f"127.0.0.1:{livekit_ports[1]}"},
        "sip_port": port,
        "rtp_port": "21000-21100",
        "local_net": "127.0.0.0/8",
        "use_external_ip": False,
    }
    config = tmp_path_factory.mktemp("sip") / "sip.yaml"
    config.write_text(json.dumps(settings))
    with subprocess.Popen(
        [binary, "--config", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as running:
        try:
            with Phone(port) as phone:
                phone.wait_for_options()
            yield port
        finally:
            running.terminate()


class Phone:
    """Just enough of SIP to call somebody over UDP."""

    def __init__(self, port):
        self.port = port
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        # Not connected: what a port that is not open yet refuses is only lost.
        self.socket.bind(("127.0.0.1", 0))
        self.own = self.socket.getsockname()[1]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def request(self, method, called, call, *, to_tag="", body=""):
        to = f"<sip:{called}@127.0.0.1:{self.port}>" + (f";tag={to_tag}" if to_tag else "")
        lines = [
            f"{method} sip:{called}@127.0.0.1:{self.port} SIP/2.0",
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.own};branch=z9hG4bK{uuid.uuid4().hex}",
            "Max-Forwards: 70",
            f"From: <sip:{CALLER}@127.0.0.1:{self.own}>;tag={call}",
            f"To: {to}",
            f"Call-ID: {call}",
            f"CSeq: {2 if method == 'BYE' else 1} {method}",
            f"Contact: <sip:{CALLER}@127.0.0.1:{self.own}>",
            *(["Content-Type: application/sdp"] if body else []),
            f"Content-Length: {len(body)}",
        ]
        self.socket.sendto("\r\n".join([*lines, "", body]).encode(), ("127.0.0.1", self.port))

    def answer(self, seconds):
        """Return the next final answer: its status and its tag; None when there is none."""
        self.socket.settimeout(seconds)
        try:
            while True:
                text = self.socket.recv(65535).decode("utf-8", "replace")
                status = re.match(r"SIP/2\.0 (\d{3})", text)
                if status is not None and int(status[1]) >= 200:
                    tag = re.search(r"^To:.*;tag=([^;\s]+)", text, re.MULTILINE | re.IGNORECASE)
                    return int(status[1]), tag[1] if tag else ""
        except TimeoutError:
            return None

    def wait_for_options(self):
        for _ in range(100):
            self.request("OPTIONS", "ping", uuid.uuid4().hex)
            if self.answer(0.2) is not None:
                return
        raise AssertionError("livekit-sip does not answer")

    def call(self, called, seconds):
        """Call somebody, hang up when it is answered; returns who was in the rooms meanwhile."""
        body = "\r\n".join(
            (
                "v=0",
                "o=- 1 1 IN IP4 127.0.0.1",
                "s=-",
                "c=IN IP4 127.0.0.1",
                "t=0 0",
                f"m=audio {self.own + 1} RTP/AVP 0 101",
                "a=rtpmap:0 PCMU/8000",
                "a=rtpmap:101 telephone-event/8000",
                "",
            )
        )
        call = uuid.uuid4().hex
        self.request("INVITE", called, call, body=body)
        answered = self.answer(seconds)
        return call, answered


@pytest.fixture
def agents_reached(server, bridge):
    """Call a number; returns the agents that were sent to the caller."""

    def reached(called, *, expected):
        before = set(rooms(server))
        with Phone(bridge) as phone:
            call, answered = phone.call(called, ANSWER if expected else NOTHING)
            found = [
                one["agent_name"]
                for room in rooms(server)
                if room not in before
                for one in twirp(server, "AgentDispatchService/ListDispatch", room, room=room)[
                    "agent_dispatches"
                ]
            ]
            if answered is not None:
                phone.request("ACK", called, call, to_tag=answered[1])
                if answered[0] == 200:
                    phone.request("BYE", called, call, to_tag=answered[1])
        return found

    return reached


def rooms(url):
    return [one["name"] for one in twirp(url, "RoomService/ListRooms")["rooms"]]


def twirp(url, method, admin_of="", **body):
    grants = VideoGrants(room_list=True, room_admin=bool(admin_of), room=admin_of)
    token = AccessToken(KEY, SECRET).with_grants(grants).to_jwt()
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.post(f"{url}/twirp/livekit.{method}", json=body, headers=headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("server", ["real"], indirect=True)
def test_a_call_reaches_who_the_number_is_assigned_to(server, bridge, agents_reached):
    rpc(server, "CreateSIPInboundTrunk", trunk={"numbers": [FIRST, SECOND]})
    with telephony.connect("livekit", base_url=server, api_key=KEY, api_secret=SECRET) as provider:
        provider.assign_number(FIRST, "reception")
        assert agents_reached(FIRST, expected=True) == ["reception"]
        assert agents_reached(SECOND, expected=False) == []

        provider.assign_number(SECOND, "support")
        provider.assign_number(FIRST, "sales")
        assert agents_reached(FIRST, expected=True) == ["sales"]
        assert agents_reached(SECOND, expected=True) == ["support"]

        provider.unassign_number(FIRST)
        assert agents_reached(FIRST, expected=False) == []

        provider.release_number(SECOND)
        assert agents_reached(SECOND, expected=False) == []
