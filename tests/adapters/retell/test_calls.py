"""Calls: dialled once, listed completely, and texts in the order in which they were sent."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import Agent, CallStatus
from telephony.sandbox import Fault
from telephony.sandbox.calls import RINGS, TALKS

OTHER, THIRD = "+14155550188", "+14155550189"
DESK = Agent("agent_reception")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
def held(provider, number):
    return provider.assign_number(number, DESK)


# --- Placed --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["lost", "cut", "html", "empty", "malformed"])
@pytest.mark.parametrize("key", [None, "ticket-88"])
def test_a_lost_call_is_settled_by_sending_its_key_again(
    provider, held, telephony_sandbox, kind, key
):
    telephony_sandbox.fail(Fault(kind=kind, path="create-phone-call"))
    call = provider.place_call(held, OTHER, idempotency_key=key)
    assert [entry.id for entry in telephony_sandbox.ledger("retell", "call")] == [call.id]


@pytest.mark.parametrize("key", [None, "ticket-88"])
def test_a_call_of_unknown_outcome_may_be_repeated_only_with_a_key(
    provider, held, telephony_sandbox, key
):
    telephony_sandbox.fail(Fault(kind="lost", path="create-phone-call", times=None))
    with pytest.raises(telephony.OutcomeUnknownError, match="list_calls") as caught:
        provider.place_call(held, OTHER, idempotency_key=key)
    assert caught.value.retry_safe is (key is not None)
    assert len(telephony_sandbox.ledger("retell", "call")) == 1


def test_without_an_agent_the_numbers_own_speaks(provider, held, number):
    assert provider.place_call(held, OTHER).agent == DESK.id
    provider.unassign_number(number)
    with pytest.raises(telephony.InvalidRequestError):
        provider.place_call(number, OTHER)
    assert provider.place_call(number, OTHER, agent="agent_sales").agent == "agent_sales"


def test_how_long_it_rings_joins_what_else_overrides_the_agent(provider, held, telephony_sandbox):
    override = {"agent": {"language": "de-DE"}, "retell_llm": {"model": "gpt-5"}}
    provider.place_call(held, OTHER, timeout=17.5, options={"agent_override": override})
    provider.place_call(held, OTHER, options={"agent_override": override})
    first, second = (sent.json() for sent in telephony_sandbox.requests("retell")[-2:])
    assert first["agent_override"] == {
        "agent": {"ring_duration_ms": 17500, "language": "de-DE"},
        "retell_llm": {"model": "gpt-5"},
    }
    assert second["agent_override"] == override


def test_an_account_that_cannot_pay_is_told_apart(provider, held, account):
    account.is_paid = False
    with pytest.raises(telephony.QuotaExceededError):
        provider.place_call(held, OTHER)


# --- Listed --------------------------------------------------------------------------------------


def planted(account, telephony_sandbox, count, own, *, apart=0.0):
    """Let calls be over that began at the same moment, or `apart`, in either direction."""
    state = telephony_sandbox.vendors["retell"].state
    began = state.now().replace(microsecond=0) - timedelta(hours=1)
    for nth in range(count):
        ends = (own, OTHER) if nth % 3 else (OTHER, own)
        played = state.calls.receive()
        played.began_at = began + timedelta(seconds=nth * apart)
        account.calls[f"call_{nth:04}"] = (
            {
                "call_id": f"call_{nth:04}",
                "call_type": "phone_call",
                "agent_id": DESK.id,
                "agent_version": 0,
                "direction": "outbound" if nth % 3 else "inbound",
                "from_number": ends[0],
                "to_number": ends[1],
            },
            played,
        )
    return began + timedelta(seconds=RINGS)


def test_no_call_is_lost_where_many_share_a_moment_at_the_edge_of_a_page(
    provider, held, account, telephony_sandbox
):
    moment = planted(account, telephony_sandbox, 250, held.number)
    everything = {f"call_{nth:04}" for nth in range(250)}
    for listing in (
        provider.list_calls(),
        provider.list_calls(held),
        provider.list_calls(held, after=moment, before=moment + timedelta(milliseconds=1)),
    ):
        found = [call.id for call in listing]
        assert len(found) == 250
        assert set(found) == everything
    assert list(provider.list_calls(held, before=moment)) == []
    assert list(provider.list_calls(held, after=moment + timedelta(microseconds=1))) == []


def test_calls_from_and_to_a_number_are_one_listing_newest_first(
    provider, held, account, telephony_sandbox
):
    planted(account, telephony_sandbox, 250, held.number, apart=2)
    found = list(provider.list_calls(held))
    assert [call.id for call in found] == [f"call_{nth:04}" for nth in range(249, -1, -1)]
    assert {call.number for call in found} == {held.number}
    already = len(telephony_sandbox.requests("retell"))
    assert [call.id for call in provider.list_calls(held, limit=3)] == [
        "call_0249", "call_0248", "call_0247",
    ]  # fmt: skip
    assert len(telephony_sandbox.requests("retell")) == already + 2


def test_a_call_to_itself_comes_once(provider, held, account, telephony_sandbox):
    planted(account, telephony_sandbox, 1, held.number)
    call, _ = account.calls["call_0000"]
    call["from_number"] = held.number
    assert [call.id for call in provider.list_calls(held)] == ["call_0000"]


def test_a_call_that_nobody_answered_has_no_time_and_is_listed_without_bounds(
    provider, held, telephony_sandbox
):
    sandbox = telephony_sandbox.vendors["retell"]
    sandbox.state.calls.outcomes.append(CallStatus.NO_ANSWER)
    placed = provider.place_call(held, OTHER)
    telephony_sandbox.advance("retell", RINGS)
    (call,) = provider.list_calls(held)
    assert (call.id, call.status, call.reason) == (
        placed.id, CallStatus.NO_ANSWER, "dial_no_answer",
    )  # fmt: skip
    assert (call.started_at, call.ended_at, call.duration) == (None, None, timedelta())
    assert list(provider.list_calls(held, after=NOON)) == []


# --- Ended, read and heard -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seconds", "status"), [(0, CallStatus.CANCELED), (RINGS + 10, CallStatus.COMPLETED)]
)
def test_how_a_call_ended_that_was_stopped(provider, held, telephony_sandbox, seconds, status):
    placed = provider.place_call(held, OTHER)
    telephony_sandbox.advance("retell", seconds)
    ended = provider.end_call(placed)
    assert (ended.status, ended.reason) == (status, "manual_stopped")


def test_a_call_that_ends_meanwhile_is_no_error(provider, held, telephony_sandbox):
    placed = provider.place_call(held, OTHER)
    telephony_sandbox.fail(Fault(kind="lost", path="stop-call"))
    assert provider.end_call(placed).status is CallStatus.CANCELED
    assert len(telephony_sandbox.ledger("retell", "end")) == 1


def test_a_recording_without_personal_data_is_taken_where_there_is_no_other(
    provider, held, telephony_sandbox, account
):
    placed = provider.place_call(held, OTHER)
    telephony_sandbox.advance("retell", RINGS + TALKS)
    assert provider.get_recording(placed).media_type == "audio/wav"
    sent = telephony_sandbox.requests("retell")[-1]
    assert "authorization" not in sent.headers
    assert "sandbox-signature" not in str(provider.get_call(placed).raw)


# --- Texts ---------------------------------------------------------------------------------------


def texted(telephony_sandbox, number, sender, minutes):
    return telephony_sandbox.receive_message(
        "retell", number.number, sender=sender, body=f"at {minutes}",
        sent_at=NOON + timedelta(minutes=minutes),
    )  # fmt: skip


def test_texts_of_several_chats_come_in_one_order(provider, held, account, telephony_sandbox):
    sent = {
        minutes: texted(telephony_sandbox, held, sender, minutes)
        for sender, minutes in ((OTHER, 0), (THIRD, 1), (OTHER, 2), (THIRD, 5), (OTHER, 9))
    }
    newest_first = [sent[minutes] for minutes in sorted(sent, reverse=True)]
    assert [text.id for text in provider.list_messages(held)] == newest_first
    # One of them is over, and so has no text that is newer than its end.
    for chat in account.chats.values():
        if chat["user_number"] == THIRD:
            end = NOON + timedelta(minutes=5)
            chat |= {"chat_status": "ended", "end_timestamp": int(end.timestamp() * 1000)}
    assert [text.id for text in provider.list_messages(held)] == newest_first
    already = len(telephony_sandbox.requests("retell"))
    assert next(provider.list_messages(held, limit=1)).id == sent[9]
    after = NOON + timedelta(minutes=6)
    assert [text.id for text in provider.list_messages(held, after=after)] == [sent[9]]
    read = [each.path for each in telephony_sandbox.requests("retell")[already:]]
    # The chat that was over before is read neither time.
    assert len([path for path in read if "/get-chat/" in path]) == 2
