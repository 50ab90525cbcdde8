"""Events as values: through JSON, a queue, a process pool; in sets and as copies."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from multiprocessing import get_context
from typing import get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from telephony import events, webhooks
from telephony.model import Call, CallStatus, Channel, Direction, Message, MessageError

NOW = datetime(2026, 5, 1, 9, tzinfo=UTC)
CALL = Call(
    id="call_1", provider="p", number=None, sender="+14155550199", status=CallStatus.RINGING,
    raw={"deep": [{"a": None}]},
)  # fmt: skip
MESSAGE = Message(
    id="msg_1", provider="p", number="+13125550142", sender="+14155550199", body="Für dich",
    direction=Direction.INBOUND, channel=Channel.MMS, sent_at=NOW, media=("https://a.example/1",),
)  # fmt: skip
OF_ALL = {
    "id": "ev_1",
    "provider": "p",
    "occurred_at": NOW,
    "raw": {"a": [1, 2.5, None, {"b": "ü"}]},
}
EVERY = [
    webhooks.MessageReceived(**OF_ALL, message=MESSAGE),
    webhooks.MessageStatusChanged(
        **OF_ALL, message_id="msg_1", status="failed", error=MessageError(code="30003")
    ),
    webhooks.CallStarted(**OF_ALL, call=CALL),
    webhooks.CallTurn(**OF_ALL, call=CALL, text="Is five okay?"),
    webhooks.CallEnded(**OF_ALL, call=CALL),
    webhooks.UnknownEvent(**OF_ALL, kind="something.new"),
]
every_event = pytest.mark.parametrize("event", EVERY, ids=lambda event: event.type)


def test_these_are_all_classes_of_events():
    union, _ = get_args(webhooks.Event)
    assert set(get_args(union)) == set(map(type, EVERY))
    assert events.Event is webhooks.Event
    assert len({event.type for event in EVERY}) == len(EVERY)


@every_event
def test_an_event_that_went_through_json_is_the_same_event(event):
    found = TypeAdapter(webhooks.Event).validate_json(event.model_dump_json())

    assert type(found) is type(event)
    assert found == event
    assert TypeAdapter(webhooks.Event).validate_python(event.model_dump()) == event


@every_event
def test_an_event_may_be_copied_pickled_and_put_into_a_set(event):
    for found in (copy.copy(event), copy.deepcopy(event), pickle.loads(pickle.dumps(event))):  # noqa: S301
        assert found == event
        assert {found, event} == {event}
    assert len({event, event.model_copy(update={"id": "ev_2"})}) == 2


def test_events_go_through_a_pool_of_processes():
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        assert list(pool.map(copy.copy, EVERY)) == EVERY


def test_what_has_no_type_or_another_one_is_refused():
    for text in ('{"id": "1", "provider": "p", "kind": "x"}', '{"type": "telegram", "id": "1"}'):
        with pytest.raises(ValidationError):
            TypeAdapter(webhooks.Event).validate_json(text)


def test_no_repr_shows_a_text():
    shown = repr([*EVERY, webhooks.Reply("Is five okay?"), events.MessageToSend("1", "2", "Für")])
    assert "Für" not in shown
    assert "five" not in shown
