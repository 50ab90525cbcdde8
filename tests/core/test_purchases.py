"""A response that is about another number than the one that was bought."""

from __future__ import annotations

import pytest

import telephony
from telephony.sandbox import Fault

SELLERS = ["agentphone", "cartesia", "retell", "twilio", "vapi"]


@pytest.fixture
def provider(telephony_sandbox, request):
    with telephony.connect(request.param, **telephony_sandbox.settings(request.param)) as provider:
        yield provider


@pytest.mark.parametrize("provider", SELLERS, indirect=True)
def test_the_number_of_an_earlier_purchase_is_not_taken_for_the_new_one(
    provider, telephony_sandbox
):
    earlier = provider.provision_number(idempotency_key="order-1")
    telephony_sandbox.fail(Fault(kind="repeated", method="POST", times=1))

    with pytest.raises(telephony.OutcomeUnknownError, match="of a purchase with another"):
        provider.provision_number(idempotency_key="order-2")

    bought = provider.provision_number(idempotency_key="order-2")
    assert bought.id != earlier.id
    assert {held.id for held in provider.list_numbers()} == {bought.id, earlier.id}


@pytest.mark.parametrize("provider", ["livekit", "twilio"], indirect=True)
def test_the_exact_number_is_the_one_that_the_response_is_about(provider, telephony_sandbox):
    earlier = provider.provision_number(number="+14155550150")
    telephony_sandbox.fail(Fault(kind="repeated", method="POST", times=1))

    with pytest.raises(telephony.OutcomeUnknownError) as unknown:
        provider.provision_number(number="+14155550151")

    assert (
        unknown.value.message == f"The response is about {earlier.number}, not about +14155550151"
    )
    assert not unknown.value.retry_safe
