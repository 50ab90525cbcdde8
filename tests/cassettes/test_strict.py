"""That a replay notices: every recorded request must be made, as it was recorded, and no other."""

from __future__ import annotations

from copy import deepcopy

import pytest
import yaml
from vcr import VCR
from vcr.errors import CannotOverwriteExistingCassetteException, UnhandledHTTPRequestError

import telephony
from telephony.config import resolve
from telephony.testing.scrubbing import Scrubber

from . import tape
from .scenarios import SCENARIOS
from .stage import replayed


class UnplayedError(AssertionError):
    """An interaction was not requested."""


NOTICED = (CannotOverwriteExistingCassetteException, UnhandledHTTPRequestError, AssertionError)


@pytest.fixture
def replay(scenario, tmp_path):
    """Return the interactions, and what replays others in their place."""
    given = yaml.load((tape.FOLDER / f"{scenario}.yaml").read_text("utf-8"), yaml.CSafeLoader)
    stage = replayed(scenario, tape.Tape.read(tape.FOLDER / f"{scenario}.yaml"))
    copy = tmp_path / "copy.yaml"
    vcr = VCR(record_mode="none")
    vcr.register_matcher("same_body", tape.same_body)
    found = resolve(scenario.vendor, stage.settings)

    def replay(changed):
        copy.write_text(yaml.dump({**given, "interactions": changed}, Dumper=yaml.CSafeDumper))
        adapter = found.adapter(found.settings, name=found.name)
        with (
            vcr.use_cassette(copy, **tape.config(Scrubber())) as cassette,
            telephony.Provider(adapter, found.settings) as provider,
        ):
            try:
                scenario.run(provider, stage.situation)
            except telephony.OutcomeUnknownError as unknown:
                # What fails after a change was sent leaves its outcome unknown, a missing
                # recording too.
                raise unknown.__cause__ or unknown from None
        if not cassette.all_played:
            raise UnplayedError

    replay(given["interactions"])
    return given["interactions"], replay


def _other_method(request):
    request["method"] = "PUT" if request["method"] != "PUT" else "POST"


def _other_host(request):
    request["uri"] = request["uri"].replace("https://", "https://not-", 1)


def _other_path(request):
    path, mark, query = request["uri"].partition("?")
    request["uri"] = f"{path}x{mark}{query}"


def _other_query(request):
    request["uri"] += "&x=1" if "?" in request["uri"] else "?x=1"


def _other_body(request):
    body = request["body"]
    if not body:
        request["body"] = '{"x": 1}'
    elif body.startswith("{"):
        request["body"] = '{"x": 1, ' + body[1:] if body != "{}" else '{"x": 1}'
    else:
        request["body"] = body + "&x=1"


CHANGES = (_other_method, _other_host, _other_path, _other_query, _other_body)


@pytest.mark.block_network
@pytest.mark.parametrize("scenario", SCENARIOS, ids=str)
def test_a_missing_or_further_interaction_is_noticed(replay):
    interactions, again = replay
    for index in range(len(interactions)):
        with pytest.raises(NOTICED):
            again(interactions[:index] + interactions[index + 1 :])
    with pytest.raises(NOTICED):
        again([*interactions, interactions[-1]])


@pytest.mark.block_network
@pytest.mark.parametrize(("first", "scenario"), list(enumerate(SCENARIOS)), ids=str)
def test_a_changed_request_is_noticed(replay, first):
    """Each in one way; all ways come about, as each recording begins with another."""
    interactions, again = replay
    for index in range(len(interactions)):
        changed = deepcopy(interactions)
        CHANGES[(first + index) % len(CHANGES)](changed[index]["request"])
        with pytest.raises(NOTICED):
            again(changed)
