"""Every public value goes through a queue, a process pool and a set, and comes back as it was."""

from __future__ import annotations

import copy
import enum
import inspect
import multiprocessing
import pickle
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import BaseModel, SecretStr, TypeAdapter, ValidationError

import telephony
from telephony import errors

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
NUMBER = "+14155550123"
RAW = {"nested": [{"a": None}], "text": "é"}

TARGETS = [
    telephony.Agent("a_1", "Ann"),
    telephony.Webhook("https://example.com/voice", None),
    telephony.Application("AP1", "Desk"),
    telephony.Trunk("TK1", "Main"),
    telephony.Room("lobby"),
    telephony.Split(voice=telephony.Trunk("TK1"), sms=telephony.Application("AP1")),
]
SOURCES = [
    telephony.LinkedCarrier("c_1"),
    telephony.TwilioAccount("AC1", "ie1", api_key_sid="SK1", api_key_secret="s3cret"),
    telephony.VonageAccount("a1b2c3d4", "s3cret"),
    telephony.TelnyxAccount("KEY0-s3cret"),
    telephony.SipTrunk("sip.example.com", "user", "s3cret", pin="1234", name="Main"),
]
CARRIER = telephony.CarrierAccount(id="c_1", provider="p", kind="twilio", raw=RAW)
WEBHOOK = telephony.WebhookEndpoint(id="w_1", provider="p", url="https://example.com/", raw=RAW)
TURN = telephony.Turn(speaker="caller", text="Is five okay?", at=NOON)
SOUND = b"RIFF\x00\xff\xfe"
RESULTS = [
    CARRIER,
    WEBHOOK,
    WEBHOOK.model_copy(update={"secret": SecretStr("s3cret"), "previous": WEBHOOK}),
    *(
        telephony.PhoneNumber(
            id="n_1",
            number=NUMBER,
            provider="p",
            channels=frozenset(telephony.Channel),
            assignment=target,
            replaced=target,
            carrier=CARRIER,
            created_at=NOON,
            raw=RAW,
        )
        for target in TARGETS
    ),
    telephony.AvailableNumber(number=NUMBER, provider="p", kind="toll_free", raw=RAW),
    telephony.Message(
        id="m_1",
        provider="p",
        number=NUMBER,
        body="Hi",
        sent_at=NOON,
        media=("https://example.com/a.png",),
        error=telephony.MessageError(code="1"),
        raw=RAW,
    ),
    telephony.MessageError(code="1", message="No"),
    telephony.Call(
        id="c_1",
        provider="p",
        number=NUMBER,
        started_at=NOON,
        answered_at=NOON + timedelta(seconds=3),
        ended_at=NOON + timedelta(seconds=75.5),
        duration=timedelta(seconds=72.5),
        reason="customer-ended-call",
        raw=RAW,
    ),
    TURN,
    telephony.Transcript(call="c_1", provider="p", turns=(TURN, TURN), raw=RAW),
    telephony.Recording(content=SOUND, media_type="audio/wav", call="c_1", provider="p"),
    telephony.Release(
        id="n_1", number=NUMBER, provider="p", at_carrier="kept", reversible=True, raw=RAW
    ),
]
OTHERS = [telephony.Support(telephony.Level.PARTIAL, "US only")]
FAILURES = [
    kind("What happened", provider="p", operation="get_number", status=418, raw=RAW)
    for kind in vars(errors).values()
    if inspect.isclass(kind) and issubclass(kind, errors.ProviderError)
] + [
    errors.TelephonyError("What happened"),
    errors.ConfigurationError("What happened"),
    errors.SignatureError("What happened"),
    errors.UnsupportedOperationError("p", "send_message", "Use another vendor."),
    errors.RateLimitedError("Too fast", retry_after=3.0),
    errors.InvalidRequestError("Odd", argument="number"),
]


def named(value):
    return type(value).__name__


def test_every_public_kind_of_value_is_tried_here():
    tried = {type(value) for value in [*TARGETS, *SOURCES, *RESULTS, *OTHERS, *FAILURES]}
    # What is connected, not a value; and protocols.
    connected = {
        telephony.Provider,
        telephony.AsyncProvider,
        telephony.PhoneNumberProvider,
        telephony.AsyncPhoneNumberProvider,
    }
    public = {
        value
        for value in (getattr(telephony, name) for name in telephony.__all__)
        if inspect.isclass(value) and not issubclass(value, enum.Enum)
    }
    assert public - connected == tried


@pytest.mark.parametrize("value", [*TARGETS, *SOURCES, *RESULTS, *OTHERS], ids=named)
def test_values_copy_pickle_compare_and_hash(value):
    for same in (pickle.loads(pickle.dumps(value)), copy.copy(value), copy.deepcopy(value)):  # noqa: S301 - our own
        assert same == value
        assert hash(same) == hash(value)
    assert value != object()


@pytest.mark.parametrize("value", RESULTS, ids=named)
def test_results_come_back_from_json(value):
    back = type(value).model_validate_json(value.model_dump_json())
    hidden = {"secret"} if getattr(value, "secret", None) else set()
    assert back.model_dump(exclude=hidden) == value.model_dump(exclude=hidden)
    assert hidden or (back == value and hash(back) == hash(value))
    assert "s3cret" not in value.model_dump_json()


@pytest.mark.parametrize("target", TARGETS, ids=named)
def test_a_saved_target_comes_back_as_the_same_kind(target):
    adapter = TypeAdapter(telephony.Target)
    assert adapter.validate_json(adapter.dump_json(target)) == target
    assert type(adapter.validate_python(adapter.dump_python(target))) is type(target)


@pytest.mark.parametrize("source", SOURCES, ids=named)
def test_a_source_says_its_kind_and_no_secret(source):
    written = TypeAdapter(telephony.Source).dump_json(source)
    assert f'"kind":"{source.kind}"'.encode() in written
    assert b"s3cret" not in written
    assert "s3cret" not in repr(source)


def test_a_source_comes_back_from_json_unless_a_secret_is_missing_there():
    kept = [
        telephony.LinkedCarrier("c_1"),
        telephony.TwilioAccount("AC1", "ie1"),
        telephony.SipTrunk("sip.example.com", name="Main"),
    ]
    for source in kept:
        for kind in (type(source), telephony.Source):
            adapter = TypeAdapter(kind)
            assert adapter.validate_json(adapter.dump_json(source)) == source
    masked = TypeAdapter(telephony.SipTrunk).dump_json(SOURCES[-1])
    with pytest.raises(ValidationError, match="give the secret itself"):
        TypeAdapter(telephony.SipTrunk).validate_json(masked)


def test_the_kinds_in_json_are_stable():
    assert [each.kind for each in [*TARGETS, *SOURCES]] == [
        "agent", "webhook", "application", "trunk", "room", "split",
        "linked_carrier", "twilio", "vonage", "telnyx", "sip_trunk",
    ]  # fmt: skip


@pytest.mark.parametrize("error", FAILURES, ids=named)
def test_errors_copy_and_pickle_whole(error):
    for same in (pickle.loads(pickle.dumps(error)), copy.copy(error), copy.deepcopy(error)):  # noqa: S301 - our own
        assert type(same) is type(error)
        assert (str(same), vars(same)) == (str(error), vars(error))


def test_values_and_errors_survive_a_process_pool():
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        values = [*TARGETS, *RESULTS, *OTHERS]
        assert list(pool.map(copy.copy, values)) == values
        for error, same in zip(FAILURES, pool.map(copy.copy, FAILURES), strict=True):
            assert (type(same), vars(same)) == (type(error), vars(error))


@pytest.mark.parametrize("value", [value for value in RESULTS if "raw" in vars(value)], ids=named)
def test_raw_stays_out_of_the_repr_and_in_the_equality(value):
    assert "nested" not in repr(value)
    other = value.model_copy(update={"raw": {}})
    assert isinstance(value, BaseModel)
    assert other != value


def test_a_target_is_the_same_with_and_without_its_name():
    for kind in (telephony.Agent, telephony.Application, telephony.Trunk):
        assert kind("id_1", "Desk") == kind("id_1")
        assert hash(kind("id_1", "Desk")) == hash(kind("id_1"))
        assert kind("id_1", "Desk").name == "Desk"


def test_what_was_said_stays_out_of_reprs():
    transcript = telephony.Transcript(call="c_1", provider="p", turns=(TURN,))
    recording = telephony.Recording(content=SOUND, media_type="audio/wav", call="c_1", provider="p")
    assert "five" not in repr(transcript) + str(transcript) + repr(TURN)
    assert "RIFF" not in repr(recording)


def test_a_duration_is_seconds_in_json():
    (call,) = (each for each in RESULTS if isinstance(each, telephony.Call))
    assert call.model_dump(mode="json")["duration"] == 72.5


def test_a_recording_is_saved_whole_or_not_at_all(tmp_path):
    recording = telephony.Recording(content=SOUND, media_type="audio/wav", call="c_1", provider="p")
    there = tmp_path / "call.wav"
    there.write_bytes(b"an older one")
    assert recording.save(there) == there
    assert recording.save(str(tmp_path / "other.wav")).read_bytes() == SOUND
    assert there.read_bytes() == SOUND
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError, match="folder"):
        recording.save(tmp_path / "folder")
    assert sorted(one.name for one in tmp_path.iterdir()) == ["call.wav", "folder", "other.wav"]
