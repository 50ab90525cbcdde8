"""What handlers return: portable replies, the vendors' own languages, and what cannot be sent."""

from __future__ import annotations

import asyncio
import json
import threading
from xml.etree import ElementTree as ET

import httpx
import pytest

import telephony
from telephony import webhooks
from telephony.sandbox import Fault
from telephony.webhooks import CallEnded, CallStarted, CallTurn, MessageReceived

PERSON = "+14155550199"
WORDS = 'Tom & "Ann" <at> 5 \U0001f642'


@pytest.fixture(params=["asgi", "asgi with an async handler", "wsgi"])
def serve(request):
    """Serve a handler by each kind of application; returns where its webhooks go."""
    kind, _, is_async = request.param.partition(" ")
    start = request.getfixturevalue(f"serve_{kind}")

    def run(providers, handler, **options):
        async def awaited(event):
            return handler(event)

        app = getattr(webhooks, kind)(providers, awaited if is_async else handler, **options)
        return start(app) + "/webhooks/{provider}"

    return run


@pytest.fixture
def connected(telephony_sandbox, telephony_connect):
    """Connect a provider that holds a number; return both."""

    def connect(name):
        provider = telephony_connect(name)
        return provider, provider.provision_number().number

    return connect


def only(kind, result):
    return lambda event: result if isinstance(event, kind) else None


@pytest.mark.parametrize("words", [webhooks.Reply(WORDS), WORDS], ids=["Reply", "text"])
def test_the_same_reply_is_texted_at_every_vendor_that_texts(
    serve, telephony_sandbox, connected, words
):
    (phone, ours), (twilio, other) = connected("agentphone"), connected("twilio")
    telephony_sandbox.send_webhooks(serve([phone, twilio], only(MessageReceived, words)))

    telephony_sandbox.receive_message("agentphone", ours, sender=PERSON, body="Ready?")
    telephony_sandbox.receive_message("twilio", other, sender=PERSON, body="Ready?")
    delivered = {each.url.rpartition("/")[2]: each for each in telephony_sandbox.delivered()}

    sent = [each for each in phone.list_messages(ours) if each.direction == "outbound"]
    assert [(each.body, each.recipient) for each in sent] == [(WORDS, PERSON)]
    twiml = ET.fromstring(delivered["twilio"].response)  # noqa: S314 - our own
    assert [(each.tag, each.text) for each in twiml] == [("Message", WORDS)]
    assert {each.status for each in delivered.values()} == {200}


def test_the_same_reply_is_spoken_at_every_vendor_that_lets_one(
    serve, telephony_sandbox, connected
):
    (phone, ours), (twilio, other) = connected("agentphone"), connected("twilio")
    handler = only(CallStarted | CallTurn, webhooks.Reply(WORDS))
    telephony_sandbox.send_webhooks(serve([phone, twilio], handler))

    telephony_sandbox.receive_call("agentphone", ours, sender=PERSON)
    turn, _ = telephony_sandbox.delivered()
    telephony_sandbox.receive_call("twilio", other, sender=PERSON)
    ringing = telephony_sandbox.delivered()[2]

    assert json.loads(turn.response) == {"text": WORDS}
    twiml = ET.fromstring(ringing.response)  # noqa: S314 - our own
    assert [(each.tag, each.text) for each in twiml] == [("Say", WORDS)]


@pytest.mark.parametrize(
    ("kind", "result", "said"),
    [
        (CallEnded, webhooks.Reply("Bye"), "takes no reply to a CallEnded"),
        (CallEnded, "Bye", "takes no reply to a CallEnded"),
        (MessageReceived, webhooks.Reply(" "), "The reply is empty"),
        (MessageReceived, 17, "not int"),
    ],
)
def test_an_unsendable_reply_raises_and_the_event_is_delivered_again(
    serve, telephony_sandbox, connected, caplog, kind, result, said
):
    phone, ours = connected("agentphone")
    results = iter([result])
    telephony_sandbox.send_webhooks(
        serve([phone], lambda event: next(results, None) if isinstance(event, kind) else None)
    )
    if kind is MessageReceived:
        telephony_sandbox.receive_message("agentphone", ours, sender=PERSON, body="Ready?")
    else:
        telephony_sandbox.receive_call("agentphone", ours, sender=PERSON)

    assert [each.status for each in telephony_sandbox.delivered()][-2:] == [500, 200]
    assert said in caplog.text


def test_a_spoken_reply_to_a_vendor_without_them_raises(
    serve, telephony_sandbox, telephony_connect, caplog
):
    livekit = telephony_connect("livekit")
    number = livekit.provision_number(assign_to="reception").number
    url = serve([livekit], only(CallStarted, webhooks.Reply("Hello")))
    telephony_sandbox.send_webhooks(url)
    telephony_sandbox.receive_call("livekit", number, sender=PERSON)

    assert 500 in {each.status for each in telephony_sandbox.delivered()}
    assert "takes no reply to a CallStarted" in caplog.text


def test_a_reply_that_was_refused_is_sent_when_the_webhook_comes_again(
    serve, telephony_sandbox, connected, caplog
):
    phone, ours = connected("agentphone")
    telephony_sandbox.send_webhooks(serve([phone], only(MessageReceived, webhooks.Reply("Yes"))))
    telephony_sandbox.fail(Fault(kind="status", status=400, method="POST", path="/v1/messages"))
    telephony_sandbox.receive_message("agentphone", ours, sender=PERSON, body="Ready?")

    assert [each.status for each in telephony_sandbox.delivered()] == [500, 200]
    sent = [each.body for each in phone.list_messages(ours) if each.direction == "outbound"]
    assert sent == ["Yes"]


def test_a_reply_that_may_have_been_sent_is_not_retried(
    serve, telephony_sandbox, connected, caplog
):
    phone, ours = connected("agentphone")
    telephony_sandbox.send_webhooks(serve([phone], only(MessageReceived, webhooks.Reply("Yes"))))
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="/v1/messages"))
    telephony_sandbox.receive_message("agentphone", ours, sender=PERSON, body="Ready?")

    assert [each.status for each in telephony_sandbox.delivered()] == [200]
    sent = [each.body for each in phone.list_messages(ours) if each.direction == "outbound"]
    assert sent == ["Yes"]
    assert "may have been sent" in caplog.text


def test_an_adapter_without_a_provider_cannot_send_replies(
    serve, telephony_sandbox, connected, caplog
):
    phone, ours = connected("agentphone")
    results = iter([webhooks.Reply("Yes")])
    telephony_sandbox.send_webhooks(serve([phone.adapter], lambda _: next(results, None)))
    telephony_sandbox.receive_message("agentphone", ours, sender=PERSON, body="Ready?")

    assert [each.status for each in telephony_sandbox.delivered()] == [500, 200]
    assert "Mount the connected provider" in caplog.text


# --- Mounting ------------------------------------------------------------------------------------


def test_tenants_of_one_vendor_are_mounted_by_their_names(serve, telephony_sandbox, connected):
    _, ours = connected("twilio")
    settings = telephony_sandbox.settings("twilio")
    names = ("tenant-a", "Zoë & söhne")
    tenants = [telephony.connect(name, adapter="twilio", **settings) for name in names]
    got = []
    url = serve(tenants, lambda event: got.append(event.provider))
    for name in names:
        telephony_sandbox.send_webhooks(str(httpx.URL(url.replace("{provider}", name))))
        telephony_sandbox.receive_message("twilio", ours, sender=PERSON, body=name)
        assert telephony_sandbox.delivered()[-1].status == 200

    for tenant in tenants:
        tenant.close()
    assert got == ["tenant-a", "Zoë & söhne"]


def test_two_providers_of_one_name_are_refused(serve, telephony_connect):
    with pytest.raises(telephony.ConfigurationError, match=r'connect\("tenant-a", adapter='):
        serve([telephony_connect("twilio"), telephony_connect("twilio")], pytest.fail)


def test_wsgi_refuses_what_it_cannot_await(telephony_connect):
    async def handler(_):
        pass

    class Handler:
        async def __call__(self, _):
            pass

    blocking = telephony_connect("agentphone")
    other = telephony.connect_async("agentphone", api_key="k", webhook_secret="s")
    for providers, given, argument in (
        ([blocking], handler, "handler"),
        ([blocking], Handler(), "handler"),
        ([other], pytest.fail, "providers"),
    ):
        with pytest.raises(telephony.InvalidRequestError, match=r"webhooks\.asgi") as caught:
            webhooks.wsgi(providers, given)
        assert caught.value.argument == argument
    asyncio.run(other.close())


def test_a_handler_that_returns_a_coroutine_is_refused(
    serve_wsgi, telephony_sandbox, connected, caplog
):
    async def reply(_):
        return None

    phone, ours = connected("agentphone")
    results = iter([reply])
    app = webhooks.wsgi([phone], lambda event: next(results, lambda _: None)(event))
    telephony_sandbox.send_webhooks(serve_wsgi(app) + "/webhooks/{provider}")
    telephony_sandbox.receive_message("agentphone", ours, sender=PERSON, body="Ready?")

    assert [each.status for each in telephony_sandbox.delivered()] == [500, 200]
    assert "not coroutine" in caplog.text


# --- Many at once, and cancelled ones ------------------------------------------------------------


def deliver(app, sent):
    """Return a coroutine that makes one delivery by ASGI and returns the status."""
    headers = [(name.encode(), value.encode()) for name, value in sent.headers.items()]
    scope = {
        "type": "http", "method": "POST", "scheme": "http", "server": ("127.0.0.1", 80),
        "path": "/webhooks/agentphone", "query_string": b"", "headers": headers,
    }  # fmt: skip
    statuses = []

    async def receive():
        return {"type": "http.request", "body": sent.body, "more_body": False}

    async def send(message):
        statuses.append(message.get("status"))

    async def run():
        await app(scope, receive, send)
        return statuses[0]

    return run()


@pytest.fixture
def captured(telephony_sandbox, connected):
    """Texts as AgentPhone delivers them."""
    _, ours = connected("agentphone")
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")

    def capture(count):
        for nth in range(count):
            telephony_sandbox.receive_message("agentphone", ours, sender=PERSON, body=str(nth))
        unique = {each.body: each for each in telephony_sandbox.delivered()}
        return list(unique.values())[-count:]

    return capture


def test_sixty_blocking_handlers_run_at_once(telephony_connect, captured):
    """They all meet at a barrier, which fewer threads than sixty never pass."""
    together = threading.Barrier(60, timeout=60)

    def handler(_):
        together.wait()

    app = webhooks.asgi([telephony_connect("agentphone")], handler)

    async def main():
        return await asyncio.gather(*(deliver(app, each) for each in captured(60)))

    assert set(asyncio.run(main())) == {200}


def test_an_async_provider_sends_replies_too(telephony_sandbox, captured):
    (sent,) = captured(1)
    ours = json.loads(sent.body)["data"]["to"]
    settings = telephony_sandbox.settings("agentphone")

    async def main():
        async with telephony.connect_async("agentphone", **settings) as provider:
            app = webhooks.asgi([provider], only(MessageReceived, webhooks.Reply("Yes")))
            status = await deliver(app, sent)
            return status, [each.body async for each in provider.list_messages(ours)]

    status, texts = asyncio.run(main())
    assert status == 200
    assert sorted(texts) == ["0", "Yes"]


class Slow(webhooks.MemoryStore):
    """A store whose claims wait until they may go on."""

    def __init__(self):
        super().__init__()
        self.entered, self.go_on = threading.Event(), threading.Event()

    def claim(self, key):
        self.entered.set()
        assert self.go_on.wait(30)
        return super().claim(key)


def test_a_delivery_that_is_cancelled_while_it_claims_does_not_block_the_next(
    telephony_connect, captured
):
    (sent,) = captured(1)
    store, handled = Slow(), []
    app = webhooks.asgi([telephony_connect("agentphone")], handled.append, store=store)

    async def main():
        first = asyncio.create_task(deliver(app, sent))
        await asyncio.to_thread(store.entered.wait, 30)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        store.go_on.set()
        return await deliver(app, sent)

    assert asyncio.run(main()) == 200
    assert len(handled) == 1


@pytest.mark.parametrize("is_async", [False, True])
def test_a_handled_event_is_recorded_though_its_request_is_cancelled(
    telephony_connect, captured, is_async
):
    (sent,) = captured(1)
    entered, go_on, handled = threading.Event(), threading.Event(), []

    class Store(webhooks.MemoryStore):
        def finish(self, claim, response):
            entered.set()
            assert go_on.wait(30)
            super().finish(claim, response)

    async def awaited(event):
        handled.append(event)

    app = webhooks.asgi(
        [telephony_connect("agentphone")], awaited if is_async else handled.append, store=Store()
    )

    async def main():
        first = asyncio.create_task(deliver(app, sent))
        await asyncio.to_thread(entered.wait, 30)
        first.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first
        go_on.set()
        return await deliver(app, sent)

    assert asyncio.run(main()) == 200
    assert len(handled) == 1


# --- Several events in one delivery --------------------------------------------------------------


@pytest.fixture
def batched(telephony_connect, captured):
    """Return a provider whose deliveries hold two events, and one such delivery."""
    provider = telephony_connect("agentphone")
    (sent,) = captured(1)
    parse = provider.adapter.parse_webhook

    def twice(request, *, verify):
        (event,) = parse(request, verify=verify)
        return [event.model_copy(update={"id": f"{event.id}:{nth}"}) for nth in range(2)]

    provider.adapter.parse_webhook = twice
    return provider, sent


def parsed(provider, sent, store):
    return webhooks.parse(
        provider, method="POST", url=sent.url, headers=sent.headers, body=sent.body, store=store
    )


def test_of_several_events_only_the_replayed_one_is_left_out(batched):
    provider, sent = batched
    store = webhooks.MemoryStore()
    one, other = parsed(provider, sent, store)
    store.forget(webhooks.key_of(one))

    assert parsed(provider, sent, store) == [one]
    with pytest.raises(telephony.SignatureError, match="replayed"):
        parsed(provider, sent, store)
    assert one != other


def test_a_store_that_fails_at_the_second_event_loses_neither(batched):
    provider, sent = batched

    class Store(webhooks.MemoryStore):
        failures = iter([None, OSError("the disk is full")])

        def claim(self, key):
            if failure := next(self.failures, None):
                raise failure
            return super().claim(key)

    store = Store()
    with pytest.raises(OSError, match="the disk is full"):
        parsed(provider, sent, store)
    assert len(parsed(provider, sent, store)) == 2


def test_of_several_events_only_the_one_that_failed_is_handled_again(serve, batched):
    provider, sent = batched
    handled, failures = [], iter([None, RuntimeError("no")])

    def handler(event):
        if failure := next(failures, None):
            raise failure
        handled.append(event.id[-1])

    url = serve([provider], handler).replace("{provider}", "agentphone")
    statuses = [
        httpx.post(url, headers=sent.headers, content=sent.body, timeout=30).status_code
        for _ in range(3)
    ]

    assert statuses == [500, 200, 200]
    assert handled == ["0", "1"]
