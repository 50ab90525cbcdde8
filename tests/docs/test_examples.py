"""The examples, as applications under a real server, with the sandbox as their vendors."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from ..conftest import inherited

EXAMPLES = Path(__file__).parents[2] / "examples"
PERSON = "+14155550199"


def load(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    # Django finds the URLs of a project by the name of its module.
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture(
    params=[
        ("asgi", "fastapi_app", "app"),
        ("wsgi", "flask_app", "app"),
        ("wsgi", "django_app", "application"),
    ],
    ids=lambda param: param[1],
)
def url(request, telephony_sandbox, monkeypatch):
    for variable, value in telephony_sandbox.environment().items():
        monkeypatch.setenv(variable, value)
    kind, module, name = request.param
    example = load(module)
    yield request.getfixturevalue(f"serve_{kind}")(getattr(example, name))
    del sys.modules[module]


def test_an_example_takes_what_is_signed(url, telephony_sandbox, telephony_connect):
    forged = httpx.post(f"{url}/webhooks/cartesia", json={"type": "call_started"})
    assert forged.status_code == 401
    provider = telephony_connect("agentphone")
    number = provider.provision_number().number
    voice = telephony_connect("cartesia")
    line = voice.provision_number(assign_to="agent_sales").number
    telephony_sandbox.send_webhooks(f"{url}/webhooks/{{provider}}")

    telephony_sandbox.receive_message("agentphone", number, sender=PERSON, body="Is it ready?")
    telephony_sandbox.delivered()
    telephony_sandbox.receive_call("agentphone", number, sender=PERSON)
    telephony_sandbox.receive_call("cartesia", line, sender=PERSON)

    delivered = telephony_sandbox.delivered()
    assert [each.status for each in delivered] == [200] * 5
    assert {"text": "You said: Is five okay?"} in [
        json.loads(each.response) for each in delivered if each.response
    ]
    (received,) = httpx.get(f"{url}/messages").json()
    (listed,) = provider.list_messages(number)
    del received["raw"]
    assert received == listed.model_dump(mode="json", exclude={"raw"})


def run_pytest(folder, *arguments, **variables):
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *arguments]
    return subprocess.run(
        command, cwd=folder, env={**inherited(), **variables}, capture_output=True, text=True
    )


def test_the_tests_of_the_front_desk_pass(tmp_path):
    for name in ("front_desk.py", "test_front_desk.py"):
        shutil.copy(EXAMPLES / name, tmp_path)

    done = run_pytest(tmp_path, "-W", "error")

    assert done.returncode == 0, done.stdout


def test_the_tests_of_the_front_desk_find_what_is_done_twice(tmp_path):
    shutil.copy(EXAMPLES / "test_front_desk.py", tmp_path)
    written = (EXAMPLES / "front_desk.py").read_text("utf-8")
    careless = written.replace('idempotency_key=f"sign-up-{customer}"', "").replace(
        "if not any(", "if True or any("
    )
    (tmp_path / "front_desk.py").write_text(careless, "utf-8")

    done = run_pytest(tmp_path, "-k", "whatever_fails and lost")

    assert done.returncode == 1
    assert "Left contains 2 more items" in done.stdout


def test_the_cassettes_are_recorded_once_and_replayed(
    tmp_path, telephony_sandbox, telephony_connect
):
    provider = telephony_connect("cartesia")
    provider.provision_number(label="Ada Lovelace", assign_to="agent_sales")
    shutil.copy(EXAMPLES / "test_cassettes.py", tmp_path)
    settings = telephony_sandbox.settings("cartesia")
    url = {"CARTESIA_BASE_URL": settings["base_url"]}

    key = {"CARTESIA_API_KEY": settings["api_key"]}
    recorded = run_pytest(tmp_path, "--record-mode=once", **url, **key)
    assert recorded.returncode == 0, recorded.stdout
    asked = len(telephony_sandbox.requests("cartesia"))

    replayed = run_pytest(tmp_path, **url)
    assert replayed.returncode == 0, replayed.stdout
    assert len(telephony_sandbox.requests("cartesia")) == asked
    cassettes = [path.read_text("utf-8") for path in tmp_path.rglob("*.yaml")]
    assert len(cassettes) == 2
    for private in (settings["api_key"], "Lovelace"):
        assert not any(private in cassette for cassette in cassettes)
