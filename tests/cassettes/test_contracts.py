"""The recordings, judged by what the vendors publish: descriptions, schemas, messages, SDKs."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl, unquote, urlsplit

import agentphone
import pytest
import yaml
from google.protobuf import json_format, message_factory
from livekit.protocol import agent_dispatch, room, sip
from vcr import VCR

from telephony.sandbox import Received
from telephony.testing.fault_matrix import OTHER_PARTY
from telephony.testing.scrubbing import Scrubber

from ..adapters.butter import test_contract as butter
from ..adapters.butter import test_contract_responses as butter_responses
from ..adapters.cartesia import test_contract as cartesia
from ..adapters.cartesia import test_contract_responses as cartesia_responses
from ..adapters.twilio.test_openapi import answered, api, asked, folder  # noqa: F401 - fixtures
from . import tape
from .scenario import SANDBOXES, canonical_settings
from .scenarios import SCENARIOS

# Here the request is wrong on purpose.
WRONG = {
    "butter/import_number.invalid",
    "butter/import_number.unknown_carrier",
    "butter/assign_number.unknown_agent",
    "butter/place_call.unknown_agent",
    "cartesia/update_number.invalid",
}


def of(vendor):
    return pytest.mark.parametrize(
        "scenario", [s for s in SCENARIOS if s.vendor == vendor], ids=str
    )


def interactions(scenario):
    """Each request as the sandbox would have received it, with the response's status and body."""
    file = tape.FOLDER / f"{scenario}.yaml"
    for one in yaml.load(file.read_text("utf-8"), yaml.CSafeLoader)["interactions"]:
        given, response = one["request"], one["response"]
        url = urlsplit(given["uri"])
        headers = {name: values[0] for name, values in given["headers"].items()}
        path = f"/{scenario.vendor}{unquote(url.path)}"
        query = parse_qsl(url.query, keep_blank_values=True)
        content = (given["body"] or "").encode()
        received = Received(given["method"], path, query, headers, content)
        body = response["body"]["string"]
        is_json = "json" in response["headers"].get("content-type", [""])[0] and body
        yield received, response["status"]["code"], json.loads(body) if is_json else body or None


@of("twilio")
def test_twilio_describes_what_is_recorded(api, scenario):  # noqa: F811 - the fixture
    problems = []
    for request, status, body in interactions(scenario):
        if request.path.endswith(".wav"):
            continue  # the description leaves the files of recordings out
        problems += asked(api, request)
        if status < 400:
            path = request.path.removeprefix("/twilio")
            problems += answered(api, request.method, path, status, body)
        else:
            assert isinstance(body["code"], int)
            assert body["status"] == status

    assert problems == []


@of("cartesia")
def test_cartesia_documents_what_is_recorded(scenario):
    for request, status, body in interactions(scenario):
        path = request.path.removeprefix("/cartesia")
        name = cartesia.route_of(cartesia.BODIES, request.method, path)
        _conforms(scenario, request, cartesia.BODIES[name], cartesia.conforms)
        if status < 400:
            documented, schema = cartesia_responses.RESPONSES[name]
            assert status == documented
            if schema is None:
                assert body is None
            else:
                cartesia.conforms(body, schema)
        elif not scenario.provoked:
            cartesia.conforms(body, cartesia_responses.ERROR)


@of("butter")
def test_butter_documents_what_is_recorded(scenario):
    for request, status, body in interactions(scenario):
        path = request.path.removeprefix("/butter")
        name = butter.route_of(butter.BODIES, request.method, path)
        _conforms(scenario, request, butter.BODIES[name], butter.conforms)
        schema = butter_responses.RESPONSES[name]
        if status < 400 and schema is None:
            assert body.startswith("RIFF")
        elif status < 400:
            butter.conforms(body, schema)
        elif not scenario.provoked:
            butter.conforms(body, butter_responses.ERROR)


def _conforms(scenario, request, schema, conforms):
    if schema is None:
        assert request.content == b""
    elif str(scenario) not in WRONG:
        conforms(request.json(), schema)


SERVICES = {
    service.full_name: service
    for module in (sip, agent_dispatch, room)
    for service in module.DESCRIPTOR.services_by_name.values()
}


@of("livekit")
def test_livekits_messages_hold_what_is_recorded(scenario):
    """No field that LiveKit's own messages do not have, and no value of another type."""
    for request, status, body in interactions(scenario):
        service, method = request.path.removeprefix("/livekit/twirp/").split("/")
        if service not in SERVICES:
            assert scenario.sold  # LiveKit Cloud's own, which the package does not describe
            continue
        described = SERVICES[service].methods_by_name[method]
        json_format.ParseDict(request.json(), _message(described.input_type))
        if status < 400:
            json_format.ParseDict(body, _message(described.output_type))
        elif status != 401:  # which has no more than a few words
            assert {"code", "msg"} <= set(body)


def _message(descriptor):
    return message_factory.GetMessageClass(descriptor)()


def _released(client, number):
    return client.numbers.release(_held(client, number).id)


def _called(client, number):
    agent = SANDBOXES["agentphone"].sample.target.id
    held = _held(client, number)
    return client.calls.make(agent_id=agent, to_number=OTHER_PARTY, from_number_id=held.id)


def _held(client, number):
    listed = client.numbers.list(limit=100, offset=0).data
    return next(held for held in listed if held.phone_number == number)


@pytest.mark.block_network
@pytest.mark.parametrize(
    ("name", "use"),
    [
        ("list_numbers", _held),
        ("search_numbers", lambda client, _: client.numbers.available(country="US", limit=20)),
        ("release_number", _released),
        ("place_call", _called),
    ],
)
def test_agentphones_own_client_replays_what_is_recorded(name, use):
    path = tape.FOLDER / "agentphone" / f"{name}.yaml"
    vcr = VCR(record_mode="none")
    vcr.register_matcher("same_body", tape.same_body)
    ours = canonical_settings("agentphone")
    with (
        vcr.use_cassette(path, **tape.config(Scrubber())) as cassette,
        agentphone.AgentPhone(api_key=ours["api_key"], base_url=ours["base_url"]) as client,
    ):
        assert use(client, tape.Tape.read(path).number)
    assert cassette.all_played
