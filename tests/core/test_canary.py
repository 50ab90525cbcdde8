"""Secrets are planted wherever one can enter; nothing that comes out may hold any, however written.

What comes out is logs, spans, hook events, reprs, results, and errors with all that an error
reporter takes from them: causes, contexts, notes, and the local variables of our functions.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import json
import logging
import re
import socket
import traceback
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest
from pydantic import BaseModel, SecretStr

import telephony
from telephony import Capability, adapters, registry
from telephony.redaction import chain
from telephony.sandbox import Fault
from telephony.sandbox.calls import SPOKEN, TALKS
from telephony.testing.client import connect
from telephony.testing.fault_matrix import CALLS, OF_CALLS, OTHER_PARTY, set_up, with_subject

OURS = tuple(str(Path(package.__file__).parent) for package in (telephony, adapters))
NOT_OURS = str(Path(telephony.__file__).parent / "testing")

TEXT = 'Your code is "canary/4711", Zoë & co.'
TRUNK = telephony.SipTrunk(
    "sip.example.com",
    username="caller",
    password=SecretStr("canary-sip-out+/="),
    inbound_username="carrier",
    inbound_password=SecretStr("canary-sip-in+/="),
    pin=SecretStr("8675309421"),
)
ACCOUNT = telephony.TwilioAccount(
    "AC" + "0f" * 16,
    api_key_sid="SK" + "0e" * 16,
    api_key_secret=SecretStr("canary-api-key-secret"),
    auth_token=SecretStr("canary-auth-token"),
)
FAULTS = (
    None,
    Fault(kind="echo", status=400, times=None),
    Fault(kind="echo", status=401, times=None),
    Fault(kind="echo", status=503, times=None),
    Fault(kind="reset", times=None),
    Fault(kind="cut", times=None),
    Fault(kind="malformed", times=None),
    Fault(kind="lost", times=1),
)
OPERATIONS = [operation for operation in Capability if operation is not Capability.PARSE_WEBHOOK]


CALLED = (telephony.Call, telephony.Transcript, telephony.Recording)


class Found:
    """Everything that came out, and which secrets must not be in it."""

    def __init__(self, secrets):
        self.secrets = [secret for secret in secrets if secret]
        self.seen = {}

    def add(self, where, *things):
        for thing in things:
            self.seen.setdefault(str(thing), where)

    def result(self, where, result):
        for one in result if isinstance(result, list) else [result]:
            self.add(where, repr(one), one)
            # What was said in a call stands in its raw body.
            if isinstance(one, BaseModel) and not isinstance(one, CALLED):
                # A text that was sent is the result itself.
                raw = {key: fact for key, fact in one.raw.items() if fact != TEXT}
                self.add(f"{where}: raw", json.dumps(raw))

    def error(self, where, error):
        for one in chain(error):
            self.add(where, one, repr(one), vars(one), getattr(one, "__notes__", ""))
            trace = traceback.TracebackException.from_exception(one, capture_locals=True)
            for frame in trace.stack:
                if frame.filename.startswith(OURS) and not frame.filename.startswith(NOT_OURS):
                    self.add(f"{where}: locals in {frame.name}, line {frame.lineno}", frame.locals)
        self.add(where, "".join(traceback.format_exception(error)))

    def leaks(self):
        forms = [(secret, form) for secret in self.secrets for form in _spellings(secret)]
        return sorted(
            {
                f"{where}: {secret}: …{shown[max(0, at - 60) : at + 60]}…"
                for text, where in self.seen.items()
                for shown in (text, *_decoded(text))
                for secret, form in forms
                if (at := shown.find(form)) >= 0
            }
        )


def _spellings(secret):
    as_json, in_json = json.dumps(secret)[1:-1], json.dumps(json.dumps(secret))[3:-3]
    return {secret, as_json, in_json, repr(secret)[1:-1], quote(secret, ""), quote_plus(secret)}


def _decoded(text):
    for token in set(re.findall(r"[A-Za-z0-9+/_-]{16,}={0,2}", text)):
        try:
            bare = token.rstrip("=").translate(str.maketrans("-_", "+/"))
            yield base64.b64decode(bare + "=" * (-len(bare) % 4)).decode()
        except (binascii.Error, UnicodeDecodeError):
            continue


def _secret_settings(adapter, settings):
    """Return the sandbox's keys, and a value for every secret that it does not set."""
    fields = registry.load(adapter).Settings.model_fields.items()
    return {
        name: settings.get(name, f"canary-{name}-0123456789")
        for name, field in fields
        if "SecretStr" in str(field.annotation) and name != "proxy"
    }


@pytest.fixture
def secrets(adapter, telephony_sandbox):
    return _secret_settings(adapter, telephony_sandbox.settings(adapter))


@pytest.fixture
def found(secrets):
    carried = [value for holder in (TRUNK, ACCOUNT) for value in vars(holder).values()]
    clear = [value.get_secret_value() for value in carried if isinstance(value, SecretStr)]
    said = [text for _, _, text in SPOKEN]
    return Found([*secrets.values(), *clear, TEXT, *said])


@pytest.fixture
def listening(found, caplog, exporter):
    """Collect what hooks, logs and spans show; return settings with those hooks."""
    caplog.set_level(logging.DEBUG)

    def heard(event):
        found.add("a hook", repr(event))

    return {"on_request": heard, "on_response": heard, "on_retry": heard, "backoff": 0.0}


def _try(found, where, call):
    try:
        found.result(where, call())
    except telephony.TelephonyError as error:
        found.error(where, error)


def _calls(provider, made, operation, server, adapter):
    """Yield the operation with every secret that it takes, or that its result has."""
    if operation is Capability.SEND_MESSAGE:
        yield lambda: provider.send_message(made.number, OTHER_PARTY, TEXT)
        yield lambda: provider.send_message(made.number, "", TEXT)
    elif operation is Capability.LIST_MESSAGES:
        yield lambda: list(provider.list_messages(made.number))
    elif operation in {Capability.LIST_ALL_MESSAGES, Capability.GET_MESSAGE}:
        received = server.receive_message(adapter, made.number, sender=OTHER_PARTY, body=TEXT)
        yield lambda: CALLS[operation](provider, dataclasses.replace(made, message=received))
    elif operation in OF_CALLS:
        provider.assign_number(made.number, made.sample.target)
        called = with_subject(operation, provider, server, adapter, made)
        server.advance(adapter, TALKS / 2)
        yield lambda: CALLS[operation](provider, called)
    elif operation is Capability.IMPORT_NUMBER:
        for source in (TRUNK, ACCOUNT):
            yield lambda source=source: provider.import_number(made.importable, source=source)
        yield lambda: CALLS[operation](provider, made)
    elif operation is Capability.LINK_CARRIER:
        for account in _accounts(made):
            yield lambda account=account: provider.link_carrier(account)
    elif operation is Capability.ROTATE_CARRIER:
        for account in _accounts(made):
            yield lambda account=account: provider.rotate_carrier(made.carrier or "c_1", account)
    else:
        yield lambda: CALLS[operation](provider, made)


def _accounts(made):
    """Every kind, whole and with what only some vendors take left out."""
    yield from (TRUNK, ACCOUNT)
    yield dataclasses.replace(TRUNK, pin=None)
    for secret in ("auth_token", "api_key_secret"):
        yield dataclasses.replace(ACCOUNT, **{secret: None})
    if made.sample.carrier is not None:
        yield made.sample.carrier


@pytest.mark.parametrize("operation", OPERATIONS)
def test_no_operation_shows_a_secret(
    adapter, mode, operation, secrets, found, listening, telephony_sandbox, caplog, exporter
):
    server = telephony_sandbox
    settings = {**secrets, **server.settings(adapter), **listening, "retries": 1}
    with connect(mode, adapter, **settings) as client:
        provider = client.provider
        if not provider.supports(operation):
            return
        found.add("reprs", repr(provider), repr(provider.adapter), repr(provider.capabilities))
        for fault in FAULTS:
            server.reset()
            made = set_up(provider, server, adapter)
            for call in _calls(provider, made, operation, server, adapter):
                if fault is not None:
                    server.fail(fault.model_copy())
                _try(found, f"{operation}, {fault and fault.kind}", call)
                server.heal()
    _assert_told_nothing(found, caplog, exporter)


def test_connecting_shows_no_secret(adapter, mode, secrets, found, telephony_sandbox):
    settings = {**telephony_sandbox.settings(adapter), **secrets}
    model = registry.load(adapter).Settings
    found.add("settings", repr(model(**settings)), model(**settings))
    for wrong in ({"base_ulr": "x"}, {"timeout": -1}, {"verify": False}, {"base_url": "ftp://x"}):
        _try(found, "connect", lambda wrong=wrong: connect(mode, adapter, **{**settings, **wrong}))
    for name, secret in secrets.items():
        broken = {**settings, name: f"{secret}\nö"}
        try:
            with connect(mode, adapter, **broken) as client:
                list(client.provider.list_numbers())
        except telephony.TelephonyError as error:
            found.error(f"connect with a broken {name}", error)
    assert found.leaks() == []


def test_a_configuration_error_shows_no_secret(adapter, secrets, found, tmp_path, monkeypatch):
    lines = [f"{name} = {json.dumps(secret)}" for name, secret in secrets.items()]
    profile = f'[providers.desk]\nadapter = "{adapter}"\n' + "\n".join(lines)
    path = tmp_path / "telephony.toml"
    monkeypatch.setenv("TELEPHONY_CONFIG", str(path))
    for wrong in ("base_ulr = 1", "timeout = -1", 'number_region = "env:NO_SUCH"', "x = = 1"):
        path.write_text(f"{profile}\n{wrong}\n")
        _try(found, wrong, lambda: telephony.connect("desk"))
    path.write_text(profile)
    found.add("the file", repr(telephony.config.load(path)))
    assert found.leaks() == []


def test_a_refused_connection_and_a_wrong_key_show_no_secret(
    adapter, mode, secrets, found, listening, telephony_sandbox, caplog, exporter
):
    wrong = {name: f"canary-wrong-{name}-0123456789" for name in secrets}
    found.secrets += wrong.values()
    with socket.create_server(("127.0.0.1", 0)) as free:
        nowhere = f"http://127.0.0.1:{free.getsockname()[1]}"
    for settings in ({"base_url": nowhere, **secrets}, wrong):
        settings = {**telephony_sandbox.settings(adapter), **settings, **listening}
        with connect(mode, adapter, **settings) as client:
            _try(found, "list", lambda: list(client.provider.list_numbers()))
            _try(found, "send", lambda: client.provider.send_message("n", OTHER_PARTY, TEXT))
    _assert_told_nothing(found, caplog, exporter)


def test_an_error_of_the_caller_keeps_its_local_variables(telephony_connect):
    def broken():
        precious = "kept"
        raise KeyError(precious)

    try:
        broken()
    except KeyError as own:
        with pytest.raises(telephony.NotFoundError):
            telephony_connect("cartesia").get_number("pn_1")
        inner = own.__traceback__.tb_next.tb_frame
    assert inner.f_locals == {"precious": "kept"}


def _assert_told_nothing(found, caplog, exporter):
    for record in caplog.records:
        found.add(f"log {record.name}", record.getMessage(), vars(record))
    for span in exporter.get_finished_spans():
        found.add("a span", span.to_json())
    assert found.seen
    assert found.leaks() == []
    assert [text for text in found.seen if re.search(r"eyJ[\w-]+\.[\w-]+\.", text)] == []
