"""Our adapter against livekit-server itself, with Redis.

``make real`` brings the server. Skipped without ``livekit-server`` and ``redis-server``, on the
PATH or where TELEPHONY_LIVEKIT_SERVER and TELEPHONY_REDIS_SERVER say.
"""

from __future__ import annotations

from contextlib import ExitStack

import pytest

import telephony
from telephony import Agent, Room, SipTrunk

pytestmark = pytest.mark.livekit_server

KEY, SECRET = "APIsandbox", "sandbox-secret-of-at-least-32-bytes"
NUMBER, OTHER, CALLEE = "+14155550123", "+14155550124", "+14155550199"
CARRIER = SipTrunk("acme.pstn.example.com", username="acme", password="p4ss-of-acme")


@pytest.fixture
def connect(livekit_server):
    with ExitStack() as opened:

        def connect(**settings):
            given = {"base_url": livekit_server, "api_key": KEY, "api_secret": SECRET, **settings}
            return opened.enter_context(telephony.connect("livekit", **given))

        yield connect


@pytest.fixture
def real(connect):
    """BaseProvider to a server without numbers."""
    provider = connect()
    yield provider
    for number in list(provider.list_numbers()):
        provider.release_number(number)


# --- Our adapter ---------------------------------------------------------------------------------


def test_the_lifecycle_of_a_number(real):
    made = real.import_number(NUMBER, source=CARRIER, label="Desk", assign_to="reception")
    assert (made.number, made.label, made.assignment) == (NUMBER, "Desk", Agent("reception"))
    assert real.get_number(made.id) == real.get_number(NUMBER) == made
    assert list(real.list_numbers()) == [made]

    assert real.update_number(NUMBER, label="Front desk").label == "Front desk"
    moved = real.assign_number(NUMBER, Room("lobby"))
    assert (moved.assignment, moved.replaced) == (Room("lobby"), Agent("reception"))
    back = real.assign_number(NUMBER, moved.replaced)
    assert (back.assignment, back.replaced) == (Agent("reception"), Room("lobby"))
    assert real.unassign_number(NUMBER).replaced == Agent("reception")
    assert real.unassign_number(NUMBER).replaced is None

    released = real.release_number(NUMBER)
    assert released.at_carrier is telephony.CarrierOutcome.KEPT
    assert list(real.list_numbers()) == []
    with pytest.raises(telephony.NotFoundError):
        real.get_number(made.id)


def test_everything_a_trunk_can_say_is_kept(real):
    source = SipTrunk(
        "acme.pstn.example.com",
        username="acme",
        password="p4ss-of-acme",
        transport="tls",
        media_encryption="required",
        allowed_addresses=("192.0.2.0/24",),
        allowed_numbers=(CALLEE,),
        inbound_username="in",
        inbound_password="p4ss-inbound",
        pin="2580",
        destination_country="IE",
    )
    real.import_number(NUMBER, source=source, assign_to="reception")
    raw = real.assign_number(NUMBER, "sales").raw

    inbound, (outbound,) = raw["inbound_trunk"], raw["outbound_trunks"]
    assert inbound["media"]["encryption"] == "SIP_MEDIA_ENCRYPT_REQUIRE"
    assert inbound["allowed_addresses"] == ["192.0.2.0/24"]
    assert (outbound["transport"], outbound["destination_country"]) == ("SIP_TRANSPORT_TLS", "IE")
    assert "p4ss" not in str(raw)
    assert "2580" not in str(raw)


def test_a_number_is_imported_once(real):
    real.import_number(NUMBER)

    with pytest.raises(telephony.ConflictError, match="imported already"):
        real.import_number(NUMBER)


def test_a_conflict_in_the_servers_own_words_is_a_conflict_error(real):
    real.import_number(NUMBER)

    with pytest.raises(telephony.ConflictError, match="Conflicting inbound") as caught:
        real.import_number(OTHER, options={"numbers": [NUMBER, OTHER]})

    assert OTHER not in str(caught.value)


def test_numbers_that_share_a_trunk_live_on_their_own(real):
    real.import_number(NUMBER, source=CARRIER, options={"numbers": [NUMBER, OTHER]})
    first, second = real.list_numbers()
    assert {first.id.partition("/")[2], second.id.partition("/")[2]} == {NUMBER, OTHER}

    with pytest.raises(telephony.ConflictError, match="labels all"):
        real.update_number(OTHER, label="Desk")
    assert real.assign_number(OTHER, "sales").assignment == Agent("sales")
    real.release_number(OTHER)
    assert [number.number for number in real.list_numbers()] == [NUMBER]


def test_a_call_without_a_bridge_is_not_placed(real):
    real.import_number(NUMBER, source=CARRIER)

    with pytest.raises(telephony.UnavailableError, match="livekit-sip"):
        real.place_call(NUMBER, CALLEE, agent="sales")


def test_the_error_of_wrong_credentials_hides_the_token(connect):
    with pytest.raises(telephony.AuthenticationError, match="invalid token") as caught:
        list(connect(api_secret="another-secret-of-at-least-32-bytes").list_numbers())
    assert "eyJ" not in str(caught.value)

    with pytest.raises(telephony.AuthenticationError, match="invalid API key"):
        list(connect(api_key="APIother").list_numbers())


def test_phone_numbers_are_not_there(connect):
    with pytest.raises(telephony.UnsupportedOperationError, match="only LiveKit Cloud"):
        connect(phone_numbers=True).search_numbers()
