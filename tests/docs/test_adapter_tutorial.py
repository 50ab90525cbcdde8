"""The tutorial builds the example adapter step by step, and after each step it works."""

from __future__ import annotations

import ast
import re
import types

import pytest

from telephony import Agent, AuthenticationError, Capability
from telephony.provider import Provider

from .pages import DOCS, ROOT

TUTORIAL = (DOCS / "adapters.md").read_text("utf-8")
SOURCE = (ROOT / "tests/example_adapter/acme_telephony/adapter.py").read_text("utf-8")
INCLUDED = re.compile(r"acme_telephony/adapter\.py\n(?::caption: .*\n)?:pyobject: (?:Acme\.)?(\w+)")


def until(step):
    """Return the adapter with only what the tutorial has shown by the end of a step."""
    shown = set(INCLUDED.findall(TUTORIAL.partition(f"\n## {step + 1}. ")[0]))
    module = ast.parse(SOURCE)
    (acme,) = (node for node in module.body if isinstance(node, ast.ClassDef))
    for body in (module.body, acme.body):
        body[:] = [
            node for node in body if not isinstance(node, ast.FunctionDef) or node.name in shown
        ]
    for node in acme.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            declared = zip(node.value.keys, node.value.values, strict=True)
            kept = [(key, value) for key, value in declared if key.attr.lower() in shown]
            node.value.keys, node.value.values = (
                map(list, zip(*kept, strict=True)) if kept else ([], [])
            )
    made = types.ModuleType("acme_telephony.so_far")
    made.__package__ = "acme_telephony"
    exec(compile(module, "adapters.md", "exec"), vars(made))  # noqa: S102 - the example of ours
    return made.Acme


@pytest.fixture
def connected(acme):
    """Connect what the tutorial has shown by the end of a step to Acme's sandbox."""
    acme.account.numbers["n_1"] = {"id": "n_1", "number": "+16505550001", "line": None}

    def connect(step, key="acme-sandbox-key"):
        adapter = until(step)
        settings = adapter.Settings(base_url=acme.base_url, api_key=key)
        return Provider(adapter(settings, name="acme"), settings)

    return connect


def offered(provider):
    return {capability for capability in Capability if provider.supports(capability)}


def test_after_step_3_numbers_are_listed(connected):
    with connected(3) as provider:
        assert offered(provider) == {Capability.LIST_NUMBERS, Capability.GET_NUMBER}
        (number,) = provider.list_numbers()
        assert provider.get_number("+16505550001") == provider.get_number("n_1") == number


def test_after_step_4_a_refusal_is_an_error(connected):
    with connected(4, key="wrong") as provider, pytest.raises(AuthenticationError, match="no such"):
        provider.get_number("n_1")


def test_after_step_5_a_number_is_assigned(connected):
    with connected(5) as provider:
        assert Agent("line_1") in provider.list_targets()
        assert provider.assign_number("+16505550001", "line_1").assignment == Agent("line_1")
        assert provider.unassign_number("+16505550001").replaced == Agent("line_1")


def test_after_step_6_a_number_is_bought_once(connected, acme):
    with connected(6) as provider:
        bought = provider.provision_number(idempotency_key="order-17")
        assert provider.provision_number(idempotency_key="order-17").id == bought.id
    assert [entry.kind for entry in acme.state.ledger] == ["purchase"]
