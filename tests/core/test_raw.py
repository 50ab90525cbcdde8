"""A result's `raw` is parsed when it is read, and the difference cannot be seen."""

from __future__ import annotations

import copy
import pickle
import threading
import tracemalloc

import pytest
from pydantic import BaseModel, TypeAdapter

from telephony.model import Call, MessageError, PhoneNumber
from telephony.raw import fields_of, with_raw
from telephony.unchecked import Unchecked

VENDORS = b'{"id": "c_1", "deep": {"list": [1, 2.5, null, "e"]}}'
PARSED = {"id": "c_1", "deep": {"list": [1, 2.5, None, "e"]}}

FIELDS = {"id": "c_1", "provider": "acme", "number": "+14155550123"}
CHECKED = Call(**FIELDS, raw=PARSED)


class Kept(BaseModel):
    call: Call


class OwnCall(Call):
    """A user's own kind of call."""

    note: str = ""


def with_bytes():
    return with_raw(Call(**FIELDS), VENDORS)


def without_validation():
    rest = {name: value for name, value in dict(CHECKED).items() if name != "raw"}
    new = Unchecked(Call)
    return new.made(new.fields() | rest, VENDORS)


@pytest.fixture(params=[with_bytes, without_validation], ids=lambda made: made.__name__)
def made(request):
    return request.param


def test_raw_is_parsed_when_it_is_first_read(made):
    call = made()
    assert "raw" not in fields_of(call)
    assert call.raw == PARSED
    assert call.raw is call.raw


@pytest.mark.parametrize(
    "seen",
    [
        lambda call: call == CHECKED,
        lambda call: not call != CHECKED,  # noqa: SIM202
        lambda call: hash(call) == hash(CHECKED),
        lambda call: repr(call) == repr(CHECKED),
        lambda call: str(call) == str(CHECKED),
        lambda call: dict(call) == dict(CHECKED),
        lambda call: vars(call) == vars(CHECKED),
        lambda call: call.model_dump() == CHECKED.model_dump(),
        lambda call: call.model_dump(include={"raw"}) == {"raw": PARSED},
        lambda call: call.model_dump(exclude_unset=True)["raw"] == PARSED,
        lambda call: call.model_dump_json() == CHECKED.model_dump_json(),
        lambda call: TypeAdapter(list[Call]).dump_python([call]) == [CHECKED.model_dump()],
        lambda call: Kept(call=call).model_dump_json() == Kept(call=CHECKED).model_dump_json(),
        lambda call: Call.model_validate(call).raw == PARSED,
        lambda call: Call.model_validate_json(call.model_dump_json()) == CHECKED,
        lambda call: pickle.loads(pickle.dumps(call)) == CHECKED,  # noqa: S301 - our own
        lambda call: pickle.loads(pickle.dumps(call)).raw == PARSED,  # noqa: S301
        lambda call: copy.copy(call).raw == copy.deepcopy(call).raw == PARSED,
        lambda call: call.model_copy(update={"id": "c_2"}).raw == PARSED,
        lambda call: call.model_copy(update={"raw": {}}).raw == {},
        lambda call: len({call, CHECKED}) == 1,
    ],
)
def test_whatever_reads_a_result_finds_its_raw_parsed(made, seen):
    assert seen(made())


def test_a_hash_and_a_field_do_not_parse_it(made):
    call = made()
    assert hash(call) == hash(CHECKED)
    assert (call.id, call.number) == (CHECKED.id, CHECKED.number)
    assert "raw" not in fields_of(call)


def test_results_differ_when_their_raw_does(made):
    assert made() != CHECKED.model_copy(update={"raw": {"id": "c_1"}})
    assert made() != with_raw(Call(**FIELDS), b"{}")


def test_threads_that_read_it_at_once_get_the_same(made):
    call = made()
    together = threading.Barrier(8)
    found = []

    def read():
        together.wait()
        found.append(call.raw)

    readers = [threading.Thread(target=read) for _ in range(8)]
    for reader in readers:
        reader.start()
    for reader in readers:
        reader.join()
    assert found == [PARSED] * 8


def test_a_text_in_raw_that_is_no_unicode_does_not_lose_the_rest():
    call = with_raw(Call(**FIELDS), b'{"id": "c_1", "note": "\\ud800", "other": "\xff"}')
    assert call.raw == {"id": "c_1", "note": "?", "other": "\ufffd"}
    assert Call.model_validate_json(call.model_dump_json()) == call


def test_a_result_of_a_users_own_kind_has_it_too():
    assert with_raw(OwnCall(**FIELDS, note="later"), VENDORS).raw == PARSED
    assert OwnCall(**FIELDS).raw == {}


def test_what_is_no_field_is_no_attribute(made):
    with pytest.raises(AttributeError, match="'Call' object has no attribute 'rwa'"):
        made().rwa  # noqa: B018 - reading it is the test
    with pytest.raises(AttributeError):
        MessageError(code="1").raw  # noqa: B018


def test_a_number_that_is_kept_takes_little_more_than_its_bytes():
    new = Unchecked(PhoneNumber)
    tracemalloc.start()
    kept = [new.made(new.fields(), bytes(1000)) for _ in range(1000)]
    taken = tracemalloc.get_traced_memory()[0] / len(kept)
    tracemalloc.stop()
    assert taken < 1000 + 400
