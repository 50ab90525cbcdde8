"""Which account a provider is connected to, as data that shows no secret."""

from __future__ import annotations

import pytest

import telephony
from telephony import Capability
from telephony.idempotency import key_digest
from telephony.model import Ingress, SipTrunk
from telephony.redaction import secrets_of
from telephony.registry import available


@pytest.mark.parametrize("adapter", available())
def test_an_account_has_one_text_and_shows_no_secret(adapter, telephony_sandbox):
    settings = telephony_sandbox.settings(adapter)
    with (
        telephony.connect("one", adapter=adapter, **settings) as one,
        telephony.connect("two", adapter=adapter, **settings) as two,
    ):
        assert one.account == two.account
        assert one.account
        secrets = secrets_of(telephony.registry.load(adapter).Settings(**settings))
        assert not any(secret in one.account for secret in secrets)


def test_another_key_is_another_account_where_the_vendor_names_none(telephony_sandbox):
    settings = telephony_sandbox.settings("vapi")
    with (
        telephony.connect("one", adapter="vapi", **settings) as one,
        telephony.connect("two", adapter="vapi", **{**settings, "api_key": "other"}) as two,
    ):
        assert one.account != two.account


def test_a_carriers_account_is_named_as_other_vendors_name_it(telephony_connect):
    assert telephony_connect("twilio").account.startswith("AC")


@pytest.mark.parametrize("adapter", available())
def test_a_carrier_is_pointed_at_who_takes_its_trunks(adapter):
    loaded = telephony.registry.load(adapter)
    trunks = SipTrunk in loaded.sources or SipTrunk in loaded.carriers
    assert (loaded.ingress.get("sip_trunk") is Ingress.POINTED) == trunks


@pytest.mark.parametrize("adapter", available())
def test_a_number_keeps_the_mark_of_its_purchase(adapter, telephony_connect):
    provider = telephony_connect(adapter)
    if not provider.supports(Capability.PROVISION_NUMBER) or adapter == "livekit":
        return  # nothing is bought by a key there
    bought = provider.provision_number(country="US", idempotency_key="order-17")
    (listed,) = provider.list_numbers()
    assert listed.mark == key_digest("order-17")
    assert listed.id == bought.id
