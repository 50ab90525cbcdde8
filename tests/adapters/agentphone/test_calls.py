"""Calls at AgentPhone: paged by offset, without bounds, ended a moment later."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest

import telephony
from telephony import Agent, CallStatus, Direction, Speaker, webhooks
from telephony.sandbox import Fault
from telephony.sandbox.calls import RINGS, TALKS

OTHER = "+17735550188"
OURS = "+13125550142"
DESK = "agt_front_desk"
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def number(provider):
    return provider.provision_number(assign_to=DESK)


@pytest.fixture
def call(provider, number):
    return provider.place_call(number, OTHER)


@pytest.fixture
def respond(vendor):
    """Respond to requests for calls with these bodies."""
    return lambda *bodies: vendor.state.respond(*bodies, to="/v1/(numbers/.*/)?calls")


def row(nth, **fields):
    began = (NOON - nth * MINUTE).isoformat()
    return {"id": f"call_{nth}", "startedAt": began, "direction": "outbound", **fields}


# --- Listing -------------------------------------------------------------------------------------


def test_calls_are_read_a_hundred_at_a_time_and_only_as_far_as_asked_for(
    provider, telephony_sandbox, number
):
    placed = [provider.place_call(number, OTHER).id for _ in range(120)]
    before = len(telephony_sandbox.requests("agentphone"))

    found = provider.list_calls()
    first = next(found)
    asked = telephony_sandbox.requests("agentphone")[before:]

    assert first.id == placed[-1]
    assert [dict(one.query) for one in asked] == [{"limit": "100", "offset": "0"}]
    assert [first.id, *(call.id for call in found)] == placed[::-1]


def test_a_call_placed_meanwhile_moves_no_other_out_of_the_listing(provider, number):
    placed = [provider.place_call(number, OTHER).id for _ in range(120)]

    found = provider.list_calls(number)
    seen = [next(found).id]
    for _ in range(5):
        provider.place_call(number, OTHER)
    seen += [call.id for call in found]

    assert seen == placed[::-1]


def test_pages_older_than_after_are_not_requested(provider, respond, telephony_sandbox):
    pages = [{"data": [row(n) for n in range(k, k + 3)], "hasMore": True} for k in (0, 2, 4, 6, 8)]
    respond(*pages)

    found = list(provider.list_calls(after=NOON - 3 * MINUTE, before=NOON))

    assert [call.id for call in found] == ["call_1", "call_2", "call_3"]
    assert len(telephony_sandbox.requests("agentphone")) == 3


def test_calls_that_come_oldest_first_are_not_taken_for_the_last_page(provider, respond):
    respond(
        {"data": [row(n) for n in (9, 8, 7)], "hasMore": True},
        {"data": [row(n) for n in (7, 1, 0)], "hasMore": False},
    )

    found = list(provider.list_calls(after=NOON - 2 * MINUTE))

    assert [call.id for call in found] == ["call_0", "call_1"]


def test_a_call_without_a_time_has_yet_to_begin(provider, respond):
    page = {"data": [row(0, startedAt=None), row(1)], "hasMore": False}
    respond(page, page, page)

    assert [call.id for call in provider.list_calls()] == ["call_0", "call_1"]
    assert [call.id for call in provider.list_calls(after=NOON)] == ["call_0"]
    assert [call.id for call in provider.list_calls(before=NOON)] == ["call_1"]


def test_an_unreadable_call_ends_no_listing(provider, respond, caplog):
    respond({"data": ["odd", {"status": "completed"}, row(1, id=17)], "hasMore": False})

    assert [call.id for call in provider.list_calls()] == ["17"]
    assert "2 of 3 rows left out" in caplog.text


def test_calls_without_a_direction_get_it_from_the_number(provider, respond, number):
    ends = ((number.number, OTHER), (OTHER, number.number), ("+15550001111", OTHER))
    rows = [
        {"id": f"call_{n}", "fromNumber": sender, "toNumber": recipient}
        for n, (sender, recipient) in enumerate(ends)
    ]
    page = {"data": rows, "hasMore": False}
    respond(page, page)

    found = list(provider.list_calls(number))
    assert [call.direction for call in found] == [
        Direction.OUTBOUND,
        Direction.INBOUND,
        Direction.UNKNOWN,
    ]
    assert {call.number for call in found} == {number.number}
    assert {call.number for call in provider.list_calls()} == {None}


def test_the_calls_of_a_released_number_are_found_by_its_id(provider, number, call):
    provider.release_number(number, unassign=True)

    assert [found.id for found in provider.list_calls(number.id)] == [call.id]
    with pytest.raises(telephony.NotFoundError, match="by its id"):
        list(provider.list_calls("+13125559999"))


def test_the_calls_of_a_released_number_with_texts_are_found_by_its_e164(provider, number, call):
    provider.send_message(number, OTHER, "Hello")
    provider.release_number(number, unassign=True)

    assert [found.id for found in provider.list_calls(number.number)] == [call.id]


# --- One call ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("in-progress", CallStatus.IN_PROGRESS),
        ("completed", CallStatus.COMPLETED),
        ("failed", CallStatus.FAILED),
        ("ringing", CallStatus.RINGING),
        ("busy", CallStatus.BUSY),
        ("no-answer", CallStatus.NO_ANSWER),
        ("queued", CallStatus.QUEUED),
        ("initiated", CallStatus.QUEUED),
        ("canceled", CallStatus.CANCELED),
        ("cancelled", CallStatus.CANCELED),
        ("on-hold", CallStatus.UNKNOWN),
        (None, CallStatus.UNKNOWN),
    ],
)
def test_every_status_has_its_word(provider, respond, word, status):
    respond(row(1, status=word))
    assert provider.get_call("call_1").status is status


def test_what_is_known_of_a_call_that_ended(provider, telephony_sandbox, call):
    telephony_sandbox.advance("agentphone", 3600)

    found = provider.get_call(call)

    assert (found.sender, found.recipient, found.number) == (call.sender, OTHER, call.number)
    assert (found.status, found.agent) == (CallStatus.COMPLETED, DESK)
    assert found.duration == found.ended_at - found.started_at
    assert found.duration == timedelta(seconds=RINGS + TALKS)
    # AgentPhone does not say when it was answered.
    assert found.answered_at is None


@pytest.mark.parametrize("seconds", ["long", -1e300, True, [], {}])
def test_a_duration_that_is_none_leaves_the_call_readable(provider, respond, seconds):
    respond(row(1, durationSeconds=seconds))
    assert provider.get_call("call_1").id == "call_1"


def test_a_call_over_the_web_concerns_no_number(provider, respond):
    respond(row(1, direction="web", fromNumber=None, toNumber=None, phoneNumber=None))

    found = provider.get_call("call_1")

    assert (found.number, found.direction) == (None, Direction.UNKNOWN)


def test_the_events_of_a_call_are_those_of_the_call_that_is_read(
    provider, telephony_sandbox, number
):
    telephony_sandbox.send_webhooks("http://127.0.0.1:9/")
    placed = provider.place_call(number, OTHER)
    telephony_sandbox.advance("agentphone", RINGS)
    speaking = provider.get_call(placed)
    telephony_sandbox.advance("agentphone", TALKS)

    events = {
        type(event): event
        for sent in telephony_sandbox.delivered()
        for event in webhooks.parse(
            provider, method="POST", url=sent.url, headers=sent.headers, body=sent.body
        )
    }
    turn, ended = events[webhooks.CallTurn], events[webhooks.CallEnded]

    stated = ended.call.model_dump(exclude={"raw", "reason"})
    assert stated == provider.get_call(placed).model_dump(exclude={"raw", "reason"})
    assert ended.call.reason == "user_hangup"
    assert turn.text == "Is five okay?"
    assert (turn.call.id, turn.call.status) == (speaking.id, speaking.status)


# --- Ending --------------------------------------------------------------------------------------


def test_a_call_ends_a_moment_after_it_was_ended(provider, telephony_sandbox, call):
    telephony_sandbox.advance("agentphone", RINGS + 7)

    assert provider.end_call(call).status is CallStatus.IN_PROGRESS

    ended = provider.get_call(call)
    assert (ended.status, ended.duration) == (
        CallStatus.COMPLETED,
        timedelta(seconds=RINGS + 7),
    )
    assert provider.end_call(call) == ended


@pytest.mark.parametrize("status", [400, 404, 409, 422, 500])
def test_a_call_that_cannot_be_ended_is_not_said_to_be(provider, telephony_sandbox, call, status):
    telephony_sandbox.fail(Fault(kind="status", status=status, path="/end$", times=None))

    with pytest.raises(telephony.ProviderError) as caught:
        provider.end_call(call)

    assert caught.value.status == status


@pytest.mark.parametrize("said", [{}, {"success": True}, {"id": None}, {"id": ""}])
def test_an_end_whose_response_is_no_call_is_read_back(provider, vendor, call, said):
    vendor.state.respond(said, to="/end$")
    assert provider.end_call(call).id == call.id


@pytest.mark.parametrize("kind", ["lost", "cut", "html"])
def test_an_end_whose_response_is_lost_is_done_once(provider, telephony_sandbox, call, kind):
    telephony_sandbox.fail(Fault(kind=kind, path="/end$"))

    try:
        provider.end_call(call)
    except telephony.OutcomeUnknownError:
        assert kind == "html"  # which did nothing: the call goes on
    telephony_sandbox.heal()
    provider.end_call(call)

    assert [entry.id for entry in telephony_sandbox.ledger("agentphone", "end")] == [call.id]


# --- What was said -------------------------------------------------------------------------------

SAID = [
    (Speaker.AGENT, "Good morning."),
    (Speaker.CALLER, "Is five okay?"),
    (Speaker.AGENT, "Five is fine."),
]
TURNS = [
    {"role": "agent", "content": "Good morning.", "createdAt": "2026-05-01T12:00:06Z"},
    {"role": "user", "content": "Is five okay?", "createdAt": "2026-05-01T12:00:11Z"},
    {"role": "agent", "content": "Five is fine.", "createdAt": "2026-05-01T12:00:14Z"},
]
EXCHANGES = [
    {"id": "tr_1", "transcript": "", "response": "Good morning.",
     "createdAt": "2026-05-01T12:00:06Z"},
    {"id": "tr_2", "transcript": "Is five okay?", "response": "Five is fine.",
     "confidence": 0.95, "createdAt": "2026-05-01T12:00:14Z"},
    {"id": "tr_3", "transcript": "", "response": None, "createdAt": None},
]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"status": "completed", "direction": "outbound", "transcript": TURNS},
        {"data": TURNS},
        {"data": EXCHANGES},
        {"transcripts": EXCHANGES},
        TURNS,
        EXCHANGES,
    ],
    ids=["turns", "data-of-turns", "data", "of-a-call", "list-of-turns", "list"],
)
def test_every_form_of_a_transcript_is_read(provider, respond, body):
    respond(body)

    found = provider.get_transcript("call_1")

    assert [(turn.speaker, turn.text) for turn in found.turns] == SAID
    assert found.turns[0].at == NOON + timedelta(seconds=6)
    assert "five" not in repr(found).lower()
    assert json.dumps(found.raw)


@pytest.mark.parametrize("body", [{}, [], {"data": []}, {"transcript": None}, {"data": [{}]}])
def test_a_call_in_which_nothing_was_said_has_no_turns(provider, respond, body):
    respond(body)
    assert provider.get_transcript("call_1").turns == ()


def test_the_words_of_an_unknown_speaker_are_kept(provider, respond):
    respond({"transcript": [{"role": "robot", "content": "Beep"}, {"content": "Bop"}]})

    found = provider.get_transcript("call_1").turns

    assert [(turn.speaker, turn.text, turn.at) for turn in found] == [
        (Speaker.SYSTEM, "Beep", None),
        (Speaker.SYSTEM, "Bop", None),
    ]


@pytest.mark.parametrize("body", ["Good morning.", {"transcript": "Agent: Good morning."}])
def test_a_transcript_in_no_known_form_is_an_error_without_its_words(provider, respond, body):
    respond(body)

    with pytest.raises(telephony.InvalidResponseError) as caught:
        provider.get_transcript("call_1")

    assert "morning" not in str(caught.value)


def test_the_printed_and_the_separate_transcript_say_the_same(provider, telephony_sandbox, call):
    telephony_sandbox.advance("agentphone", 3600)

    apart = provider.get_transcript(call)
    together = provider.get_call(call).raw["transcripts"]

    assert [turn.text for turn in apart.turns if turn.speaker is Speaker.CALLER] == [
        said["transcript"] for said in together if said["transcript"]
    ]


# --- Agents --------------------------------------------------------------------------------------


def test_agents_are_listed_with_their_names(provider):
    found = list(provider.list_targets())

    assert found == [Agent(DESK), Agent("agt_sales")]
    assert [agent.name for agent in found] == ["Front desk", "Sales"]


def test_agents_are_listed_to_the_end_although_no_page_says_that_more_follow(provider, vendor):
    for nth in range(230):
        vendor.account.agents[f"agt_{nth}"] = {"id": f"agt_{nth}", "name": f"Desk {nth}"}

    assert len({agent.id for agent in provider.list_targets()}) == 232
    assert len(list(provider.list_targets(limit=7))) == 7


@pytest.mark.parametrize("assigned", [None, "agt_sales"], ids=["attached", "moved"])
def test_the_nearest_agent_is_named_when_there_is_no_such(provider, assigned):
    number = provider.provision_number(assign_to=assigned)

    with pytest.raises(telephony.NotFoundError) as caught:
        provider.assign_number(number, "agt_front_dest")

    assert caught.value.argument == "to"
    assert "agt_front_desk (Front desk)" in caught.value.hint
    assert provider.get_number(number).assignment == (Agent(assigned) if assigned else None)


@pytest.mark.parametrize(
    ("said", "argument"),
    [
        ({"error": {"message": "Not found", "code": "PHONE_NUMBER_NOT_FOUND"}}, None),
        ({"detail": "Phone number not found"}, None),
        ({"detail": "Agent not found"}, "to"),
        ({"detail": "Not Found"}, "to"),
        ({}, "to"),
    ],
)
def test_what_is_missing_when_a_number_is_assigned_is_named(
    provider, telephony_sandbox, said, argument
):
    number = provider.provision_number()
    body = json.dumps(said)
    fault = Fault(kind="status", status=404, body=body, method="POST", path="/agents/")
    telephony_sandbox.fail(fault)

    with pytest.raises(telephony.NotFoundError) as caught:
        provider.assign_number(number, DESK)

    assert caught.value.argument == argument


# --- What AgentPhone has no place for ------------------------------------------------------------


@pytest.mark.parametrize(
    "argument", [{"metadata": {"ticket": "88"}}, {"timeout": 20}, {"idempotency_key": "ticket-88"}]
)
def test_what_a_call_cannot_carry_is_refused(provider, telephony_sandbox, number, argument):
    with pytest.raises(telephony.UnsupportedOperationError):
        provider.place_call(number, OTHER, **argument)

    assert telephony_sandbox.ledger("agentphone", "call") == []


def test_a_text_has_no_place_for_a_key(provider, telephony_sandbox, number):
    with pytest.raises(telephony.UnsupportedOperationError):
        provider.send_message(number, OTHER, "Hello", idempotency_key="ticket-88")

    assert telephony_sandbox.ledger("agentphone", "message") == []


def test_a_call_whose_response_is_lost_is_in_the_listing_that_the_error_names(
    provider, telephony_sandbox, number
):
    telephony_sandbox.fail(Fault(kind="lost", method="POST"))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        provider.place_call(number, OTHER)
    telephony_sandbox.heal()

    assert "list_calls(" in caught.value.hint
    (found,) = provider.list_calls(number)
    assert (found.recipient, found.status) == (OTHER, CallStatus.IN_PROGRESS)
