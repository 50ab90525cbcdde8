"""Try what telephony offers in this environment, where one of its extras is installed or none.

Run by release_check.py with the Python of an environment that has nothing but the wheel.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path

import telephony
from telephony import registry, webhooks

ACCOUNTS = {
    "twilio": {"account_sid": f"AC{'0' * 32}", "auth_token": "secret"},
    "livekit": {"base_url": "https://desk.livekit.cloud", "api_key": "key", "api_secret": "secret"},
}


def main(extra: str) -> None:
    assert "site-packages" in (telephony.__file__ or ""), telephony.__file__
    everything = extra == "all"
    assert registry.available()
    assert not registry.missing(), registry.missing()
    assert callable(webhooks.asgi)
    assert callable(webhooks.wsgi)
    for vendor in ACCOUNTS:
        _webhooks_of(vendor, verified=everything or extra == vendor)
    _sandbox(served=everything or extra == "sandbox")
    _commands(run=everything or extra == "cli", demonstrated=everything)
    assert _has("opentelemetry") == (everything or extra == "otel")


def _webhooks_of(vendor: str, *, verified: bool) -> None:
    with telephony.connect("desk", adapter=vendor, **ACCOUNTS[vendor]) as provider:
        said = _refusal(provider)
    assert (f"pip install 'telephony[{vendor}]'" in said) != verified, said


def _sandbox(*, served: bool) -> None:
    assert _has("uvicorn") == served
    if served:
        from telephony.sandbox import Sandbox

        with Sandbox(["cartesia"]) as sandbox:
            account = sandbox.settings("cartesia")
            with telephony.connect("desk", adapter="cartesia", **account) as provider:
                bought = provider.provision_number(label="Desk")
                assert [one.number for one in provider.list_numbers()] == [bought.number]


def _commands(*, run: bool, demonstrated: bool) -> None:
    version = _telephony("--version")
    assert version == (0, f"telephony {telephony.__version__}\n"), version
    code, printed = _telephony("providers")
    assert (code == 0) == run, printed
    assert ("pip install 'telephony[cli]'" in printed) != run, printed
    if run:
        code, printed = _telephony("demo")
        assert (code == 0) == demonstrated, printed
        assert ("pip install 'telephony[sandbox]'" in printed) != demonstrated, printed


def _telephony(*words: str) -> tuple[int, str]:
    command = Path(sys.executable).with_name("telephony")
    done = subprocess.run(
        [command, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8"
    )
    return done.returncode, done.stdout


def _refusal(provider: telephony.PhoneNumberProvider) -> str:
    try:
        webhooks.parse(provider, method="POST", url="https://a.example/", headers={}, body=b"{}")
    except telephony.TelephonyError as refused:
        return str(refused)
    raise AssertionError("a webhook that nobody signed was taken")


def _has(module: str) -> bool:
    return importlib.util.find_spec(module) is not None


if __name__ == "__main__":
    main(sys.argv[1])
