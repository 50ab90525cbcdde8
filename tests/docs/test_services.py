"""The recipes that are servers, as processes under uvicorn, with the sandbox as their vendors."""

from __future__ import annotations

import base64
import time
from dataclasses import replace

import httpx
import pytest

from telephony.sandbox import DeliveryAttempt, Fault

ADA, BOB = "+14155550199", "+14155550188"
# --- The bot that answers texts ------------------------------------------------------------------


@pytest.fixture
def numbers(telephony_connect):
    return {
        vendor: telephony_connect(vendor).provision_number().number
        for vendor in ("agentphone", "twilio")
    }


@pytest.fixture
def text(telephony_sandbox, telephony_connect, numbers):
    """Text a number of a vendor; returns the replies to it."""

    def send(vendor, body, sender=ADA):
        number, provider = numbers[vendor], telephony_connect(vendor)
        known = len(telephony_sandbox.delivered())
        before = [each.id for each in provider.list_messages(number)]
        telephony_sandbox.receive_message(vendor, number, sender=sender, body=body)
        attempts = telephony_sandbox.delivered()[known:]
        assert [each.status for each in attempts] == [200]
        texts = [each for each in provider.list_messages(number) if each.id not in before]
        sent = [each.body for each in texts if each.recipient == sender]
        # Twilio sends what the response says.
        return sent or [attempts[0].response.decode()]

    return send


def deliver(attempt: DeliveryAttempt) -> int:
    """Deliver a webhook once more, as a vendor does that got no response."""
    headers = {name: value for name, value in attempt.headers.items() if name != "content-length"}
    return httpx.request(
        attempt.method, attempt.url, headers=headers, content=attempt.body
    ).status_code


def test_the_bot_has_a_conversation_with_each_person_at_each_number(service, text):
    service("sms_bot")

    assert text("agentphone", "hi") == ["Hello! What is your name?"]
    assert text("agentphone", "Ada") == ["Thank you, Ada. For which day?"]
    assert text("agentphone", "hello", BOB) == ["Hello! What is your name?"]
    assert "Hello! What is your name?" in text("twilio", "hi")[0]
    assert text("agentphone", "Friday") == ["And at what time?"]
    assert text("agentphone", "noon") == [
        "Booked: Ada, Friday at noon. Text again for another table."
    ]
    assert text("agentphone", "hi again") == ["Hello! What is your name?"]
    # The carrier answers it.
    assert [each for each in text("agentphone", "STOP") if "name" in each] == []
    assert text("agentphone", "Bob") == ["Thank you, Bob. For which day?"]


def test_the_bot_goes_on_after_it_was_killed_and_handles_each_text_once(
    service, text, numbers, telephony_sandbox, tmp_path
):
    process, url = service("sms_bot")
    text("agentphone", "hi")
    process.kill()
    process.wait()
    _, again = service("sms_bot")
    (first,) = telephony_sandbox.delivered()
    repeated = replace(first, url=first.url.replace(url, again))

    assert deliver(repeated) == 200
    # As if it had been killed before it could note that the text was handled.
    (tmp_path / "sms_bot.sqlite.events").unlink()
    assert deliver(repeated) == 200

    assert text("agentphone", "Ada") == ["Thank you, Ada. For which day?"]


# --- Tenants -------------------------------------------------------------------------------------

ACCOUNTS = {
    "acme": {"account_sid": "AC" + "5a" * 16, "auth_token": "sandbox-auth-token"},
    "blue": {"account_sid": "AC" + "5b" * 16, "auth_token": "sandbox-subaccount-token"},
}
NUMBERS = {"acme": "+14155550142", "blue": "+14155550143"}


@pytest.fixture
def tenants(tenants_url, telephony_sandbox):
    """Serve two tenants, each with an account of its own at Twilio; returns the URL."""
    url, _ = tenants_url
    for name, account in ACCOUNTS.items():
        registered = register(url, name, account, telephony_sandbox)
        assert registered.status_code == 204, registered.text
    return url


def register(url, name, settings, sandbox):
    settings = {"base_url": sandbox.base_url("twilio"), **settings}
    return httpx.put(f"{url}/tenants/{name}", json={"adapter": "twilio", "settings": settings})


@pytest.fixture
def bought(telephony_connect, tenants):
    """Return a number of each tenant, whose texts it gets by webhook."""
    found = {}
    for name, account in ACCOUNTS.items():
        only = {"api_key_sid": None, "api_key_secret": None, **account}
        provider = telephony_connect("twilio", **only)
        found[name] = provider.provision_number(number=NUMBERS[name]).number
        provider.set_webhook(f"{tenants}/webhooks/tenant-{name}", of=found[name])
    return found


def bodies(url, name):
    return [each["body"] for each in httpx.get(f"{url}/tenants/{name}/messages").json()]


def test_each_tenant_has_its_own_keys_numbers_and_texts(tenants, bought, telephony_sandbox):
    known = len(telephony_sandbox.requests("twilio"))
    listed = {
        name: [each["number"] for each in httpx.get(f"{tenants}/tenants/{name}/numbers").json()]
        for name in ACCOUNTS
    }
    for name, number in bought.items():
        telephony_sandbox.receive_message("twilio", number, sender=ADA, body=f"hello {name}")

    assert listed == {name: [number] for name, number in bought.items()}
    assert [each.status for each in telephony_sandbox.delivered()] == [200, 200]
    assert {name: bodies(tenants, name) for name in ACCOUNTS} == {
        name: [f"hello {name}"] for name in ACCOUNTS
    }
    used = [
        (request.path.split("/")[4], base64.b64decode(request.headers["authorization"][6:]))
        for request in telephony_sandbox.requests("twilio")[known:]
    ]
    logins = {
        account["account_sid"]: ":".join(account.values()).encode() for account in ACCOUNTS.values()
    }
    assert dict(used) == logins
    assert len(used) == 2


def test_a_webhook_of_one_tenant_is_refused_for_another(tenants, bought, telephony_sandbox):
    telephony_sandbox.receive_message("twilio", bought["acme"], sender=ADA, body="of acme")
    (attempt,) = telephony_sandbox.delivered()

    elsewhere = [f"{tenants}/webhooks/tenant-blue", f"{tenants}/webhooks/tenant-nobody"]
    statuses = [
        httpx.post(url, headers=attempt.headers, content=attempt.body).status_code
        for url in elsewhere
    ]

    assert statuses == [401, 404]
    assert "of acme" not in bodies(tenants, "blue")


def test_a_tenant_never_acts_with_the_keys_of_the_process(tenants, telephony_sandbox):
    """The process has TWILIO_… and TELEPHONY_TWILIO_… of an account of its own."""
    nothing = register(tenants, "none", {}, telephony_sandbox)
    blank = register(tenants, "blank", {"account_sid": " "}, telephony_sandbox)
    half = register(tenants, "half", {"account_sid": "AC" + "0f" * 16}, telephony_sandbox)
    alike = register(tenants, "twilio", {"account_sid": "AC" + "0f" * 16}, telephony_sandbox)

    statuses = [each.status_code for each in (nothing, blank, half, alike)]
    assert statuses == [422] * 4
    assert "tenant's own" in nothing.text


def test_a_tenant_whose_key_is_revoked_harms_no_other_and_may_give_a_new_one(
    tenants, bought, telephony_sandbox
):
    stale = {**ACCOUNTS["blue"], "auth_token": "revoked"}
    assert register(tenants, "blue", stale, telephony_sandbox).status_code == 204

    refused = httpx.get(f"{tenants}/tenants/blue/numbers")
    fine = httpx.get(f"{tenants}/tenants/acme/numbers")
    register(tenants, "blue", ACCOUNTS["blue"], telephony_sandbox)
    again = httpx.get(f"{tenants}/tenants/blue/numbers")

    assert (refused.status_code, fine.status_code, again.status_code) == (502, 200, 200)
    assert "revoked" not in refused.text


def test_tenants_are_there_after_a_restart(tenants_url, tenants, bought, service):
    _, folder = tenants_url
    _, again = service("tenants", folder)

    listed = httpx.get(f"{again}/tenants/blue/numbers").json()

    assert [each["number"] for each in listed] == [bought["blue"]]


# --- FastAPI -------------------------------------------------------------------------------------


def test_a_call_is_followed_in_the_background(service, telephony_connect, telephony_sandbox):
    _, url = service("fastapi_app")
    number = telephony_connect("cartesia").provision_number(assign_to="agent_sales").number

    placed = httpx.post(f"{url}/calls", json={"number": number, "to": ADA})
    assert placed.status_code == 202
    telephony_sandbox.advance("cartesia", 3600)
    call = f"{url}/calls/{placed.json()['call']['id']}"
    while (followed := httpx.get(call).json())["transcript"] is None:
        assert followed["error"] is None
        time.sleep(0.05)

    assert followed["call"]["status"] == "completed"
    assert "Is five okay?" in [turn["text"] for turn in followed["transcript"]["turns"]]

    telephony_sandbox.fail(Fault(kind="lost", method="POST"))
    lost = httpx.post(f"{url}/calls", json={"number": number, "to": ADA})
    assert lost.status_code == 504
    assert "do not just repeat" in lost.text
    assert len(telephony_sandbox.ledger("cartesia", "call")) == 2


def test_it_stops_with_a_call_under_way(service, telephony_connect):
    process, url = service("fastapi_app")
    number = telephony_connect("cartesia").provision_number(assign_to="agent_sales").number
    httpx.post(f"{url}/calls", json={"number": number, "to": ADA})

    process.terminate()

    assert "Finished server process" in process.stderr.read()
