"""Results that are made without validation are those that validation would have made."""

from __future__ import annotations

import copy
import json
import pickle
from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from pydantic import ValidationError

from telephony import Agent, Capability, Channel, MessageStatus, NumberStatus
from telephony.capabilities import CarrierOutcome
from telephony.model import (
    AvailableNumber,
    Call,
    CarrierAccount,
    Message,
    MessageError,
    PhoneNumber,
    Release,
)
from telephony.registry import available
from telephony.testing.fault_matrix import set_up
from telephony.unchecked import Unchecked

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
CARRIER = CarrierAccount(
    id="c_1", provider="p", kind="twilio", label=None, account="AC1", region="us1", raw={}
)
ERROR = MessageError(code="30003", message="Unreachable")
RESULTS = [
    CARRIER,
    ERROR,
    PhoneNumber(
        id="n_1",
        number="+14155550123",
        provider="p",
        label="Desk",
        status=NumberStatus.ACTIVE,
        channels=frozenset({Channel.VOICE}),
        country="US",
        assignment=Agent("a_1"),
        carrier=CARRIER,
        replaced=None,
        overruled=None,
        notices=("Look.",),
        mark="0f0f0f0f0f0f",
        created_at=NOON,
        updated_at=None,
        raw={"a": [1]},
    ),
    AvailableNumber(
        number="+14155550123",
        provider="p",
        country="US",
        region="CA",
        locality=None,
        postal_code=None,
        kind="local",
        channels=frozenset(),
        raw={},
    ),
    Message(
        id="m_1",
        provider="p",
        number="+14155550123",
        sender="+14155550123",
        recipient="+14155550199",
        body="Hi",
        direction="outbound",
        status=MessageStatus.FAILED,
        channel="sms",
        sent_at=NOON,
        media=("https://example.com/a.jpg",),
        error=ERROR,
        raw={},
    ),
    Call(
        id="c_1",
        provider="p",
        number="+14155550123",
        sender=None,
        recipient=None,
        direction="outbound",
        status="queued",
        agent="a_1",
        started_at=NOON,
        answered_at=NOON,
        ended_at=None,
        duration=timedelta(seconds=72),
        reason="hung up",
        raw={},
    ),
    Release(
        id="n_1",
        number=None,
        provider="p",
        at_carrier=CarrierOutcome.KEPT,
        reversible=None,
        undo_until=NOON,
        how_to_undo=None,
        notices=("Soon.",),
        raw={},
    ),
]


@pytest.mark.parametrize(
    "checked",
    [result for result in RESULTS if "raw" in type(result).model_fields],
    ids=lambda result: type(result).__name__,
)
def test_unchecked_results_are_like_all_others(checked):
    fields = {name: value for name, value in dict(checked).items() if name != "raw"}
    new = Unchecked(type(checked))
    made = new.made(new.fields() | fields, json.dumps(checked.raw).encode())

    assert made == checked
    assert made.raw == checked.raw
    assert (repr(made), str(made)) == (repr(checked), str(checked))
    assert made.model_dump_json() == checked.model_dump_json()
    assert made.model_fields_set == checked.model_fields_set
    assert pickle.loads(pickle.dumps(made)) == checked  # noqa: S301 - our own
    assert copy.deepcopy(made) == made.model_copy() == checked
    with pytest.raises(ValidationError, match="frozen"):
        made.raw = {}


def test_the_same_number_gives_the_same_json():
    orders = permutations([Channel.VOICE, Channel.SMS, Channel.MMS, Channel.FAX])
    same = [PhoneNumber(id="1", number="+1", provider="x", channels=frozenset(o)) for o in orders]
    assert {number.model_dump_json() for number in same} == {same[0].model_dump_json()}
    assert same[0].model_dump(mode="json")["channels"] == ["fax", "mms", "sms", "voice"]
    assert same[0].model_dump()["channels"] == frozenset(Channel) & same[0].channels


@pytest.mark.parametrize("vendor", sorted(available()))
def test_what_adapters_list_would_pass_validation(telephony_sandbox, telephony_connect, vendor):
    provider = telephony_connect(vendor)
    made = set_up(provider, telephony_sandbox, vendor)
    provider.assign_number(made.number, made.sample.target)
    found = [*provider.list_numbers()]
    if provider.supports(Capability.LIST_MESSAGES):
        telephony_sandbox.receive_message(vendor, made.number, sender="+14155550199", body="Hi")
        if provider.supports(Capability.SEND_MESSAGE):
            provider.send_message(made.number, "+14155550199", "Hello")
        found += provider.list_messages(made.number)

    for result in found:
        fields = dict(result)
        assert list(fields) == list(type(result).model_fields)
        validated = type(result).model_validate(fields, strict=True)
        assert validated == result
        assert validated.model_dump_json() == result.model_dump_json()
