"""Behaviour specific to AgentPhone; the conformance suite has the common behaviour."""

from __future__ import annotations

import json

import pytest

import telephony
from telephony import CallStatus, CarrierOutcome, Channel, NumberStatus
from telephony.sandbox import Fault

DESK, SALES = "agt_front_desk", "agt_sales"
OTHER = "+17735550188"


def response(body, status):
    return Fault(kind="status", status=status, body=json.dumps(body))


# --- Assigning and releasing ---------------------------------------------------------------------


def test_assigning_to_the_same_agent_changes_nothing(provider, telephony_sandbox, number):
    provider.assign_number(number, DESK)
    again = provider.assign_number(number, DESK)

    assert (again.assignment.id, again.replaced) == (DESK, None)
    assert len(telephony_sandbox.ledger("agentphone", "assign")) == 1


def test_an_unknown_agent_leaves_the_number_where_it_was(provider, telephony_sandbox, number):
    provider.assign_number(number, DESK)

    with pytest.raises(telephony.NotFoundError):
        provider.assign_number(number, "agt_nobody")

    assert provider.get_number(number).assignment.id == DESK
    assert telephony_sandbox.ledger("agentphone", "unassign") == []


def test_a_move_that_fails_is_undone(provider, telephony_sandbox, number):
    provider.assign_number(number, DESK)
    telephony_sandbox.fail(Fault(kind="status", method="POST", path=SALES, status=422))

    with pytest.raises(telephony.InvalidRequestError, match=f"still with agent {DESK}"):
        provider.assign_number(number, SALES)

    assert provider.get_number(number).assignment.id == DESK


def test_a_move_that_can_neither_be_done_nor_undone_says_so(provider, telephony_sandbox, number):
    provider.assign_number(number, DESK)
    telephony_sandbox.fail(Fault(kind="status", method="POST", status=422, times=None))

    with pytest.raises(
        telephony.InvalidRequestError, match=f"taken from agent {DESK} and could not"
    ):
        provider.assign_number(number, SALES)

    assert provider.get_number(number).assignment is None


def test_an_undone_move_is_not_claimed_where_the_new_agent_may_have_the_number(
    telephony_connect, telephony_sandbox, number
):
    """The response to the move is lost and cannot be read back; undoing it is then a conflict."""
    provider = telephony_connect("agentphone", retries=0)
    provider.assign_number(number, DESK)
    telephony_sandbox.fail(Fault(kind="lost", method="POST", path=SALES))
    telephony_sandbox.fail(Fault(kind="status", method="GET", path=f"numbers/{number.id}"))

    with pytest.raises(telephony.OutcomeUnknownError, match="see get_number"):
        provider.assign_number(number.number, SALES)

    assert provider.get_number(number).assignment.id == SALES


@pytest.mark.parametrize("kind", ["lost", "html", "empty", "cut"])
def test_attaching_and_detaching_are_read_back_after_a_lost_response(
    provider, telephony_sandbox, number, kind
):
    """The vendor refuses to do either twice."""
    telephony_sandbox.fail(Fault(kind=kind, method="POST"))
    assert provider.assign_number(number, DESK).assignment.id == DESK

    telephony_sandbox.fail(Fault(kind=kind, method="DELETE"))
    assert provider.unassign_number(number).assignment is None

    assert provider.get_number(number).assignment is None
    assert len(telephony_sandbox.ledger("agentphone", "assign", "unassign")) == 2


def test_a_number_goes_back_to_what_was_replaced(provider, number):
    provider.assign_number(number, DESK)
    freed = provider.unassign_number(number)

    assert freed.replaced.id == DESK
    assert freed.raw["agentId"] is None
    assert provider.assign_number(number, freed.replaced).raw["agentId"] == DESK


def test_release_is_final_even_while_an_agent_holds_the_number(provider, number):
    provider.assign_number(number, DESK)

    released = provider.release_number(number)

    assert released.at_carrier is CarrierOutcome.RELEASED
    assert released.reversible is False
    assert provider.get_number(number.id).status is NumberStatus.RELEASED
    with pytest.raises(telephony.NotFoundError):
        provider.get_number(number.number)
    with pytest.raises(telephony.NotFoundError, match="released already"):
        provider.release_number(number)


@pytest.mark.parametrize("retries", [0, 2])
def test_a_release_whose_response_is_lost_is_read_back(
    telephony_connect, telephony_sandbox, retries
):
    provider = telephony_connect("agentphone", retries=retries)
    number = provider.provision_number()
    telephony_sandbox.fail(Fault(kind="lost", method="DELETE"))

    assert provider.release_number(number).at_carrier is CarrierOutcome.RELEASED
    assert len(telephony_sandbox.ledger("agentphone", "release")) == 1


def test_a_conflict_is_no_failure_where_the_agent_holds_the_number(provider, vendor, number):
    """Attaching twice is undocumented; the number was attached meanwhile."""
    vendor.account.numbers[number.id]["agentId"] = DESK
    vendor.state.respond(number.raw)

    assert provider.assign_number(number.id, DESK).assignment.id == DESK


@pytest.mark.parametrize("response", [{"success": False}, {"success": False, "status": "active"}])
def test_a_release_that_the_vendor_denies_is_an_error(provider, vendor, number, response):
    vendor.state.respond(number.raw, response)

    with pytest.raises(telephony.ConflictError, match="did not release") as caught:
        provider.release_number(number)

    assert "still held" in caught.value.hint


def test_a_release_that_is_denied_though_done_is_done(provider, vendor, number):
    gone = {**number.raw, "status": "released"}
    vendor.state.respond(number.raw, {"success": False}, gone)

    assert provider.release_number(number).at_carrier is CarrierOutcome.RELEASED


def test_a_release_that_is_only_accepted_comes_with_a_notice(provider, vendor, number):
    vendor.state.respond(number.raw, {"success": True, "status": "releasing"})

    released = provider.release_number(number)

    assert released.at_carrier is CarrierOutcome.UNKNOWN
    assert released.notices == (
        "The release is accepted, not done yet: the number's status is releasing.",
    )


# --- Listing numbers -----------------------------------------------------------------------------


def test_what_is_unknown_or_missing_in_a_number_is_tolerated(provider, vendor):
    vendor.state.respond(
        {
            "id": "cm9 …?",
            "phoneNumber": "+13125550142",
            "status": "suspended",
            "type": "hologram",
            "outboundSms": "who knows",
            "whatsappEnabled": True,
            "createdAt": "2026-05-01T12:00:00.5Z",
        }
    )

    number = provider.get_number("cm9 …?")

    assert number.status is NumberStatus.UNKNOWN
    assert number.channels == {Channel.VOICE, Channel.WHATSAPP}
    assert (number.country, number.assignment) == (None, None)
    assert number.raw["status"] == "suspended"


def test_ids_stay_one_segment_of_the_path(provider, telephony_sandbox):
    with pytest.raises(telephony.NotFoundError):
        provider.get_number("a/../b?c")

    assert telephony_sandbox.requests("agentphone")[0].path == "/agentphone/v1/numbers/a/../b?c"


@pytest.mark.parametrize(
    ("page", "more"),
    [
        ({"total": 2}, True),
        ({"total": 1}, False),
        ({"hasMore": False, "total": 2}, False),
        ({}, False),
    ],
)
def test_numbers_page_on_as_far_as_the_vendor_says(provider, vendor, telephony_sandbox, page, more):
    first = {"id": "num_1", "phoneNumber": "+13125550142", "status": "active"}
    rest = {"data": [{**first, "id": "num_2"}], "hasMore": False}
    vendor.state.respond({"data": [first], **page}, rest)

    assert len(list(provider.list_numbers())) == (2 if more else 1)
    offsets = [dict(r.query)["offset"] for r in telephony_sandbox.requests("agentphone")]
    assert offsets == (["0", "1"] if more else ["0"])


def test_every_number_is_listed_while_numbers_are_released(provider, telephony_sandbox):
    """Each release moves all later numbers to a lower offset."""
    bought = {provider.provision_number().id for _ in range(220)}

    released = {provider.release_number(number).id for number in provider.list_numbers()}

    assert released == bought
    assert list(provider.list_numbers()) == []


def test_a_number_released_by_somebody_else_loses_and_repeats_none(provider):
    bought = {provider.provision_number().id for _ in range(220)}
    listing = provider.list_numbers()
    listed = [next(listing).id for _ in range(100)]

    provider.release_number(listed[3])
    listed += [number.id for number in listing]

    assert len(listed) == 220
    assert set(listed) == bought


def test_a_list_of_numbers_that_does_not_end_is_stopped(provider, vendor):
    page = {"data": [{"id": "n", "phoneNumber": "+13125550142"}], "hasMore": True}
    vendor.state.respond(*[page] * 50)

    with pytest.raises(telephony.InvalidResponseError, match="repeats one already read"):
        list(provider.list_numbers())


def test_an_empty_page_ends_the_list_of_numbers_whatever_is_promised(provider, vendor):
    vendor.state.respond({"data": [], "hasMore": True})

    assert list(provider.list_numbers()) == []


# --- Calling -------------------------------------------------------------------------------------


def test_texts_without_a_registration_are_refused_and_calls_are_not(provider, vendor, number):
    vendor.account.campaign = "pending"
    provider.assign_number(number, DESK)

    with pytest.raises(telephony.PermissionDeniedError, match="10DLC"):
        provider.send_message(number, OTHER, "Hi")

    assert provider.place_call(number, OTHER).status is CallStatus.IN_PROGRESS


def test_an_agent_is_needed_to_call_and_taken_from_the_number(provider, number):
    with pytest.raises(telephony.InvalidRequestError) as caught:
        provider.place_call(number, OTHER)
    assert caught.value.argument == "agent"

    provider.assign_number(number, DESK)
    call = provider.place_call(number, OTHER)
    assert (call.agent, call.sender, call.recipient) == (DESK, number.number, OTHER)
    assert provider.place_call(number, OTHER, agent=DESK).started_at is not None
    with pytest.raises(telephony.InvalidRequestError, match="no such phone number"):
        provider.place_call(number, OTHER, agent=SALES)
    with pytest.raises(telephony.UnsupportedOperationError, match="url"):
        provider.place_call(number, OTHER, url="https://example.com/twiml")


@pytest.mark.parametrize(
    ("word", "status"), [("no-answer", CallStatus.NO_ANSWER), ("on-mars", CallStatus.UNKNOWN)]
)
def test_the_vendors_word_for_a_call_is_read_or_kept(provider, vendor, number, word, status):
    vendor.state.respond({"id": "call_1", "status": word, "direction": "outbound"})

    call = provider.place_call(number, OTHER, agent=DESK)

    assert (call.status, call.raw["status"]) == (status, word)


# --- Errors and headers --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "body", "kind", "said"),
    [
        (
            400,
            {
                "error": {
                    "code": "VALIDATION_ERROR",
                    "message": "Bad input",
                    "details": [{"field": "limit", "message": "too large", "type": "range"}],
                }
            },
            telephony.InvalidRequestError,
            "Bad input: limit: too large",
        ),
        (
            422,
            {"detail": [{"loc": ["query", "limit"], "msg": "too large", "input": "s3cret"}]},
            telephony.InvalidRequestError,
            "limit: too large",
        ),
        (404, {"detail": "No such thing"}, telephony.NotFoundError, "No such thing"),
        (403, {"message": "Not yours"}, telephony.PermissionDeniedError, "Not yours"),
        (400, {"error": "Plain"}, telephony.InvalidRequestError, "Plain"),
        (400, "just text", telephony.InvalidRequestError, "just text"),
        (400, "<html>502</html>", telephony.InvalidRequestError, "refused the request"),
        (400, ["?"], telephony.InvalidRequestError, "refused the request"),
    ],
)
def test_every_shape_of_error_is_read(provider, telephony_sandbox, status, body, kind, said):
    text = body if isinstance(body, str) else json.dumps(body)
    telephony_sandbox.fail(Fault(kind="status", status=status, body=text))

    with pytest.raises(kind, match=said) as caught:
        provider.get_number("num_1")

    assert caught.value.status == status
    assert "s3cret" not in f"{caught.value} {caught.value.raw}"


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("INSUFFICIENT_BALANCE", 400, telephony.QuotaExceededError),
        ("VALIDATION_ERROR_NUMBER_LIMIT", 422, telephony.QuotaExceededError),
        ("PHONE_NUMBER_NOT_FOUND", 400, telephony.NotFoundError),
        ("CARRIER_ERROR", 400, telephony.UnavailableError),
        ("TWILIO_ERROR", 400, telephony.UnavailableError),
        ("RATE_LIMIT_EXCEEDED", 400, telephony.RateLimitedError),
        ("SOMETHING_NEW", 409, telephony.ConflictError),
    ],
)
def test_the_code_says_more_than_the_status(provider, telephony_sandbox, code, status, kind):
    telephony_sandbox.fail(response({"error": {"message": "No", "code": code}}, status))

    with pytest.raises(kind) as caught:
        provider.get_number("num_1")

    assert caught.value.code == code


def test_the_sub_account_is_a_header_of_every_request(telephony_connect, telephony_sandbox):
    list(telephony_connect("agentphone").list_numbers())
    list(telephony_connect("agentphone", sub_account_id="sub_7").list_numbers())

    sent = [r.headers.get("x-sub-account-id") for r in telephony_sandbox.requests("agentphone")]
    assert sent == [None, "sub_7"]


def test_a_sub_account_that_no_header_can_hold_is_refused(telephony_connect):
    with pytest.raises(telephony.ConfigurationError, match="sub_account_id"):
        telephony_connect("agentphone", sub_account_id="sub 7\r\nX-Other: 1")
