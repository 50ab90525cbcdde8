"""Calls at Vapi: placed once, paged by time, ended by their own URL."""

from __future__ import annotations

import pytest
from telephony.adapters.vapi import endings
from telephony.adapters.vapi.sandbox import vendor
from vapi.types.call_ended_reason import CallEndedReason

import telephony
from telephony import Agent, CallStatus, TwilioAccount
from telephony.sandbox import Fault
from telephony.sandbox.calls import RINGS, TALKS, sound

NUMBER, OTHER = "+14155550123", "+14155550199"
TOKEN = TwilioAccount("AC" + "0f" * 16, auth_token="canary-token")


@pytest.fixture
def number(provider):
    return provider.import_number(NUMBER, source=TOKEN, assign_to=vendor.RECEPTION)


# --- Placed --------------------------------------------------------------------------------------


def test_a_call_carries_its_agent_its_metadata_and_its_key(provider, telephony_sandbox, number):
    call = provider.place_call(
        number, OTHER, agent=f"squad:{vendor.SQUAD}", metadata={"ticket": "T-88"},
        idempotency_key="ticket-88", options={"name": "Reminder", "squadOverrides": {"x": 1}},
    )  # fmt: skip

    sent = telephony_sandbox.requests("vapi")[-1].json()
    name = sent.pop("name")
    assert sent == {
        "squadId": vendor.SQUAD,
        "phoneNumberId": number.id,
        "customer": {"number": OTHER},
        "squadOverrides": {"x": 1, "metadata": {"ticket": "T-88"}},
    }
    assert name.startswith("Reminder [key:")
    assert (call.agent, call.status) == (f"squad:{vendor.SQUAD}", CallStatus.QUEUED)
    assert (call.sender, call.recipient) == (NUMBER, OTHER)


def test_a_sip_address_is_called(provider, telephony_sandbox, number):
    call = provider.place_call(number, "sip:ann@example.com")

    assert telephony_sandbox.requests("vapi")[-1].json()["customer"] == {
        "sipUri": "sip:ann@example.com"
    }
    assert provider.get_call(call).recipient == "sip:ann@example.com"


def test_a_call_whose_response_is_lost_is_found_by_its_own_mark(
    provider, telephony_sandbox, number
):
    earlier = provider.place_call(number, OTHER)
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    call = provider.place_call(number, OTHER)

    placed = [entry.id for entry in telephony_sandbox.ledger("vapi", "call")]
    assert placed == [earlier.id, call.id]


def test_a_call_that_did_not_arrive_stays_unknown(provider, telephony_sandbox, number):
    provider.place_call(number, OTHER)
    telephony_sandbox.fail(Fault(kind="reset", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError, match="list_calls"):
        provider.place_call(number, OTHER)


def test_an_agent_that_there_is_not_is_named(provider, telephony_sandbox, number):
    with pytest.raises(telephony.NotFoundError, match="no such assistant") as caught:
        provider.place_call(number, OTHER, agent="no-such-agent")

    assert caught.value.argument == "agent"
    body = '{"message": "Over Concurrency Limit", "statusCode": 400}'
    telephony_sandbox.fail(Fault(kind="status", status=400, method="POST", body=body))
    with pytest.raises(telephony.InvalidRequestError, match="Over Concurrency Limit"):
        provider.place_call(number, OTHER)
    assert telephony_sandbox.ledger("vapi", "call") == []


def test_what_a_call_cannot_have_is_refused(provider, telephony_sandbox, number):
    provider.unassign_number(number)
    wrong = [
        ("agent", {}),
        ("options", {"agent": vendor.SALES, "options": {"customers": []}}),
        ("metadata", {"agent": f"workflow:{vendor.WORKFLOW}", "metadata": {"a": "b"}}),
    ]
    for argument, given in wrong:
        with pytest.raises(telephony.InvalidRequestError) as caught:
            provider.place_call(number, OTHER, **given)
        assert caught.value.argument == argument
    assert telephony_sandbox.ledger("vapi", "call") == []


# --- Read ----------------------------------------------------------------------------------------


def test_a_call_has_our_number_and_the_other_side_in_both_directions(
    provider, telephony_sandbox, number
):
    placed = provider.place_call(number, OTHER)
    came = telephony_sandbox.receive_call("vapi", NUMBER, sender=OTHER)

    sides = {call.id: (call.number, call.sender, call.recipient) for call in provider.list_calls()}
    assert sides == {placed.id: (NUMBER, NUMBER, OTHER), came: (NUMBER, OTHER, NUMBER)}
    assert {id_: provider.get_call(id_).number for id_ in sides} == dict.fromkeys(sides, NUMBER)
    provider.release_number(number)
    assert provider.get_call(came).number is None
    assert {call.number for call in provider.list_calls()} == {None}


def test_a_call_is_timed_from_its_answer(provider, telephony_sandbox, number):
    call = provider.place_call(number, OTHER)
    telephony_sandbox.advance("vapi", 3600)

    ended = provider.get_call(call)

    assert (ended.status, ended.reason) == (CallStatus.COMPLETED, "customer-ended-call")
    assert (ended.answered_at - ended.started_at).total_seconds() == RINGS
    assert ended.duration.total_seconds() == TALKS


def _calls(count, moment):
    return [
        {
            "id": f"c_{moment}_{nth}", "type": "outboundPhoneCall", "status": "queued",
            "createdAt": f"2026-09-02T09:00:0{moment}.000Z", "phoneNumberId": "n_1",
        }
        for nth in range(count)
    ]  # fmt: skip


@pytest.mark.parametrize("sizes", [(1, 250, 1), (99, 2, 99), (100, 100, 100), (0, 999, 7)])
def test_a_page_that_ends_within_a_moment_loses_none_of_it(planned, serve_pages, sizes):
    calls = [call for moment, size in enumerate(sizes) for call in _calls(size, 9 - moment)]
    serve_pages("/call", calls)

    found = [call.id for call in planned.list_calls("n_1")]

    assert sorted(found) == sorted(call["id"] for call in calls)


def test_more_in_one_moment_than_fit_on_a_page_is_an_error_and_not_a_loss(planned, serve_pages):
    serve_pages("/call", [*_calls(1, 9), *_calls(1001, 8), *_calls(1, 7)])

    with pytest.raises(telephony.InvalidResponseError, match="the same moment"):
        list(planned.list_calls("n_1"))


def test_what_a_page_does_not_date_cannot_be_paged(planned, serve_pages):
    undated = [{"id": f"c_{nth}", "phoneNumberId": "n_1"} for nth in range(100)]
    serve_pages("/call", undated)

    with pytest.raises(telephony.InvalidResponseError, match="no moment"):
        list(planned.list_calls("n_1"))


@pytest.fixture
def serve_pages(vendor_server):
    """Serve a listing by time, as Vapi documents it."""
    from urllib.parse import parse_qs

    def serve(route, things):
        def page(query):
            wanted = {key: values[0] for key, values in parse_qs(query).items()}
            until, limit = wanted.get("createdAtLe", "9"), int(wanted["limit"])
            return 200, [t for t in things if t.get("createdAt", "") <= until][:limit]

        vendor_server.responses = {
            "GET /phone-number/n_1": (200, {"id": "n_1", "number": NUMBER, "provider": "vapi"}),
            f"GET {route}": page,
        }

    return serve


# --- Ended ---------------------------------------------------------------------------------------


def test_a_call_is_ended_by_its_own_url_which_gets_no_key(provider, telephony_sandbox, number):
    call = provider.place_call(number, OTHER)
    telephony_sandbox.advance("vapi", RINGS + 1)

    ended = provider.end_call(call)

    (control,) = [r for r in telephony_sandbox.requests("vapi") if "/control/" in r.path]
    assert control.json() == {"type": "end-call"}
    assert "authorization" not in control.headers
    assert ended.status is CallStatus.COMPLETED


def test_a_call_is_ended_on_a_port_of_vapis_own(telephony_sandbox, telephony_connect):
    own = telephony_connect("vapi", base_url=telephony_sandbox.root_url("vapi"))
    own.import_number(NUMBER, source=TOKEN, assign_to=vendor.RECEPTION)

    assert own.end_call(own.place_call(NUMBER, OTHER)).status is CallStatus.CANCELED


def test_a_call_that_ended_meanwhile_has_ended(provider, telephony_sandbox, number):
    call = provider.place_call(number, OTHER)
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path="/control/"))

    assert provider.end_call(call).status is CallStatus.CANCELED
    assert len(telephony_sandbox.ledger("vapi", "end")) == 1


def test_only_a_scheduled_call_is_deleted(planned, vendor_server):
    call = {"id": "c_1", "status": "scheduled", "createdAt": "2026-09-02T09:00:00.000Z"}
    over = {**call, "status": "ended", "endedReason": "scheduled-call-deleted"}
    vendor_server.responses = {
        "GET /call/c_1": (200, call), "DELETE /call/c_1": (200, over),
        "GET /call/c_2": (200, {**over, "id": "c_2"}),
        "GET /call/c_3": (200, {**call, "id": "c_3", "status": "in-progress"}),
    }  # fmt: skip

    assert planned.end_call("c_1").status is CallStatus.CANCELED
    assert planned.end_call("c_2").status is CallStatus.CANCELED
    with pytest.raises(telephony.ConflictError, match="controlEnabled"):
        planned.end_call("c_3")
    assert [sent.method for sent in vendor_server.requests] == ["GET", "DELETE", "GET", "GET"]


def test_a_url_for_control_that_wants_another_key_is_named(planned, vendor_server):
    call = {
        "id": "c_1", "status": "in-progress", "createdAt": "2026-09-02T09:00:00.000Z",
        "monitor": {"controlUrl": f"{vendor_server.url}/control/c_1"},
    }  # fmt: skip
    vendor_server.responses = {"GET /call/c_1": (200, call), "POST /control/c_1": (401, {})}

    with pytest.raises(telephony.ConflictError, match="controlAuthenticationEnabled") as caught:
        planned.end_call("c_1")

    assert caught.value.retry_safe


# --- What was said -------------------------------------------------------------------------------


def test_a_recording_comes_from_the_storage_without_our_key(provider, telephony_sandbox, number):
    call = provider.place_call(number, OTHER)
    telephony_sandbox.advance("vapi", 3600)

    assert provider.get_recording(call).content == sound()

    stored = telephony_sandbox.requests("vapi")[-1]
    assert stored.path.endswith(".wav")
    assert "authorization" not in stored.headers


def test_tools_are_shown_and_instructions_are_not(planned, vendor_server):
    said = [
        {"role": "system", "message": "You are a clinic.", "time": 1},
        {"role": "bot", "message": "Hello", "time": 1788339600000},
        {"role": "tool_calls", "message": "", "toolCalls": []},
        {"role": "tool_call_result", "name": "book", "result": "booked"},
        {"role": "user", "message": "Thanks"},
        {"role": "pigeon", "message": "croak"},
    ]
    vendor_server.responses = {
        "GET /call/c_1": (200, {"id": "c_1", "artifact": {"messages": said}}),
        "GET /call/c_2": (200, {"id": "c_2", "messages": said[:2]}),
        "GET /call/c_3": (200, {"id": "c_3", "status": "in-progress"}),
    }

    turns = planned.get_transcript("c_1").turns

    assert [(turn.speaker, turn.text) for turn in turns] == [
        ("agent", "Hello"), ("tool", ""), ("tool", "booked"), ("caller", "Thanks"),
    ]  # fmt: skip
    assert turns[0].at.isoformat() == "2026-09-02T09:00:00+00:00"
    assert [turn.text for turn in planned.get_transcript("c_2").turns] == ["Hello"]
    written = "AI: Hello.\nUser: Is it AI: \nor not?\nAI: It is.\n"
    vendor_server.responses["GET /call/c_4"] = (
        200, {"id": "c_4", "artifact": {"transcript": written}},
    )  # fmt: skip
    assert [(turn.speaker, turn.text) for turn in planned.get_transcript("c_4").turns] == [
        ("agent", "Hello."), ("caller", "Is it AI: \nor not?"), ("agent", "It is."),
    ]  # fmt: skip
    with pytest.raises(telephony.NotFoundError, match="no transcript"):
        planned.get_transcript("c_3")


# --- How it ended --------------------------------------------------------------------------------


def _reasons():
    literal, _ = CallEndedReason.__args__
    return literal.__args__


def test_every_reason_that_the_sdk_names_has_a_status():
    found = {}
    for reason in _reasons():
        found.setdefault(endings.status(reason), set()).add(reason)

    assert found[CallStatus.BUSY] == {"customer-busy"}
    assert {reason for reason in found[CallStatus.NO_ANSWER] if "sip" not in reason} == {
        "customer-did-not-answer"
    }
    assert {"manually-canceled", "scheduled-call-deleted"} <= found[CallStatus.CANCELED]
    assert {
        "assistant-ended-call", "customer-ended-call", "silence-timed-out", "voicemail",
        "exceeded-max-duration", "assistant-forwarded-call", "vonage-completed",
        "call.in-progress.sip-completed-call", "call.in-progress.twilio-completed-call",
    } <= found[CallStatus.COMPLETED]  # fmt: skip
    errors = {reason for reason in _reasons() if "error" in reason or "failed" in reason}
    assert {endings.status(reason) for reason in errors - found[CallStatus.COMPLETED]} <= {
        CallStatus.FAILED, CallStatus.NO_ANSWER,
    }  # fmt: skip
    assert len(found[CallStatus.FAILED]) > 400


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        ("assistant-ended-call-after-message-spoken", CallStatus.COMPLETED),
        ("assistant-said-end-call-phrase", CallStatus.COMPLETED),
        ("call.ringing.hook-executed-say", CallStatus.COMPLETED),
        ("call.ending.hook-executed-transfer", CallStatus.COMPLETED),
        ("call.forwarding.operator-busy", CallStatus.COMPLETED),
        ("call.forwarding.no-answer", CallStatus.COMPLETED),
        (
            "call.in-progress.error-providerfault-outbound-sip-408-request-timeout",
            CallStatus.NO_ANSWER,
        ),
        (
            "call.in-progress.error-providerfault-outbound-sip-480-temporarily-unavailable",
            CallStatus.NO_ANSWER,
        ),
        (
            "call.in-progress.error-providerfault-outbound-sip-503-service-unavailable",
            CallStatus.FAILED,
        ),
        ("call.ringing.sip-inbound-caller-hungup-before-call-connect", CallStatus.CANCELED),
        ("call-deleted", CallStatus.CANCELED),
        ("call.start.error-subscription-concurrency-limit-reached", CallStatus.FAILED),
        ("twilio-reported-customer-misdialed", CallStatus.FAILED),
        ("vonage-rejected", CallStatus.FAILED),
        ("a-reason-of-tomorrow", CallStatus.FAILED),
        (None, CallStatus.UNKNOWN),
    ],
)
def test_a_reason_means_a_status(reason, status):
    assert endings.status(reason) is status


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("scheduled", CallStatus.QUEUED), ("queued", CallStatus.QUEUED),
        ("ringing", CallStatus.RINGING), ("in-progress", CallStatus.IN_PROGRESS),
        ("forwarding", CallStatus.IN_PROGRESS), ("not-found", CallStatus.UNKNOWN),
        ("deletion-failed", CallStatus.UNKNOWN), (None, CallStatus.UNKNOWN),
    ],
)  # fmt: skip
def test_a_word_means_a_status(planned, vendor_server, word, status):
    vendor_server.responses = {"GET /call/c_1": (200, {"id": "c_1", "status": word})}

    assert planned.get_call("c_1").status is status


def test_the_agent_of_a_call_can_be_given_again(provider, number):
    provider.assign_number(number, Agent(f"squad:{vendor.SQUAD}"))

    first = provider.place_call(number, OTHER)

    assert provider.place_call(number, OTHER, agent=first.agent).agent == first.agent
