"""Tests of front_desk.py against the vendors' APIs on loopback: no account, no cost, no mocks.

    pytest examples/test_front_desk.py

The fixtures come with telephony[sandbox].
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

import telephony
from telephony.sandbox import Fault, Sandbox

ADA = "+14155550199"


@pytest.fixture
def front_desk(telephony_env: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    """Return the application. It connects as it is imported: to the sandbox, in a test."""
    monkeypatch.syspath_prepend(Path(__file__).parent)
    import front_desk

    yield front_desk
    front_desk.provider.close()
    del sys.modules["front_desk"]


def test_a_customer_gets_a_number_and_a_text(
    front_desk: ModuleType, telephony_sandbox: Sandbox
) -> None:
    """The vendor's ledger says for certain what was done."""
    number = front_desk.sign_up("ada", ADA)

    done = telephony_sandbox.ledger("agentphone", "purchase", "message")
    assert [(entry.kind, entry.number) for entry in done] == [
        ("purchase", number.number),
        ("message", number.number),
    ]


@pytest.mark.parametrize("kind", ["status", "lost", "malformed"])
@pytest.mark.parametrize("nth", range(5))
def test_a_customer_gets_one_number_and_one_text_whatever_fails(
    front_desk: ModuleType, telephony_sandbox: Sandbox, kind: str, nth: int
) -> None:
    """Each request fails in each way, some after the work was done; then all is tried again."""
    telephony_sandbox.fail(Fault.model_validate({"kind": kind, "skip": nth}))
    try:
        front_desk.sign_up("ada", ADA)
    except telephony.ProviderError:
        telephony_sandbox.heal()
        front_desk.sign_up("ada", ADA)

    done = telephony_sandbox.ledger("agentphone", "purchase", "message")
    assert [entry.kind for entry in done] == ["purchase", "message"]


def test_a_question_is_answered(
    front_desk: ModuleType,
    telephony_sandbox: Sandbox,
    telephony_webhooks: Callable[..., str],
) -> None:
    """A text comes in as a signed webhook over HTTP, and the reply goes out as a text."""
    number = front_desk.sign_up("ada", ADA).number
    telephony_webhooks(front_desk.app)

    telephony_sandbox.receive_message("agentphone", number, sender=ADA, body="Are you open?")
    telephony_sandbox.receive_message("agentphone", number, sender=ADA, body="Thanks!")

    assert [each.status for each in telephony_sandbox.delivered()] == [200, 200]
    sent = [
        text.body for text in front_desk.provider.list_messages(number) if text.recipient == ADA
    ]
    assert sent == [front_desk.HOURS, front_desk.WELCOME]
