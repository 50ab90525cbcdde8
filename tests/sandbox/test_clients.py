"""Pointing clients at the sandbox: by ports, by the environment, by the pytest fixture."""

from __future__ import annotations

import contextlib
import os
import shlex
import socket
import subprocess
import sys
from pathlib import Path
from urllib.parse import urljoin

import httpx
import pytest

import telephony
from telephony.sandbox import Fault, Sandbox

PROFILES = (
    'default = "support"\n'
    '[providers.support]\nadapter = "cartesia"\napi_key = "env:CARTESIA_KEY_OF_PRODUCTION"\n'
    '[providers.elsewhere]\nadapter = "not served"\n'
)


@pytest.fixture
def profiles(tmp_path, monkeypatch):
    (tmp_path / "telephony.toml").write_text(PROFILES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TELEPHONY_PROVIDER", raising=False)
    return tmp_path


@pytest.fixture
def cli(python, telephony_sandbox):
    """Run `telephony …` with the environment as it is."""

    def run(*words, **variables):
        port = telephony_sandbox.url.rpartition(":")[2]
        given = {**os.environ, "COLUMNS": "80", "TELEPHONY_SANDBOX_PORT": port, **variables}
        return python("-m", "telephony", *words, cwd=Path.cwd(), env=given)

    return run


def test_each_vendor_is_at_the_root_of_a_port_of_its_own(telephony_sandbox, telephony_connect):
    for vendor in telephony_sandbox.vendors:
        url = telephony_sandbox.root_url(vendor)
        assert list(telephony_connect(vendor, base_url=url).list_numbers()) == []
        assert telephony_sandbox.requests(vendor)[0].path.startswith(f"/{vendor}/")
    # As LiveKit's JavaScript SDK makes its URLs, which drops what stands behind the host.
    dropped = urljoin(
        telephony_sandbox.root_url("livekit"), "/twirp/livekit.SIP/ListSIPInboundTrunk"
    )
    assert httpx.post(dropped, json={}).status_code == 401


def test_a_port_that_refuses_connections_refuses_them_for_every_client(telephony_sandbox):
    url = telephony_sandbox.root_url("cartesia")
    telephony_sandbox.fail(Fault(kind="refused", seconds=60))
    with pytest.raises(httpx.ConnectError):
        httpx.get(url)
    telephony_sandbox.heal()
    assert httpx.get(url).status_code != 200


def test_a_vendors_port_does_not_depend_on_which_are_served():
    with Sandbox(port=0) as all_:
        place = list(all_.vendors).index("twilio") + 1
    port = _free_with_the_one_at(place)
    with Sandbox(["twilio"], port=port) as one:
        assert one.root_url("twilio") == f"http://127.0.0.1:{port + place}"


def _free_with_the_one_at(place):
    """Find a port, below those that systems give out, that is free itself and at `place`."""
    for port in range(20_000, 30_000, 10):
        with contextlib.suppress(OSError), contextlib.ExitStack() as open_:
            for number in (port, port + place):
                open_.enter_context(socket.create_server(("127.0.0.1", number)))
            return port
    raise AssertionError("no two free ports")


def test_the_vendors_own_tools_find_the_sandbox(telephony_sandbox):
    found = telephony_sandbox.environment()
    assert found["LIVEKIT_URL"] == telephony_sandbox.root_url("livekit")
    assert found["CARTESIA_BASE_URL"] == telephony_sandbox.root_url("cartesia")
    assert found["TWILIO_ACCOUNT_SID"] == telephony_sandbox.settings("twilio")["account_sid"]
    assert {"CARTESIA_API_KEY", "LIVEKIT_API_SECRET", "AGENTPHONE_API_KEY"} <= set(found)


@pytest.mark.parametrize("words", [[], ["--profile", "support"]])
def test_eval_points_the_shell_and_its_profiles_at_the_sandbox(
    cli, profiles, telephony_sandbox, words
):
    printed = cli("sandbox", "env", *words)
    assert (printed.returncode, printed.stderr) == (0, "")
    exported = dict(shlex.split(line)[1].split("=", 1) for line in printed.stdout.splitlines())
    bought = cli("numbers", "buy", "--yes", **exported)
    assert bought.returncode == 0, bought.stderr
    assert bought.stdout.startswith("Bought +1")
    assert len(telephony_sandbox.ledger("cartesia", "purchase")) == 1


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["--profile", "suport"], 2, "Did you mean 'support'?"),
        (["--profile", "elsewhere"], 2, "does not serve 'not served'"),
        (["--port", "9"], 9, "no sandbox at port 9"),
    ],
)
def test_what_cannot_be_pointed_at_the_sandbox_is_said(cli, profiles, words, code, said):
    done = cli("sandbox", "env", *words)
    assert done.returncode == code
    assert said in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize("quiet", [False, True])
def test_requests_are_printed_as_they_come_and_only_on_stderr(quiet):
    words = ["sandbox", "cartesia", "--port", "0", *(["--quiet"] if quiet else [])]
    with subprocess.Popen(
        [sys.executable, "-u", "-m", "telephony", *words],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        printed = []
        for line in process.stdout:
            printed.append(line)
            if "Ctrl-C" in line:
                break
        url = next(line for line in printed if "BASE_URL" in line).rpartition("=")[2].strip()
        assert httpx.get(f"{url}/agents/phone-numbers?number=%2B14155550123").status_code == 401
        process.terminate()
        stdout, stderr = process.communicate(timeout=30)
    assert stdout == ""
    assert ("GET    /agents/phone-numbers 401" in stderr) is not quiet
    assert "5550123" not in stderr


def _application(profile):
    """Return an application that is not written for tests."""
    with telephony.connect(profile) as provider:
        return provider.provision_number().number


@pytest.mark.parametrize("profile", [None, "support", "cartesia", "twilio"])
def test_an_application_that_connects_by_itself_reaches_the_sandbox(
    profiles, telephony_env, profile
):
    number = _application(profile)
    vendor = "twilio" if profile == "twilio" else "cartesia"
    assert [entry.number for entry in telephony_env.ledger(vendor, "purchase")] == [number]


def test_a_vendor_whose_package_is_missing_is_named_with_how_to_get_it():
    code = (
        "import sys; sys.modules['livekit'] = None; "
        "sys.argv = ['telephony', 'demo', '--json']; from telephony.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert "'livekit' needs the package" in done.stderr
    assert "pip install 'telephony[livekit]'" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_vendor_that_is_not_served_is_named_with_the_likely_one(telephony_connect):
    with pytest.raises(telephony.ConfigurationError, match="Did you mean 'cartesia'"):
        telephony_connect("cartesai")
