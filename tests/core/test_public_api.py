"""What users import, and what importing it costs them."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import telephony
from telephony.protocols import AsyncPhoneNumberProvider, PhoneNumberProvider


def test_every_public_name_can_be_had():
    assert all(getattr(telephony, name) for name in telephony.__all__)
    assert list(telephony.__all__) == sorted(telephony.__all__)
    assert set(telephony.__all__) <= set(dir(telephony))
    with pytest.raises(AttributeError, match="no attribute 'conect'"):
        telephony.conect  # noqa: B018


def _members(kind):
    return {
        name: member
        for name, member in inspect.getmembers(kind)
        if not name.startswith("_") and (inspect.isfunction(member) or isinstance(member, property))
    }


def _shape(member):
    if isinstance(member, property):
        return "property"
    parameters = inspect.signature(member).parameters.values()
    return [(p.name, p.kind, p.default, p.annotation) for p in parameters]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (telephony.Provider, telephony.AsyncProvider),
        (PhoneNumberProvider, AsyncPhoneNumberProvider),
        (PhoneNumberProvider, telephony.Provider),
    ],
)
def test_blocking_and_asyncio_offer_the_same_members_with_the_same_signatures(one, other):
    ours, theirs = _members(one), _members(other)
    assert set(ours) == set(theirs)
    for name, member in ours.items():
        assert _shape(member) == _shape(theirs[name]), name


def test_every_public_method_says_what_it_does():
    for name, member in _members(PhoneNumberProvider).items():
        assert member.__doc__, name


def test_every_error_stands_in_the_tree_of_the_docstring():
    from telephony import errors

    kinds = [
        k for _, k in inspect.getmembers(errors, inspect.isclass) if k.__module__ == errors.__name__
    ]
    assert len(kinds) == 16
    for kind in kinds:
        assert kind.__name__ in errors.__doc__


def _run(code):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout


def test_importing_telephony_loads_no_vendor_sdk_no_cli_and_no_sandbox():
    # httpx itself loads its command line, and rich with it, where that is installed.
    code = "import sys, httpx, pydantic; before = set(sys.modules); from telephony import *; "
    loaded = _run(code + "print(*set(sys.modules) - before)").split()

    heavy = {
        "twilio", "livekit", "agentphone", "google.protobuf", "aiohttp", "requests", "typer",
        "rich", "starlette", "uvicorn", "phonenumbers", "platformdirs", "opentelemetry",
        "telephony.cli", "telephony.sandbox", "telephony.testing", "telephony.adapters",
        "pydantic.plugin._loader",  # the first schema is built, and all distributions are read
    }  # fmt: skip
    assert heavy.isdisjoint(loaded)


def test_a_blocking_connection_loads_neither_asyncio_nor_webhooks():
    code = (
        "import sys, httpx, telephony; httpx.Client(); before = set(sys.modules); "
        "telephony.connect('livekit', base_url='http://localhost:1', api_key='x', api_secret='y'); "
        "print(*set(sys.modules) - before)"
    )
    unused = {"asyncio", "jwt", "livekit.api", "telephony.adapters.livekit.webhooks"}
    assert unused.isdisjoint(_run(code).split())


def test_the_package_itself_loads_next_to_nothing():
    code = "import sys; before = set(sys.modules); import telephony; "
    loaded = set(_run(code + "print(*set(sys.modules) - before)").split())
    assert {name for name in loaded if name.startswith("telephony")} == {
        "telephony",
        "telephony._version",
    }
    assert {"pydantic", "httpx"}.isdisjoint(loaded)


def test_adapters_load_only_when_connected_to():
    code = (
        "import sys, telephony; telephony.connect('cartesia', api_key='k').close(); "
        "print(*(m for m in sys.modules if m.startswith('telephony.adapters.')))"
    )
    assert {module.split(".")[2] for module in _run(code).split()} == {"cartesia"}


def test_the_command_runs_as_a_module():
    assert f"telephony {telephony.__version__}" in _run(
        "import sys; sys.argv = ['telephony', '--version']; import runpy; "
        "runpy.run_module('telephony', run_name='__main__')"
    )
