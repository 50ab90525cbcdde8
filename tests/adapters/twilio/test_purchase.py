"""Finding, buying and adopting numbers at Twilio."""

from __future__ import annotations

import pytest

import telephony
from telephony import Webhook
from telephony.sandbox import Fault

NUMBER, OTHER = "+14155550123", "+14155550199"
VOICE, SMS = "https://example.com/voice", "https://example.com/sms"


@pytest.mark.parametrize(
    ("criteria", "kind", "begins"),
    [
        ({}, "local", "+1"),
        ({"area_code": "415"}, "local", "+1415"),
        ({"area_code": "866"}, "toll_free", "+1866"),
        ({"contains": "+1888"}, "toll_free", "+1888"),
        ({"contains": "800"}, "toll_free", "+1800"),
        ({"contains": "4155"}, "local", "+1415"),
        ({"country": "GB"}, "local", "+4420"),
        ({"country": "LT"}, "mobile", "+3706"),
        ({"country": "GB", "contains": "+447"}, "mobile", "+447"),
        ({"country": "GB", "contains": "+4433"}, "national", "+4433"),
        ({"country": "GB", "contains": "+44808"}, "toll_free", "+44808"),
        ({"country": "GB", "kind": "mobile"}, "mobile", "+447"),
        ({"country": "GB", "kind": "national"}, "national", "+4433"),
        ({"kind": "toll_free"}, "toll_free", "+18"),
        ({"country": "GB", "channels": ["sms"]}, "mobile", "+447"),
        ({"options": {"InRegion": "CA"}}, "local", "+1415"),
        ({"options": {"InPostalCode": "94103", "ExcludeAllAddressRequired": True}}, "local", "+14"),
    ],
)
def test_the_kind_of_number_follows_from_what_is_searched(provider, criteria, kind, begins):
    found = provider.search_numbers(limit=5, **criteria)

    assert len(found) == 5
    assert {n.kind for n in found} == {kind}
    assert all(n.number.startswith(begins) for n in found)


def test_numbers_that_cannot_text_are_not_offered_for_texting(provider, telephony_sandbox):
    found = provider.search_numbers(
        country="GB", channels=[telephony.Channel.SMS, "voice"], limit=40
    )

    assert len(found) == 30
    assert all(telephony.Channel.SMS in n.channels for n in found)
    assert not any(
        telephony.Channel.SMS in n.channels for n in provider.search_numbers(country="GB")
    )
    query = dict(telephony_sandbox.requests("twilio")[0].query)
    assert (query["SmsEnabled"], query["VoiceEnabled"]) == ("true", "true")


def test_kinds_are_searched_until_there_are_enough(provider):
    found = provider.search_numbers(country="GB", limit=70)

    assert [n.kind for n in found] == ["local"] * 30 + ["mobile"] * 30 + ["national"] * 10


@pytest.mark.parametrize("field", ["AreaCode", "Contains", "PageSize"])
def test_a_search_takes_no_options_that_arguments_are_for(provider, telephony_sandbox, field):
    with pytest.raises(telephony.InvalidRequestError, match=field) as caught:
        provider.search_numbers(options={field: "415"})

    assert caught.value.argument == "options"
    assert telephony_sandbox.requests("twilio") == []


def test_a_kind_that_a_country_lacks_is_not_found(provider):
    with pytest.raises(telephony.NotFoundError, match="country"):
        provider.search_numbers(country="LT", kind="local")


def test_a_country_that_twilio_does_not_serve_is_not_found(provider):
    with pytest.raises(telephony.NotFoundError, match="country"):
        provider.search_numbers(country="AQ")


@pytest.mark.parametrize("contains", ["4", "4" * 17, "41 5", "**", "a#b"])
def test_patterns_that_twilio_would_refuse_are_refused_before(
    provider, telephony_sandbox, contains
):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.search_numbers(contains=contains)

    assert caught.value.argument == "contains"
    assert telephony_sandbox.requests("twilio") == []


def test_area_codes_exist_in_north_america_only(provider, telephony_sandbox):
    with pytest.raises(telephony.UnsupportedOperationError, match="contains"):
        provider.provision_number(country="GB", area_code="20")
    with pytest.raises(telephony.InvalidRequestError):
        provider.search_numbers(area_code="41")

    assert telephony_sandbox.requests("twilio") == []


def test_a_number_that_another_buyer_just_bought_is_skipped(provider, vendor):
    first, second, third = provider.search_numbers(area_code="212", limit=3)
    vendor.account.taken |= {first.number, second.number}

    assert provider.provision_number(area_code="212").number == third.number


def test_only_a_number_that_is_gone_makes_way_for_the_next(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", method="POST", status=409))

    with pytest.raises(telephony.ConflictError):
        provider.provision_number(area_code="212")

    assert telephony_sandbox.ledger("twilio", "purchase") == []


def test_an_area_without_numbers_is_not_found_and_an_exhausted_one_a_conflict(provider, vendor):
    with pytest.raises(telephony.NotFoundError):
        provider.provision_number(area_code="533")

    vendor.account.taken |= {n.number for n in provider.search_numbers(area_code="212", limit=30)}
    with pytest.raises(telephony.ConflictError, match="search_numbers") as caught:
        provider.provision_number(area_code="212")
    assert caught.value.code == "21422"


def test_a_purchase_is_labelled_and_routed_in_one_request(provider, posts):
    bought = provider.provision_number(
        number=NUMBER, label="Desk", assign_to=Webhook(VOICE, SMS), options={"AddressSid": "AD1"}
    )

    assert posts()[0].form() == [
        ("PhoneNumber", NUMBER),
        ("FriendlyName", "Desk"),
        ("VoiceUrl", VOICE),
        ("SmsUrl", SMS),
        ("AddressSid", "AD1"),
    ]
    assert (bought.label, bought.assignment) == ("Desk", Webhook(VOICE, SMS))


@pytest.mark.usefixtures("number")
def test_a_number_that_is_held_already_is_not_bought_but_adopted(provider):
    with pytest.raises(telephony.ConflictError, match="import_number"):
        provider.provision_number(number=NUMBER)


@pytest.mark.parametrize("kind", ["lost", "html", "empty", "cut", "malformed"])
def test_a_purchase_by_area_whose_response_is_lost_is_found_again(
    provider, telephony_sandbox, kind
):
    telephony_sandbox.fail(Fault(kind=kind, method="POST"))

    bought = provider.provision_number(area_code="415", label="Desk", idempotency_key="order-17")

    (entry,) = telephony_sandbox.ledger("twilio", "purchase")
    assert (entry.id, entry.number, bought.label) == (bought.id, bought.number, "Desk")


@pytest.mark.parametrize("label", ["Lobby", "Desk"])
def test_a_number_that_another_buyer_took_is_not_taken_for_the_lost_purchase(
    provider, telephony_connect, telephony_sandbox, label
):
    """Without a key nothing distinguishes two purchases of the same number."""
    bought = []

    def meanwhile(event):
        if event.method == "POST":
            bought.append(provider.provision_number(number=NUMBER, label=label))

    telephony_sandbox.fail(Fault(kind="lost", method="POST", skip=1))

    with pytest.raises(telephony.OutcomeUnknownError) as caught:
        telephony_connect("twilio", on_request=meanwhile).provision_number(
            number=NUMBER, label="Desk"
        )

    assert bought[0].id in caught.value.hint
    assert "idempotency_key" in caught.value.hint


@pytest.mark.parametrize("wanted", [{"number": NUMBER}, {"area_code": "415"}])
def test_two_that_buy_with_one_key_at_once_get_one_number(
    provider, telephony_connect, telephony_sandbox, wanted
):
    bought = []

    def meanwhile(event):
        if event.method == "POST":
            bought.append(provider.provision_number(**wanted, idempotency_key="order-17"))

    second = telephony_connect("twilio", on_request=meanwhile).provision_number(
        **wanted, idempotency_key="order-17"
    )

    assert [number.id for number in bought] == [second.id]
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == 1


def test_a_purchase_that_may_or_may_not_be_under_way_is_not_made_again(provider, telephony_sandbox):
    telephony_sandbox.fail(Fault(kind="status", method="POST", status=502, body="<html>"))

    with pytest.raises(telephony.OutcomeUnknownError):
        provider.provision_number(area_code="415")

    assert telephony_sandbox.ledger("twilio", "purchase") == []


def test_a_key_finds_the_number_of_an_earlier_purchase(provider, telephony_sandbox):
    first = provider.provision_number(area_code="415", label="Desk", idempotency_key="order-17")
    renamed = provider.update_number(first, label="Front desk")
    adopted = provider.import_number(first.number, label="Lobby")
    again = provider.provision_number(area_code="415", label="Desk", idempotency_key="order-17")

    assert [n.label for n in (first, renamed, adopted, again)] == (
        ["Desk", "Front desk", "Lobby", "Lobby"]
    )
    assert again.id == first.id
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == 1


@pytest.mark.parametrize("wanted", [{"area_code": "415"}, {"number": "+14155550177"}])
def test_a_purchase_with_a_key_reads_only_numbers_like_the_one_it_wants(
    provider, telephony_sandbox, wanted
):
    for index in range(5):
        provider.provision_number(number=f"+1212555{100 + index:04d}")
    before = len(telephony_sandbox.requests("twilio"))

    bought = provider.provision_number(**wanted, label="Desk", idempotency_key="order-17")
    again = provider.provision_number(**wanted, label="Desk", idempotency_key="order-17")

    assert again.id == bought.id
    listings = [
        dict(r.query)
        for r in telephony_sandbox.requests("twilio")[before:]
        if r.method == "GET" and r.path.endswith("/IncomingPhoneNumbers.json")
    ]
    assert all(
        query.get("FriendlyName") == "Desk [key:" + query["FriendlyName"][-13:]
        if "FriendlyName" in query
        else query["PhoneNumber"].startswith("+1415")
        for query in listings
    )
    # Found by its name, in one request.
    assert "FriendlyName" in listings[-1]


def test_a_label_is_never_cut_off(provider, telephony_sandbox):
    provider.provision_number(number=NUMBER, label="x" * 64)
    with pytest.raises(telephony.InvalidRequestError, match="64") as caught:
        provider.update_number(NUMBER, label="x" * 65)
    assert caught.value.argument == "label"

    with pytest.raises(telephony.InvalidRequestError, match="45"):
        provider.provision_number(number=OTHER, label="x" * 46, idempotency_key="order-17")
    assert len(telephony_sandbox.ledger("twilio", "purchase")) == 1


@pytest.mark.parametrize("field", ["PhoneNumber", "AreaCode", "FriendlyName"])
def test_options_do_not_do_what_arguments_are_for(provider, telephony_sandbox, field):
    with pytest.raises(telephony.InvalidRequestError, match=field) as caught:
        provider.provision_number(options={field: "415"})

    assert caught.value.argument == "options"
    assert telephony_sandbox.requests("twilio") == []


def test_a_number_of_the_account_is_adopted(provider, number, posts):
    before = len(posts())
    assert provider.import_number(NUMBER).id == number.id
    assert len(posts()) == before

    adopted = provider.import_number(NUMBER, label="Lobby", assign_to=VOICE)
    assert (adopted.id, adopted.label) == (number.id, "Lobby")
    assert adopted.assignment == Webhook(VOICE)
    assert len(posts()) == before + 1

    with pytest.raises(telephony.NotFoundError, match="ported"):
        provider.import_number(OTHER)
    with pytest.raises(telephony.UnsupportedOperationError):
        provider.import_number(NUMBER, outbound=False)
