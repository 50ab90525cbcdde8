"""Twilio's published OpenAPI description as the judge of the sandbox's responses and our requests.

The description comes with Twilio's command line: npm package `@twilio/cli-core`. It is looked for
where TELEPHONY_TWILIO_OPENAPI points (the file twilio_api_v2010.json), else fetched with npm.

Real responses break it in known, allowed ways: links are paths and not URLs, unset sids and URLs
are empty, coordinates are text, a number has a `type`.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import tarfile
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from telephony import Split, Trunk, Webhook

NUMBER, OTHER = "+14155550123", "+14155550199"
VOICE, SMS = "https://example.com/voice", "https://example.com/sms"
FILES = ("twilio_api_v2010.json", "twilio_trunking_v1.json", "twilio_messaging_v1.json")
UNDESCRIBED = {"type"}


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """Where Twilio's descriptions are."""
    named = os.environ.get("TELEPHONY_TWILIO_OPENAPI")
    if named:
        return Path(named).parent
    npm = shutil.which("npm")
    if npm is None:
        pytest.skip("Twilio's OpenAPI description: TELEPHONY_TWILIO_OPENAPI is unset, npm absent")
    place = tmp_path_factory.mktemp("twilio-openapi")
    try:
        subprocess.run(
            [npm, "pack", "@twilio/cli-core@8.3.2"],
            cwd=place,
            check=True,
            capture_output=True,
            timeout=60,
        )
    except (subprocess.SubprocessError, OSError) as error:
        pytest.skip(f"Twilio's OpenAPI description: TELEPHONY_TWILIO_OPENAPI is unset, {error}")
    with tarfile.open(next(place.glob("*.tgz"))) as archive:
        archive.extractall(place, filter="data")
    return place / "package" / "src" / "services" / "twilio-api"


@pytest.fixture(scope="session")
def api(folder):
    return Described(folder)


class Described:
    """The paths of both descriptions, and their schemas as JSON Schema."""

    def __init__(self, folder):
        self.paths, self.schemas = [], {}
        for name in FILES:
            text = json.loads((folder / name).read_text("utf-8"))
            schemas = _tolerant(text["components"]["schemas"])
            self.schemas |= schemas
            for template, methods in text["paths"].items():
                # The more a template says itself, the better it fits.
                literal = len(re.sub(r"\{\w+\}", "", template))
                pattern = re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(template))
                self.paths.append((-literal, re.compile(pattern), methods))
        self.paths.sort(key=lambda entry: entry[0])

    def operation(self, method, path):
        for _, pattern, methods in self.paths:
            if pattern.fullmatch(path) and method.lower() in methods:
                return methods[method.lower()]
        raise AssertionError(f"{method} {path} is not described")

    def problems(self, schema, value):
        whole = {"components": {"schemas": self.schemas}, **_tolerant(schema)}
        found = [
            f"{e.json_path}: {e.message}" for e in Draft202012Validator(whole).iter_errors(value)
        ]
        return found + list(self._undescribed(schema, value))

    def _undescribed(self, schema, value):
        if "$ref" in schema:
            schema = self.schemas[schema["$ref"].rpartition("/")[2]]
        properties = schema.get("properties")
        if isinstance(value, dict) and properties and "voice" not in properties:
            yield from (
                f"{key} is not described" for key in value.keys() - properties - UNDESCRIBED
            )
            for key, part in value.items():
                yield from self._undescribed(properties.get(key, {}), part)
        elif isinstance(value, list):
            for part in value:
                yield from self._undescribed(schema.get("items", {}), part)


def _tolerant(schema):
    """Return a schema of the description as JSON Schema that takes what Twilio really sends."""
    if isinstance(schema, list):
        return [_tolerant(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {
        key: _tolerant(value)
        for key, value in schema.items()
        if not (key in {"format", "nullable"} and not isinstance(value, dict))
    }
    kind = kept.get("type")
    if isinstance(kind, str):
        kinds = {kind, "null"} | ({"string"} if kind == "number" else set())
        kept["type"] = sorted(kinds)
        if "enum" in kept:
            kept["enum"] = [*kept["enum"], None, ""]
        if "pattern" in kept:
            kept["pattern"] = f"^$|{kept['pattern']}"
            kept.pop("minLength", None)
    return kept


def answered(api, method, path, status, body):
    responses = api.operation(method, path)["responses"]
    assert str(status) in responses, f"{method} {path} answered {status}"
    content = responses[str(status)].get("content", {})
    if not content:
        assert body is None
        return []
    found = api.problems(content["application/json"]["schema"], body)
    return [f"{method} {path} {problem}" for problem in found]


def asked(api, request):
    """Return what is wrong with a request."""
    path = request.path.removeprefix("/twilio")
    operation = api.operation(request.method, path)
    parameters = {p["name"]: p["schema"] for p in operation.get("parameters", [])}
    content = operation.get("requestBody", {}).get("content", {})
    form = content.get("application/x-www-form-urlencoded", {}).get("schema", {})
    form = api.schemas[form["$ref"].rpartition("/")[2]] if "$ref" in form else form
    for name in form.get("required", []):
        if name not in dict(request.form()):
            yield f"{request.method} {path} has no {name}"
    pairs = [(request.query, parameters), (request.form(), form.get("properties", {}))]
    for given, described in pairs:
        for name, text in given:
            if name not in described:
                yield f"{request.method} {path}: {name} is not described"
                continue
            schema = described[name]
            schema = schema.get("items", schema) if schema.get("type") == "array" else schema
            value = (
                {"true": True, "false": False}.get(text, text) if _is(schema, "boolean") else text
            )
            value = int(value) if _is(schema, "integer") else value
            yield from (
                f"{request.method} {path}: {name}: {p}" for p in api.problems(schema, value)
            )


def _is(schema, kind):
    return kind in schema.get("type", ())


def test_the_sandbox_responds_as_twilio_describes(api, sdk, responses, number, provider, vendor):
    """Bodies of every kind, in the states that they go through."""
    numbers, offers = sdk.incoming_phone_numbers, sdk.available_phone_numbers
    sdk.api.accounts(sdk.account_sid).fetch()
    for listing in (offers, numbers, numbers.local, sdk.messages, sdk.calls, sdk.applications):
        listing.list()
    offers("US").fetch()
    offers("US").local.list(area_code=415)
    offers("GB").mobile.list()
    offers("US").toll_free.list()
    provider.assign_number(number, Split(Trunk(vendor.trunks[0]), Webhook(sms_url=SMS)))
    numbers(number.id).fetch()
    numbers(number.id).update(voice_url=VOICE, emergency_address_sid="AD" + "0" * 32)
    numbers(number.id).update(voice_application_sid=vendor.applications[0])
    numbers.create(phone_number="+18335550123")
    text = sdk.messages.create(to=OTHER, from_=NUMBER, body="Hi", media_url=[VOICE])
    (media,) = text.fetch().media.list()
    media.fetch()
    numbers.list(page_size=1)
    sdk.messages.list(to=OTHER, page_size=1)
    call = sdk.calls.create(to=OTHER, from_=NUMBER, url=VOICE).fetch()
    vendor.advance(10)
    call.fetch()
    call.update(status="completed")
    sdk.calls.list(to=OTHER)
    (recording,) = sdk.recordings.list(call_sid=call.sid)
    recording.fetch()
    sdk.applications.create(friendly_name="New").fetch()
    trunk = sdk.trunking.v1.trunks.create(friendly_name="New").fetch()
    trunk.origination_urls.create(10, 20, True, "In", "sip:x.sip.livekit.cloud")
    trunk.origination_urls.list()
    (service,) = sdk.messaging.v1.services.list()
    service.fetch().phone_numbers.create(phone_number_sid=number.id).fetch()
    service.phone_numbers.list()
    trunk.phone_numbers.create(phone_number_sid=number.id).fetch()
    trunk.phone_numbers.list()
    sdk.trunking.v1.trunks.list(page_size=1)
    trunk.delete()
    text.delete()
    numbers(number.id).update(emergency_address_sid="")
    numbers(number.id).delete()

    assert len(responses) >= 40
    assert [problem for response in responses for problem in answered(api, *response)] == []


def test_our_requests_are_such_as_twilio_describes(api, provider, telephony_sandbox, vendor):
    provider.search_numbers(area_code="415", contains="5550")
    provider.search_numbers(area_code="800")
    provider.search_numbers(country="LT")
    number = provider.provision_number(
        area_code="415", label="Desk", assign_to=Webhook(VOICE, SMS), idempotency_key="order-17"
    )
    provider.import_number(number.number, label="Lobby")
    provider.assign_number(number, vendor.applications[0])
    provider.assign_number(number, vendor.trunks[0])
    provider.assign_number(number, "MG" + "5d" * 16)
    provider.unassign_number(number)
    provider.send_message(number, OTHER, "Hi", media=[VOICE, SMS])
    call = provider.place_call(number, OTHER, url=VOICE, timeout=20)
    provider.end_call(call)
    provider.get_call(call)
    moment = number.created_at
    list(provider.list_calls(number, after=moment, before=moment))
    list(provider.list_messages(after=moment))
    list(provider.list_targets())
    list(provider.list_messages(number, after=moment))
    list(provider.list_messages(number.number, before=moment))
    provider.get_number(number.id)
    list(provider.list_numbers())
    provider.release_number(number)

    sent = telephony_sandbox.requests("twilio")
    assert len(sent) > 20
    assert [problem for request in sent for problem in asked(api, request)] == []
