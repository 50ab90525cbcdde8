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


def test_the_tests_of_the_front_desk_find_what_is_done_twice(tmp_path):
    shutil.copy(EXAMPLES / "test_front_desk.py", tmp_path)
    written = (EXAMPLES / "front_desk.py").read_text("utf-8")
    careless = written.replace('idempotency_key=f"sign-up-{customer}"', "").replace(
        "if not any(", "if True or any("
    )
    (tmp_path / "front_desk.py").write_text(careless, "utf-8")

    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*command, "-k", "whatever_fails and lost"],
        cwd=tmp_path, env=inherited(), capture_output=True, text=True,
    )  # fmt: skip

    assert done.returncode == 1
    assert "Left contains 2 more items" in done.stdout
