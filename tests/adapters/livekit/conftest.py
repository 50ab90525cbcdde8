"""LiveKit's sandbox, what another client may have made there, and livekit-server itself."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from contextlib import ExitStack

import httpx
import pytest
from livekit.api import AccessToken, SIPGrants
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo

import telephony

KEY, SECRET = "APIsandbox", "sandbox-secret-of-at-least-32-bytes"


@pytest.fixture
def sandbox(telephony_sandbox):
    """Return the emulation itself, to plant special situations in."""
    return telephony_sandbox.vendors["livekit"]


@pytest.fixture
def provider(telephony_connect):
    return telephony_connect("livekit", phone_numbers=False)


@pytest.fixture
def sent(telephony_sandbox):
    """Return the methods called so far, in order."""

    def methods():
        return [r.path.rpartition("/")[2] for r in telephony_sandbox.requests("livekit")]

    return methods


@pytest.fixture
def plant_trunk(sandbox):
    def plant(trunk_id, *numbers, **fields):
        trunk = SIPInboundTrunkInfo(sip_trunk_id=trunk_id, numbers=numbers, **fields)
        sandbox.account.inbound[trunk_id] = trunk
        return trunk

    return plant


@pytest.fixture
def plant_rule(sandbox):
    def plant(agent, *, pin="", **fields):
        """Rule ``SDR_<agent>``, which opens a room for each caller with the agent in it."""
        rule = SIPDispatchRuleInfo(sip_dispatch_rule_id=f"SDR_{agent}", **fields)
        rule.rule.dispatch_rule_individual.room_prefix = "theirs-"
        rule.rule.dispatch_rule_individual.pin = pin
        rule.room_config.agents.add(agent_name=agent)
        sandbox.account.rules[rule.sip_dispatch_rule_id] = rule
        return rule

    return plant


@pytest.fixture(params=["sandbox", pytest.param("real", marks=pytest.mark.livekit_server)])
def server(request):
    """Return the URL of an empty LiveKit: ours, and then the real one."""
    if request.param == "sandbox":
        yield request.getfixturevalue("telephony_sandbox").base_url("livekit")
        return
    url = request.getfixturevalue("livekit_server").replace("ws", "http", 1)
    yield url
    for one in rpc(url, "ListSIPDispatchRule")["items"]:
        rpc(url, "DeleteSIPDispatchRule", sip_dispatch_rule_id=one["sip_dispatch_rule_id"])
    for direction in ("Inbound", "Outbound"):
        for one in rpc(url, f"ListSIP{direction}Trunk")["items"]:
            rpc(url, "DeleteSIPTrunk", sip_trunk_id=one["sip_trunk_id"])


@pytest.fixture
def connected(server):
    with telephony.connect("livekit", base_url=server, api_key=KEY, api_secret=SECRET) as provider:
        yield provider


def rpc(url, method, **body):
    """Return what another client does, or sees."""
    token = AccessToken(KEY, SECRET).with_sip_grants(SIPGrants(admin=True)).to_jwt()
    response = httpx.post(
        f"{url}/twirp/livekit.SIP/{method}", json=body, headers={"Authorization": f"Bearer {token}"}
    )
    assert response.status_code == 200, response.text
    return response.json()


@pytest.fixture(scope="session")
def livekit_ports():
    """Where the server, its Redis, and its media are."""
    return free_ports(4)


@pytest.fixture(scope="session")
def livekit_server(tmp_path_factory, livekit_ports):
    """Return the URL of a server of our own."""
    server = os.environ.get("TELEPHONY_LIVEKIT_SERVER") or shutil.which("livekit-server")
    redis = os.environ.get("TELEPHONY_REDIS_SERVER") or shutil.which("redis-server")
    if redis is None or server is None:
        pytest.skip("redis-server and livekit-server are not both installed")
    port, redis_port, tcp_port, udp_port = livekit_ports
    config = tmp_path_factory.mktemp("livekit") / "livekit.yaml"
    config.write_text(
        json.dumps(
            {
                "port": port,
                "bind_addresses": ["127.0.0.1"],
                "keys": {KEY: SECRET},
                "redis": {"address": f"127.0.0.1:{redis_port}"},
                "rtc": {
                    "node_ip": "127.0.0.1",
                    "tcp_port": tcp_port,
                    "udp_port": udp_port,
                    "use_external_ip": False,
                },
            }
        )
    )
    store = [redis, "--port", str(redis_port), "--bind", "127.0.0.1", "--save", ""]
    with ExitStack() as running:
        kept = running.enter_context(subprocess.Popen(store, stdout=subprocess.PIPE, text=True))
        running.callback(kept.terminate)
        assert any("Ready to accept connections" in line for line in kept.stdout)
        livekit = running.enter_context(
            subprocess.Popen(
                [server, "--config", str(config)],
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
        )
        running.callback(livekit.terminate)
        url = f"ws://127.0.0.1:{port}"
        with telephony.connect(
            "livekit", base_url=url, api_key=KEY, api_secret=SECRET, retries=10, backoff=0.2
        ) as provider:
            # Retried until the server is there.
            assert list(provider.list_numbers()) == []
        yield url


def free_ports(count):
    with ExitStack() as held:
        sockets = [held.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [one.getsockname()[1] for one in sockets]
