"""Webhooks through `parse` and the two applications: real HTTP, signed by the sandbox."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

import telephony
from telephony import webhooks
from telephony.sandbox import Sandbox
from telephony.webhooks import CallEnded, CallStarted, CallTurn, MessageReceived

PERSON = "+14155550199"
VENDORS = ("agentphone", "cartesia", "livekit", "twilio", "vapi")
TWIML = b"<Response><Message>Yes</Message></Response>"


@pytest.fixture(params=["asgi", "wsgi"])
def serve(request):
    """Serve a handler, by both applications; returns where its webhooks go."""
    make = getattr(webhooks, request.param)
    start = request.getfixturevalue(f"serve_{request.param}")

    def run(providers, handler, **options):
        return start(make(providers, handler, **options)) + "/webhooks/{provider}"

    return run


@pytest.fixture
def number(telephony_connect):
    return telephony_connect("agentphone").provision_number().number


@pytest.fixture
def captured(telephony_sandbox, telephony_connect, number):
    """Return the webhook of a text that AgentPhone received."""
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    telephony_sandbox.receive_message("agentphone", number, sender=PERSON, body="Is it ready?")
    return telephony_sandbox.delivered()[0]


def parsed(provider, sent, **options):
    return webhooks.parse(
        provider,
        method=sent.method, url=sent.url, headers=sent.headers, body=sent.body, **options,
    )  # fmt: skip


def post(url, sent, **changed):
    request = {"headers": sent.headers, "content": sent.body, **changed}
    return httpx.post(url.replace("{provider}", "agentphone"), **request, timeout=30)


def test_every_vendors_webhooks_arrive_through_one_application(
    serve, telephony_sandbox, telephony_connect
):
    got = {name: [] for name in VENDORS}
    providers = {name: telephony_connect(name) for name in VENDORS}
    url = serve(providers.values(), lambda event: got[event.provider].append(type(event)))
    telephony_sandbox.send_webhooks(url)
    bought = {name: providers[name].provision_number() for name in VENDORS}
    numbers = {name: providers[name].get_number(number).number for name, number in bought.items()}
    for name in ("cartesia", "livekit", "vapi"):
        target = telephony_sandbox.vendors[name].sample.target
        providers[name].assign_number(numbers[name], target)

    for name in ("agentphone", "twilio"):
        telephony_sandbox.receive_message(name, numbers[name], sender=PERSON, body="Hello")
        telephony_sandbox.delivered()
    for name in VENDORS:
        telephony_sandbox.receive_call(name, numbers[name], sender=PERSON)

    assert {each.status for each in telephony_sandbox.delivered()} == {200}
    assert got == {
        "agentphone": [MessageReceived, CallTurn, CallEnded],
        "cartesia": [CallStarted, CallEnded],
        "livekit": [CallStarted, CallEnded],
        "twilio": [MessageReceived, CallStarted, CallEnded],
        "vapi": [CallStarted, CallEnded],  # though it reports the end twice
    }


def test_the_vendor_gets_the_response_that_it_expects(serve, telephony_sandbox, telephony_connect):
    replies = {
        MessageReceived: webhooks.WebhookResponse("text/xml", TWIML),
        CallTurn: webhooks.Reply("You are welcome."),
    }
    providers = [telephony_connect(name) for name in ("agentphone", "twilio")]
    url = serve(providers, lambda event: replies.get(type(event)))
    telephony_sandbox.send_webhooks(url)
    numbers = {each.name: each.provision_number().number for each in providers}

    telephony_sandbox.receive_message("twilio", numbers["twilio"], sender=PERSON, body="Thanks")
    telephony_sandbox.delivered()
    telephony_sandbox.receive_call("twilio", numbers["twilio"], sender=PERSON)
    telephony_sandbox.delivered()
    telephony_sandbox.receive_call("agentphone", numbers["agentphone"], sender=PERSON)

    text, ringing, over, turn, ended = telephony_sandbox.delivered()
    assert text.response == TWIML
    assert ringing.response == over.response
    assert b"<Response/>" in ringing.response
    assert json.loads(turn.response) == {"text": "You are welcome."}
    assert ended.response == b""


def test_a_handler_that_fails_gets_the_event_again(
    serve, telephony_sandbox, telephony_connect, number, caplog
):
    failures, handled = iter([RuntimeError("the database is away")] * 2), []

    def handler(event):
        for failure in failures:
            raise failure
        handled.append(event)

    telephony_sandbox.send_webhooks(serve([telephony_connect("agentphone")], handler))
    telephony_sandbox.receive_message("agentphone", number, sender=PERSON, body="Is it ready?")

    assert [each.status for each in telephony_sandbox.delivered()] == [500, 500, 200]
    assert len(handled) == 1
    assert "the database is away" in caplog.text
    assert "Is it ready?" not in caplog.text


def test_a_vendor_without_a_response_gives_up(telephony_sandbox, number):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    telephony_sandbox.receive_message("agentphone", number, sender=PERSON, body="Hello")

    tries = telephony_sandbox.delivered()

    assert [each.status for each in tries] == [None] * 6
    assert len({each.headers["x-webhook-id"] for each in tries}) == 1


def test_a_redelivery_gets_the_first_response_and_is_handled_once(
    serve, telephony_sandbox, telephony_connect, number
):
    said = iter([webhooks.Reply("One."), webhooks.Reply("Two.")])
    telephony_sandbox.send_webhooks(
        serve(
            [telephony_connect("agentphone")],
            lambda e: next(said) if e.type == "call_turn" else None,
        )
    )
    telephony_sandbox.receive_call("agentphone", number, sender=PERSON)
    turn, _ = telephony_sandbox.delivered()

    again = [post(turn.url, turn) for _ in range(3)]

    assert {each.status_code for each in again} == {200}
    assert {each.content for each in again} == {turn.response} == {b'{"text":"One."}'}


@pytest.mark.parametrize("fails", [False, True])
def test_a_redelivery_during_handling_waits_for_the_outcome(
    serve, telephony_connect, captured, fails
):
    entered, go_on, outcomes = threading.Event(), threading.Event(), []

    def handler(_):
        outcomes.append("begun")
        entered.set()
        assert go_on.wait(30)
        if fails and len(outcomes) == 1:
            raise RuntimeError

    url = serve([telephony_connect("agentphone")], handler)
    with ThreadPoolExecutor() as pool:
        first = pool.submit(post, url, captured)
        assert entered.wait(30)
        second = pool.submit(post, url, captured)
        go_on.set()
        codes = [first.result().status_code, second.result().status_code]

    assert codes == ([500, 200] if fails else [200, 200])
    assert len(outcomes) == (2 if fails else 1)


def test_a_killed_worker_does_not_block_an_event_for_ever(telephony_connect, captured, tmp_path):
    (event,) = parsed(telephony_connect("agentphone"), captured)
    key = webhooks.key_of(event)
    path = tmp_path / "webhooks.sqlite"
    for store in (webhooks.MemoryStore(lease=0), webhooks.SQLiteStore(path, lease=0)):
        assert store.claim(key).state is webhooks.ClaimState.OURS
        ours = store.claim(key)
        assert ours.state is webhooks.ClaimState.OURS
        store.finish(ours, webhooks.WebhookResponse("text/plain", b"done"))
        again = store.claim(key)
        assert (again.state, again.response.body) == (webhooks.ClaimState.DONE, b"done")
    store.close()


def test_a_handled_event_is_forgotten_after_the_window(tmp_path):
    path = tmp_path / "webhooks.sqlite"
    for store in (webhooks.MemoryStore(window=0), webhooks.SQLiteStore(path, window=0)):
        for _ in range(2):
            ours = store.claim("key")
            assert ours.state is webhooks.ClaimState.OURS
            store.finish(ours, webhooks.WebhookResponse())
    store.close()


def test_the_store_in_memory_is_bounded():
    store = webhooks.MemoryStore(most=2)
    for key in "abcd":
        store.finish(store.claim(key), webhooks.WebhookResponse())

    states = [store.claim(key).state for key in "da"]

    assert states == [webhooks.ClaimState.DONE, webhooks.ClaimState.OURS]


def test_workers_share_one_file(serve, telephony_connect, captured, tmp_path):
    handled = []
    stores = [webhooks.SQLiteStore(tmp_path / "webhooks.sqlite") for _ in range(2)]
    for store in stores:
        url = serve([telephony_connect("agentphone")], handled.append, store=store)
        assert post(url, captured).status_code == 200
    for store in stores:
        store.close()

    assert len(handled) == 1


# --- What is refused -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "headers", "status"),
    [
        ("POST", "/", {}, 404),
        ("POST", "/webhooks/butter", {}, 404),
        ("POST", "/webhooks/agentphone/", {}, 404),
        ("GET", "/webhooks/agentphone", {}, 405),
        ("POST", "/webhooks/agentphone", {}, 415),
        ("POST", "/webhooks/agentphone", {"content-type": "text/plain"}, 415),
        ("POST", "/webhooks/agentphone", {"content-type": "application/json"}, 401),
        ("POST", "/webhooks/agentphone", {"content-type": "application/json; charset=utf-8"}, 401),
    ],
)
def test_a_request_that_is_not_a_webhook_is_refused(
    serve, telephony_connect, method, path, headers, status
):
    url = serve([telephony_connect("agentphone")], pytest.fail)
    response = httpx.request(method, url.replace("/webhooks/{provider}", path), headers=headers)

    assert response.status_code == status
    assert response.headers.get("allow") == ("POST" if status == 405 else None)


def test_a_body_over_the_limit_is_not_read(serve, telephony_connect, captured):
    url = serve([telephony_connect("agentphone")], pytest.fail)

    assert post(url, captured, content=b" " * 1024 * 1024).status_code == 401
    assert post(url, captured, content=b" " * (1024 * 1024 + 1)).status_code == 413


def test_a_body_without_a_length_is_limited_while_it_is_read(
    serve_asgi, telephony_connect, captured
):
    url = serve_asgi(webhooks.asgi([telephony_connect("agentphone")], pytest.fail))

    def endless():
        for _ in range(1025):
            yield b" " * 1024

    assert post(f"{url}/webhooks/agentphone", captured, content=endless()).status_code == 413


def test_a_signature_says_what_is_wrong_with_it_and_nothing_more(
    serve, telephony_connect, captured, caplog
):
    url = serve([telephony_connect("agentphone")], pytest.fail)
    changed = captured.body.replace(b"ready", b"stolen")

    with caplog.at_level(logging.DEBUG):
        response = post(url, captured, content=changed)

    assert response.status_code == 401
    assert "X-Webhook-Signature does not match" in response.text
    for private in ("whsec_sandbox", "stolen", captured.headers["x-webhook-signature"]):
        assert private not in f"{response.text} {caplog.text}"


def test_a_signed_body_that_cannot_be_read_is_refused(serve, telephony_connect, telephony_sandbox):
    url = serve([telephony_connect("cartesia")], pytest.fail).replace("{provider}", "cartesia")
    secret = telephony_sandbox.settings("cartesia")["webhook_secret"]
    headers = {"x-webhook-secret": secret, "content-type": "application/json"}

    for body in (b"", b"[]", b"{", b"\xff"):
        assert httpx.post(url, headers=headers, content=body).status_code == 400


def test_a_missing_secret_raises_when_the_application_is_created(serve):
    with (
        telephony.connect("agentphone", api_key="k") as provider,
        pytest.raises(telephony.ConfigurationError, match="`webhook_secret` is missing"),
    ):
        serve([provider], pytest.fail)


def test_an_unverified_webhook_is_refused(serve, telephony_connect):
    with pytest.raises(telephony.UnsupportedOperationError, match="no signature"):
        serve([telephony_connect("butter")], pytest.fail)


def test_each_provider_needs_a_path_of_its_own(serve, telephony_connect):
    providers = [telephony_connect(name) for name in ("agentphone", "cartesia")]
    with pytest.raises(telephony.ConfigurationError, match=r"\{provider\}"):
        serve(providers, pytest.fail, path="/hook")


# --- The ASGI application ------------------------------------------------------------------------


def test_an_async_handler_is_awaited(serve_asgi, telephony_connect, captured):
    async def handler(event):
        await asyncio.sleep(0)
        return {"seen": event.message.id}

    url = serve_asgi(webhooks.asgi([telephony_connect("agentphone")], handler))
    response = post(f"{url}/webhooks/agentphone", captured)

    assert response.json()["seen"].startswith("msg_")


def test_an_async_handler_that_fails_gets_the_event_again(serve_asgi, telephony_connect, captured):
    replies = iter([RuntimeError("no"), 17, None])

    async def handler(_):
        reply = next(replies)
        if isinstance(reply, Exception):
            raise reply
        return reply

    url = serve_asgi(webhooks.asgi([telephony_connect("agentphone")], handler))
    statuses = [post(f"{url}/webhooks/agentphone", captured).status_code for _ in range(3)]

    assert statuses == [500, 500, 200]


def test_a_cancelled_delivery_is_handled_when_it_comes_again(telephony_connect, captured):
    entered = asyncio.Event()
    handled = []

    async def handler(event):
        handled.append(event)
        if len(handled) == 1:
            entered.set()
            await asyncio.Event().wait()

    app = webhooks.asgi([telephony_connect("agentphone")], handler)
    headers = [(name.encode(), value.encode()) for name, value in captured.headers.items()]
    scope = {
        "type": "http", "method": "POST", "scheme": "http", "server": ("127.0.0.1", 80),
        "path": "/webhooks/agentphone", "query_string": b"", "headers": headers,
    }  # fmt: skip

    async def main():
        sent = []

        async def receive():
            return {"type": "http.request", "body": captured.body, "more_body": False}

        async def send(message):
            sent.append(message)

        first = asyncio.create_task(app(scope, receive, send))
        await entered.wait()
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        await app(scope, receive, send)
        return [message["status"] for message in sent if "status" in message]

    assert asyncio.run(main()) == [200]
    assert len(handled) == 2


def test_it_closes_websockets(telephony_connect):
    app = webhooks.asgi([telephony_connect("agentphone")], pytest.fail)
    sent = []

    async def send(message):
        sent.append(message)

    asyncio.run(app({"type": "websocket"}, None, send))

    assert sent == [{"type": "websocket.close"}]


# --- parse ---------------------------------------------------------------------------------------


def test_parse_takes_a_provider_of_either_kind_or_an_adapter(telephony_connect, captured):
    provider = telephony_connect("agentphone")
    settings = {"api_key": "k", "webhook_secret": "whsec_sandbox"}
    other = telephony.connect_async("agentphone", **settings)

    (event,) = parsed(provider, captured)
    assert parsed(provider.adapter, captured) == parsed(other, captured) == [event]
    assert event.message.body == "Is it ready?"
    assert "ready" not in repr(event)
    assert event.raw["event"] == "agent.message"
    asyncio.run(other.close())


def test_parse_with_a_store_refuses_a_replay(telephony_connect, captured, tmp_path):
    provider = telephony_connect("agentphone")
    with_file = webhooks.SQLiteStore(tmp_path / "webhooks.sqlite")
    for store in (webhooks.MemoryStore(), with_file):
        (event,) = parsed(provider, captured, store=store)
        with pytest.raises(telephony.SignatureError, match="replayed"):
            parsed(provider, captured, store=store)
        # The id of a delivery is not signed: another one makes it no other event.
        sent = {**captured.headers, "x-webhook-id": "del_other"}
        with pytest.raises(telephony.SignatureError, match="replayed"):
            webhooks.parse(
                provider, method="POST", url=captured.url, headers=sent, body=captured.body,
                store=store,
            )  # fmt: skip

        store.forget(webhooks.key_of(event))
        assert parsed(provider, captured, store=store) == [event]
    with_file.close()


def test_verification_can_be_left_out_in_tests_only_by_saying_so(telephony_connect, captured):
    provider = telephony_connect("agentphone", webhook_secret="another")

    with pytest.raises(telephony.SignatureError, match="does not match"):
        parsed(provider, captured)
    assert len(parsed(provider, captured, verify=False)) == 1


def test_headers_may_be_pairs_in_any_case(telephony_connect, captured):
    pairs = [(name.upper(), value) for name, value in captured.headers.items()]
    (event,) = webhooks.parse(
        telephony_connect("agentphone"),
        method="post", url=captured.url, headers=pairs, body=captured.body,
    )  # fmt: skip
    assert isinstance(event, MessageReceived)


def test_an_event_is_immutable(telephony_connect, captured):
    (event,) = parsed(telephony_connect("agentphone"), captured)
    with pytest.raises(ValueError, match="frozen"):
        event.id = "other"


def test_the_sandbox_sends_to_this_machine_only(telephony_sandbox, telephony_connect):
    with pytest.raises(telephony.ConfigurationError, match="not on this machine"):
        Sandbox(webhook="https://example.com/{provider}")
    provider = telephony_connect("twilio")
    number = provider.provision_number()
    provider.set_webhook("https://example.com/twilio", of=number)
    telephony_sandbox.receive_message("twilio", number.number, sender=PERSON, body="Hello")

    (kept,) = telephony_sandbox.delivered()
    assert (kept.url, kept.status) == ("https://example.com/twilio", None)
