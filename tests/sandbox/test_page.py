"""The page at ``/``, as the server renders it, and what it is refused to."""

from __future__ import annotations

import html
import re
import subprocess
import sys
from typing import get_args

import httpx
import pytest

import telephony
from telephony import webhooks
from telephony.sandbox import Fault
from telephony.sandbox.calls import RINGS, TALKS
from telephony.sandbox.faults import Kind
from telephony.sandbox.page.switches import KINDS
from telephony.webhooks import MessageReceived

from ..conftest import inherited

PERSON = "+14155550199"
VENDORS = ("agentphone", "butter", "cartesia", "elevenlabs", "livekit", "retell", "twilio", "vapi")


@pytest.fixture
def browse(telephony_sandbox):
    """Request from the sandbox; a path without a method is read as text, entities resolved."""
    with httpx.Client(base_url=telephony_sandbox.url, trust_env=False) as client:

        def get(path="/", **params):
            response = client.get(path, params=params)
            assert response.status_code == 200, response.text
            return html.unescape(re.sub(r"<[^>]+>", " ", response.text))

        get.client = client
        yield get


def held(browse, vendor):
    made = browse.client.post(f"/_sandbox/{vendor}/numbers")
    assert made.status_code == 200, made.text
    return made.json()["number"]


def test_the_first_page_offers_a_number_to_a_newcomer(browse):
    shown = browse()
    assert "No numbers yet" in shown
    assert all(vendor in shown for vendor in VENDORS)
    number = held(browse, "twilio")
    assert number.startswith("+1")
    assert "Nothing was said yet" in browse()


def test_numbers_are_shown_with_their_label_and_what_answers_them(browse, telephony_connect):
    cartesia = telephony_connect("cartesia")
    number = cartesia.provision_number(label="Desk", assign_to="agent_reception").number
    national = f"{number[:2]} {number[2:5]}-{number[5:8]}-{number[8:]}"
    shown = browse()
    assert re.search(rf"{re.escape(national)}\s+Desk\s+Answered by agent Reception", shown)


def test_a_number_whose_calls_lead_to_another_vendor_says_to_which(
    browse, telephony_sandbox, telephony_connect
):
    number = telephony_connect("twilio").provision_number().number
    held_by = telephony_sandbox.settings("twilio")
    account = telephony.TwilioAccount(held_by["account_sid"], auth_token=held_by["auth_token"])
    vapi = telephony_connect("vapi")
    vapi.import_number(number, source=account)
    vapi.assign_number(number, telephony_sandbox.vendors["vapi"].sample.target)
    assert re.search(r"Calls are answered by \S+ at vapi", browse(vendor="twilio", number=number))


def test_the_command_says_where_the_page_is():
    command = [sys.executable, "-m", "telephony", "sandbox", "twilio", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=inherited()) as process:
        try:
            url = process.stdout.readline().split()[-1]
            assert "Open it in a browser" in process.stdout.readline()
            assert "<title>Telephony sandbox</title>" in httpx.get(url).text
        finally:
            process.terminate()


def test_the_port_of_a_vendor_has_no_page(telephony_sandbox):
    root = httpx.get(telephony_sandbox.root_url("twilio") + "/")
    assert root.headers["content-type"] == "application/json"


@pytest.mark.parametrize("vendor", VENDORS)
def test_a_number_that_the_page_gets_can_be_called(browse, telephony_sandbox, vendor):
    first, second = held(browse, vendor), held(browse, vendor)
    assert first != second
    for number in (first, second):
        called = browse.client.post(
            f"/_sandbox/{vendor}/calls", json={"to": number, "from": PERSON, "lasting": True}
        )
        assert called.status_code == 200, called.text
        assert "You called" in browse(vendor=vendor, number=number)


@pytest.mark.parametrize("vendor", ["agentphone", "retell", "twilio"])
def test_a_number_that_the_page_gets_can_be_texted(browse, vendor):
    number = held(browse, vendor)
    sent = browse.client.post(
        f"/_sandbox/{vendor}/messages",
        json={"to": number, "from": "+1 (415) 555-0199", "body": "Is it ready?"},
    )
    assert sent.status_code == 200, sent.text
    assert "Is it ready?" in browse(vendor=vendor, number=number)


@pytest.mark.parametrize("vendor", ["agentphone", "twilio"])
def test_replies_and_texts_of_an_application_are_in_the_conversation(
    browse, telephony_sandbox, telephony_connect, serve_wsgi, vendor
):
    number, provider = held(browse, vendor), telephony_connect(vendor)

    def handle(event):
        return webhooks.Reply("At five") if isinstance(event, MessageReceived) else None

    url = serve_wsgi(webhooks.wsgi([provider], handle)) + "/webhooks/{provider}"
    assert browse.client.put("/_sandbox/webhook", json={"url": url}).status_code == 204
    browse.client.post(
        f"/_sandbox/{vendor}/messages", json={"to": number, "from": PERSON, "body": "When?"}
    )
    provider.send_message(number, PERSON, "Or at six")
    provider.send_message(number, "+14155550177", "Not for you")

    shown = browse(vendor=vendor, number=number, person=PERSON)
    conversation = shown.partition("Your number")[2].partition("Requests and webhooks")[0]
    assert re.search(r"When\?.*At five.*Or at six", conversation, re.DOTALL)
    assert "Not for you" not in conversation
    assert "+1 415-555-0177" in conversation  # offered
    assert f'value="{url}"' in browse.client.get("/").text
    texts = list(provider.list_messages(number))
    assert {(text.body, text.direction) for text in texts} == {
        ("When?", "inbound"),
        ("At five", "outbound"),
        ("Or at six", "outbound"),
        ("Not for you", "outbound"),
    }


def test_a_reply_without_a_text_sends_none(telephony_sandbox, telephony_connect, serve_wsgi):
    provider = telephony_connect("twilio")
    number = provider.provision_number().number
    bodies = iter([b"<Response/>", b"", b"no XML"])

    def app(environ, start_response):
        start_response("200 OK", [("Content-Type", "text/xml")])
        return [next(bodies)]

    telephony_sandbox.send_webhooks(serve_wsgi(app))
    for _ in range(3):
        telephony_sandbox.receive_message("twilio", number, sender=PERSON, body="When?")
        telephony_sandbox.delivered()
    assert {text.direction for text in provider.list_messages(number)} == {"inbound"}


def test_a_call_is_watched_and_hung_up(browse, telephony_sandbox):
    number = held(browse, "agentphone")
    call = browse.client.post(
        "/_sandbox/agentphone/calls", json={"to": number, "from": PERSON, "lasting": True}
    ).json()["id"]
    telephony_sandbox.advance("agentphone", RINGS + 7)
    shown = browse()
    assert re.search(r"In progress.*Good morning.*Is five okay\?", shown, re.DOTALL)
    assert "Five is fine" not in shown
    assert "Hang up" in shown

    assert browse.client.delete(f"/_sandbox/agentphone/calls/{call}").status_code == 204
    shown = browse()
    assert "Ended" in shown
    assert "Hang up" not in shown
    again = browse.client.delete(f"/_sandbox/agentphone/calls/{call}")
    assert again.status_code in {204, 409}


def test_what_an_application_says_in_a_call_is_what_is_heard(
    browse, telephony_sandbox, telephony_connect, serve_wsgi
):
    number, provider = held(browse, "agentphone"), telephony_connect("agentphone")

    def handle(event):
        return webhooks.Reply("Make it six") if isinstance(event, webhooks.CallTurn) else None

    url = serve_wsgi(webhooks.wsgi([provider], handle)) + "/webhooks/{provider}"
    telephony_sandbox.send_webhooks(url)
    telephony_sandbox.receive_call("agentphone", number, sender=PERSON, lasting=True)
    telephony_sandbox.advance("agentphone", RINGS)
    telephony_sandbox.delivered()
    telephony_sandbox.advance("agentphone", TALKS)

    assert re.search(r"Is five okay\?\s+Agent\s+Make it six", browse(), re.IGNORECASE)


@pytest.mark.parametrize("vendor", ["agentphone", "cartesia", "elevenlabs", "retell", "vapi"])
def test_a_call_that_lasts_reports_its_answer_and_its_end_once(
    browse, telephony_sandbox, telephony_connect, vendor
):
    number = held(browse, vendor)
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    provider = telephony_connect(vendor)
    call = telephony_sandbox.receive_call(vendor, number, sender=PERSON, lasting=True)
    assert provider.get_call(call).status in {"ringing", "in_progress", "queued"}
    telephony_sandbox.advance(vendor, RINGS + TALKS)
    assert provider.get_call(call).status == "completed"
    bodies = [each.body for each in telephony_sandbox.delivered()]
    assert len(set(bodies)) >= 1
    telephony_sandbox.advance(vendor, RINGS + TALKS)
    assert [each.body for each in telephony_sandbox.delivered()] == bodies


def test_faults_are_switched_on_shown_and_healed(browse, telephony_sandbox, telephony_connect):
    fault = {"kind": "status", "vendor": "twilio", "times": None, "status": 503}
    assert browse.client.post("/_sandbox/faults", json=fault).status_code == 204
    assert re.search(r"Respond with an error status\s+\(503\)\s+twilio · every request", browse())
    assert httpx.get(telephony_sandbox.base_url("twilio") + "/x").status_code == 503
    assert httpx.get(telephony_sandbox.base_url("cartesia") + "/x").status_code != 503

    assert browse.client.delete("/_sandbox/faults").status_code == 204
    assert "None is on" in browse()
    assert httpx.get(telephony_sandbox.base_url("twilio") + "/x").status_code != 503


def test_a_fault_that_has_struck_is_no_longer_shown(browse, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status"))
    assert "1 left" in browse()
    httpx.get(telephony_sandbox.base_url("twilio") + "/x")
    assert "None is on" in browse()


def test_every_kind_of_fault_can_be_chosen(browse):
    assert set(KINDS) == set(get_args(Kind))
    shown = browse()
    assert all(words in shown for words in KINDS.values())


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("POST", "/_sandbox/faults", {"kind": "status", "path": "("}, 422, "regular expression"),
        ("POST", "/_sandbox/faults", {"kind": "none"}, 422, "kind"),
        ("PUT", "/_sandbox/webhook", {"url": "https://example.com/"}, 422, "localhost only"),
        ("POST", "/_sandbox/nobody/numbers", None, 404, "does not serve 'nobody'"),
        ("POST", "/_sandbox/twilio/messages", {"to": "+1", "body": "x"}, 422, "from"),
        ("POST", "/_sandbox/twilio/calls", {"to": "+1", "from": "Ann"}, 422, "E.164"),
        ("POST", "/_sandbox/twilio/calls", {"to": "+1", "from": PERSON}, 404, "no number"),
        ("DELETE", "/_sandbox/agentphone/calls/call_none", None, 409, "Call not found"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(browse, method, path, body, status, said):
    refused = browse.client.request(method, path, json=body)
    assert refused.status_code == status, refused.text
    assert said in refused.json()["error"]


def test_texts_and_labels_are_shown_as_text(browse, telephony_sandbox, telephony_connect):
    evil = "<script>alert('x')</script> <img src=x onerror=alert(1)> \"&amp;"
    provider = telephony_connect("twilio")
    number = provider.provision_number(label="<b>Desk</b>").number
    telephony_sandbox.receive_message("twilio", number, sender=PERSON, body=evil)
    page = browse.client.get("/", params={"person": PERSON}).text
    assert html.escape(evil) in page
    assert "<script>alert" not in page
    assert "<img" not in page
    assert "<b>Desk" not in page
    odd = browse.client.get("/", params={"person": '"><script>alert(1)</script>'}).text
    assert "<script>alert" not in odd


def test_the_page_runs_only_its_own_files(browse):
    page = browse.client.get("/")
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert re.findall(r"<script[^>]*>", page.text) == [
        '<script src="/_sandbox/page/page.js" type="module">'
    ]
    assert not re.search(r"""\s(style|on\w+)=|https?://(?!127\.0\.0\.1|localhost)""", page.text)
    for link in re.findall(r'(?:src|href)="(/_sandbox/[^"]+)"', page.text):
        assert browse.client.get(link).status_code == 200, link
    assert browse.client.get("/_sandbox/page/..%2fdesk.py").status_code == 404


def test_secrets_are_masked_in_what_is_shown(browse, telephony_sandbox, telephony_connect):
    telephony_connect("butter").link_carrier(telephony_sandbox.vendors["butter"].sample.carrier)
    httpx.get(
        telephony_sandbox.base_url("twilio") + "/x?api_key=very-secret",
        headers={"Authorization": "Basic dmVyeS1zZWNyZXQ=", "X-Api-Key": "very-secret"},
    )
    key = telephony_sandbox.settings("butter")["api_key"]
    shown = browse()
    assert "sandbox-auth-token" not in shown
    assert "dmVyeS1zZWNyZXQ" not in shown
    assert "very-secret" not in shown
    assert key not in shown
    assert "Basic **********" in shown


def test_requests_show_their_bodies_and_what_became_of_them(browse, telephony_sandbox):
    url = telephony_sandbox.base_url("agentphone") + "/v1/numbers"
    telephony_sandbox.fail(Fault(kind="lost"))
    with pytest.raises(httpx.TransportError):
        httpx.post(url, json={"country": "US"})
    telephony_sandbox.fail(Fault(kind="cut"))
    with pytest.raises(httpx.TransportError):
        httpx.get(url)
    httpx.post(url, content=b"\xff\xfe", headers={"content-type": "image/png"})
    shown = browse()
    assert "connection cut" in shown
    assert "401, cut off" in shown
    assert '"country": "US"' in shown
    assert "2 bytes of image/png" in shown
    assert "401" in shown


def test_webhooks_show_what_became_of_them(browse, telephony_sandbox, telephony_connect):
    number = held(browse, "twilio")
    provider = telephony_connect("twilio")
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/hook")
    telephony_sandbox.receive_message("twilio", number, sender=PERSON, body="Hello")
    telephony_sandbox.delivered()
    provider.set_webhook("https://example.com/sms", of=number)
    telephony_sandbox.receive_message("twilio", number, sender=PERSON, body="Hello again")
    telephony_sandbox.delivered()
    shown = browse()
    assert "Nothing responds at this URL" in shown
    assert "sends webhooks to this machine only" in shown
    assert "Body: Hello again" in shown


def test_looking_leaves_no_trace_and_no_fault_strikes_it(browse, telephony_sandbox):
    number = held(browse, "twilio")
    telephony_sandbox.limit("twilio", 0)
    telephony_sandbox.fail(Fault(kind="status", times=None))
    assert number[-4:] in browse(vendor="twilio", number=number)
    assert telephony_sandbox.requests("twilio") == []
    assert telephony_sandbox.arrivals("twilio") == []
    assert "None yet" in browse()


def test_a_page_that_is_still_the_same_is_not_sent_again(browse):
    first = browse.client.get("/")
    known = {"If-None-Match": first.headers["etag"]}
    assert browse.client.get("/", headers=known).status_code == 304
    held(browse, "twilio")
    assert browse.client.get("/", headers=known).status_code == 200


def test_a_reset_empties_the_page(browse, telephony_sandbox):
    held(browse, "twilio")
    telephony_sandbox.fail(Fault(kind="lost"))
    browse.client.put("/_sandbox/webhook", json={"url": "http://localhost:1/"})
    assert browse.client.post("/_sandbox/reset").status_code == 204
    shown = browse()
    assert "No numbers yet" in shown
    assert "None is on" in shown
    assert "http://localhost:1/" not in shown


PLACES = (
    ("GET", "/"),
    ("GET", "/_sandbox"),
    ("GET", "/_sandbox/page/page.js"),
    ("POST", "/_sandbox/reset"),
    ("POST", "/_sandbox/twilio/messages"),
    ("GET", "/_sandbox/direct/twilio/2010-04-01/Accounts.json"),
    ("POST", "/twilio/2010-04-01/Accounts.json"),
)


@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost@evil.example"},
        {"Origin": "http://evil.example"},
        {"Origin": "null"},
        {"Origin": "http://127.0.0.1.evil.example:4010"},
    ],
    ids=str,
)
def test_a_foreign_host_or_origin_is_refused_everywhere(browse, telephony_sandbox, headers):
    held(browse, "twilio")
    for method, path in PLACES:
        refused = browse.client.request(method, path, headers=headers)
        assert refused.status_code == 403, path
        assert "error" in refused.json()
    assert telephony_sandbox.ledger("twilio", "purchase")


def test_another_page_on_this_machine_reaches_vendors_and_not_the_page(browse):
    elsewhere = {"Origin": "http://localhost:3000"}
    assert browse.client.post("/_sandbox/reset", headers=elsewhere).status_code == 403
    assert browse.client.get("/twilio/x", headers=elsewhere).status_code != 403
    own = {"Origin": str(browse.client.base_url).rstrip("/")}
    assert browse.client.post("/_sandbox/reset", headers=own).status_code == 204


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:1", "[::1]:4010", "LOCALHOST:80"])
def test_every_name_of_this_machine_is_served(browse, host):
    assert browse.client.get("/", headers={"Host": host}).status_code == 200
    assert browse.client.get("/twilio/x", headers={"Host": host}).status_code != 403
