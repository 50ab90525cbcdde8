"""What is recorded: every operation of every vendor, and how it is refused."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import SecretStr

import telephony
from telephony import Agent, Application, Capability, Level, SipTrunk, Trunk, TwilioAccount
from telephony._tables import matrix
from telephony.protocols import PhoneNumberProvider
from telephony.sandbox import Fault, VendorSandbox
from telephony.testing.fault_matrix import CALLS, Setup, place_call

from .checks import CHECKS
from .scenario import RETRY_AFTER, Act, Scenario

# How vendors word it, where they say so; elsewhere the response has no body.
_TOO_MANY = {
    "agentphone": '{"error": {"message": "Rate limit exceeded", "code": "RATE_LIMIT_EXCEEDED", '
    '"type": "rate_limit_error", "details": null}}',
    "elevenlabs": '{"detail": {"status": "system_busy", "message": "Too many requests"}}',
    "retell": '{"status": "error", "message": "Account rate limited, please throttle requests."}',
    "livekit": '{"code": "resource_exhausted", "msg": "rate limit exceeded"}',
    "twilio": '{"code": 20429, "message": "Too Many Requests", "status": 429, '
    '"more_info": "https://www.twilio.com/docs/errors/20429"}',
    "vapi": '{"message": "Rate limit exceeded", "error": "Too Many Requests", "statusCode": 429}',
}
# Where an id has a form, and another one is not asked for.
_UNKNOWN = {"livekit": "ST_000000000000/+14155550123"}


def _common(vendor: str) -> list[Scenario]:
    headers = {"Retry-After": str(RETRY_AFTER), "Content-Type": "application/json"}
    busy = Fault(
        kind="status", status=429, headers=headers, body=_TOO_MANY.get(vendor, ""), times=None
    )
    listed = CALLS[Capability.LIST_NUMBERS]
    wholes = [
        Scenario(vendor, operation, "", CALLS[operation], check=CHECKS[operation])
        for operation in offered(vendor)
    ]
    refusals = [
        Scenario(
            vendor, Capability.LIST_NUMBERS, "bad_key", listed,
            telephony.AuthenticationError, wrong_key=True,
        ),
        Scenario(
            vendor, Capability.LIST_NUMBERS, "rate_limited", listed,
            telephony.RateLimitedError, fault=busy,
        ),
        Scenario(
            vendor, Capability.GET_NUMBER, "unknown_id",
            lambda p, _: p.get_number(_UNKNOWN.get(vendor, "no_such_id")),
            telephony.NotFoundError,
        ),
    ]  # fmt: skip
    return [*wholes, *refusals]


def offered(vendor: str) -> list[Capability]:
    """Return the operations with requests that the vendor documents."""
    supports = matrix()[vendor]
    sold = {Capability.SEARCH_NUMBERS, Capability.PROVISION_NUMBER} if vendor == "livekit" else ()
    return [o for o in CHECKS if supports[o].level is not Level.NONE or o in sold]


def _again(operation: Capability) -> Act:
    """Return the same twice; what the second time brings is what counts."""
    return _after(operation, CALLS[operation])


def _after(operation: Capability, act: Act) -> Act:
    """`act` once `operation` has succeeded."""

    def both(provider: PhoneNumberProvider, made: Setup) -> object:
        try:
            CALLS[operation](provider, made)
        except telephony.ProviderError as early:
            raise AssertionError(f"{operation} was refused the first time") from early
        return act(provider, made)

    return both


def _import(number: str, **options: object) -> Act:
    def act(provider: PhoneNumberProvider, made: Setup) -> object:
        source = telephony.LinkedCarrier(made.carrier) if made.carrier else made.sample.source
        return provider.import_number(number, source=source, options=options)

    return act


def _assign(to: telephony.Target) -> Act:
    return lambda provider, made: provider.assign_number(made.number, to)


def _planted(name: str, value: object) -> Callable[[VendorSandbox], object]:
    return lambda vendor: setattr(vendor.account, name, value)


_TRUNK = SipTrunk(
    "sip.example.com",
    username="out",
    password="made-up-by-us",
    transport="tls",
    allowed_addresses=("192.0.2.0/24",),
    inbound_username="in",
    inbound_password="made-up-by-us-too",
)
_REFUSED = TwilioAccount(
    "AC" + "0e" * 16, api_key_sid="SK_bad", api_key_secret=SecretStr("made-up-by-us")
)
_NOBODY = "+14155550000"
_OWN_TWILIO = TwilioAccount("AC" + "0f" * 16, auth_token=SecretStr("made-up-by-us"))
_GATEWAYS = SipTrunk(
    "192.0.2.1", username="out", password="made-up-by-us", allowed_addresses=("192.0.2.0/24",)
)


def _agentphone() -> list[Scenario]:
    operation = Capability
    return [
        Scenario(
            "agentphone", operation.PROVISION_NUMBER, "no_quota",
            CALLS[operation.PROVISION_NUMBER], telephony.QuotaExceededError,
            plant=_planted("number_limit", 0),
        ),
        Scenario(
            "agentphone", operation.ASSIGN_NUMBER, "unknown_agent",
            _assign(Agent("agt_nobody")), telephony.NotFoundError,
        ),
        Scenario(
            "agentphone", operation.RELEASE_NUMBER, "unknown_id",
            lambda p, _: p.release_number("no_such_id"), telephony.NotFoundError,
        ),
        Scenario(
            "agentphone", operation.SEND_MESSAGE, "unregistered",
            CALLS[operation.SEND_MESSAGE], telephony.PermissionDeniedError,
            plant=_planted("campaign", "none"),
        ),
        Scenario(
            "agentphone", operation.SEND_MESSAGE, "invalid",
            lambda p, s: p.send_message(s.number, "nobody!", "Hello"),
            telephony.InvalidRequestError,
        ),
        Scenario(
            "agentphone", operation.PLACE_CALL, "wrong_agent",
            lambda p, s: p.place_call(s.number, s.other_party, agent="agt_nobody"),
            telephony.NotFoundError,
        ),
    ]  # fmt: skip


def _butter() -> list[Scenario]:
    operation = Capability
    return [
        Scenario(
            "butter", operation.IMPORT_NUMBER, "conflict",
            _again(operation.IMPORT_NUMBER), telephony.ConflictError,
        ),
        Scenario(
            "butter", operation.IMPORT_NUMBER, "invalid",
            _import(_NOBODY, phone_number="nonsense"), telephony.InvalidRequestError,
        ),
        Scenario(
            "butter", operation.IMPORT_NUMBER, "unknown_carrier",
            lambda p, s: p.import_number(s.importable, source=telephony.LinkedCarrier("int_0")),
            telephony.NotFoundError,
        ),
        Scenario(
            "butter", operation.ASSIGN_NUMBER, "unknown_agent",
            _assign(Agent("agent_0")), telephony.NotFoundError,
        ),
        Scenario(
            "butter", operation.ROTATE_CARRIER, "unknown_id",
            lambda p, s: p.rotate_carrier("int_0", s.sample.carrier), telephony.NotFoundError,
        ),
        Scenario(
            "butter", operation.UNLINK_CARRIER, "in_use",
            _after(operation.IMPORT_NUMBER, CALLS[operation.UNLINK_CARRIER]),
            telephony.ConflictError,
        ),
        Scenario(
            "butter", operation.PLACE_CALL, "unknown_agent",
            lambda p, s: p.place_call(s.number, s.other_party, agent="agent_0"),
            telephony.NotFoundError,
        ),
        Scenario(
            "butter", operation.GET_CALL, "unknown_id",
            lambda p, _: p.get_call("call_0"), telephony.NotFoundError,
        ),
        Scenario(
            "butter", operation.GET_RECORDING, "unknown_id",
            lambda p, _: p.get_recording("call_0"), telephony.NotFoundError,
        ),
    ]  # fmt: skip


def _buy_and_release(provider: PhoneNumberProvider, _: Setup) -> object:
    return provider.release_number(provider.provision_number(label="Desk"))


def _gone(result: telephony.Release, _: Setup) -> None:
    assert result.at_carrier is telephony.CarrierOutcome.RELEASED


def _call_twice_with_a_key(provider: PhoneNumberProvider, made: Setup) -> object:
    return [place_call(provider, made, key="ticket-88") for _ in range(2)]


def _once(result: list[telephony.Call], made: Setup) -> None:
    assert len({call.id for call in result}) == 1
    CHECKS[Capability.PLACE_CALL](result[1], made)


def _cartesia() -> list[Scenario]:
    operation = Capability
    return [
        Scenario(
            "cartesia", operation.IMPORT_NUMBER, "conflict",
            _again(operation.IMPORT_NUMBER), telephony.ConflictError,
        ),
        Scenario(
            "cartesia", operation.IMPORT_NUMBER, "not_held",
            _import(_NOBODY), telephony.InvalidRequestError,
        ),
        Scenario(
            "cartesia", operation.UPDATE_NUMBER, "invalid",
            lambda p, s: p.update_number(s.number, label="Desk", options={"label": 5}),
            telephony.InvalidRequestError,
        ),
        Scenario(
            "cartesia", operation.ASSIGN_NUMBER, "unknown_agent",
            _assign(Agent("agent_nobody")), telephony.NotFoundError,
        ),
        Scenario(
            "cartesia", operation.RELEASE_NUMBER, "assigned",
            lambda p, s: p.release_number(s.number), telephony.ConflictError,
        ),
        Scenario(
            "cartesia", operation.RELEASE_NUMBER, "bought", _buy_and_release, check=_gone,
        ),
        Scenario(
            "cartesia", operation.LINK_CARRIER, "sip_trunk",
            lambda p, _: p.link_carrier(_TRUNK, label="HQ"), check=CHECKS[operation.LINK_CARRIER],
        ),
        Scenario(
            "cartesia", operation.LINK_CARRIER, "conflict",
            _again(operation.LINK_CARRIER), telephony.ConflictError,
        ),
        Scenario(
            "cartesia", operation.LINK_CARRIER, "bad_credentials",
            lambda p, _: p.link_carrier(_REFUSED), telephony.InvalidRequestError,
        ),
        Scenario(
            "cartesia", operation.PLACE_CALL, "with_a_key", _call_twice_with_a_key, check=_once,
        ),
        Scenario(
            "cartesia", operation.PLACE_CALL, "no_agent",
            lambda p, s: p.place_call(s.number, s.other_party, agent="agent_nobody"),
            telephony.NotFoundError,
        ),
        Scenario(
            "cartesia", operation.GET_CALL, "unknown_id",
            lambda p, _: p.get_call("ac_none"), telephony.NotFoundError,
        ),
        Scenario(
            "cartesia", operation.END_CALL, "ended",
            _after(operation.END_CALL, CALLS[operation.END_CALL]),
            check=CHECKS[operation.END_CALL],
        ),
        Scenario(
            "cartesia", operation.END_CALL, "ringing",
            lambda p, s: p.end_call(place_call(p, s)), telephony.ConflictError,
        ),
        Scenario(
            "cartesia", operation.UNLINK_CARRIER, "in_use",
            _after(operation.IMPORT_NUMBER, CALLS[operation.UNLINK_CARRIER]),
            telephony.ConflictError,
        ),
    ]  # fmt: skip


def _elevenlabs() -> list[Scenario]:
    operation = Capability
    return [
        Scenario(
            "elevenlabs", operation.IMPORT_NUMBER, "conflict",
            _again(operation.IMPORT_NUMBER), telephony.ConflictError,
        ),
        Scenario(
            "elevenlabs", operation.IMPORT_NUMBER, "not_held",
            _import(_NOBODY), telephony.InvalidRequestError,
        ),
        Scenario(
            "elevenlabs", operation.IMPORT_NUMBER, "invalid",
            _import(_NOBODY, label=5), telephony.InvalidRequestError,
        ),
        Scenario(
            "elevenlabs", operation.IMPORT_NUMBER, "sip_trunk",
            lambda p, s: p.import_number(s.importable, source=_TRUNK),
            check=CHECKS[operation.IMPORT_NUMBER],
        ),
        Scenario(
            "elevenlabs", operation.ASSIGN_NUMBER, "unknown_agent",
            _assign(Agent("agent_nobody")), telephony.NotFoundError,
        ),
        Scenario(
            "elevenlabs", operation.RELEASE_NUMBER, "unknown_id",
            lambda p, _: p.release_number("no_such_id"), telephony.NotFoundError,
        ),
        Scenario(
            "elevenlabs", operation.PLACE_CALL, "refused",
            CALLS[operation.PLACE_CALL], telephony.InvalidRequestError,
            plant=_planted("refused", ["The carrier refused the call."]),
        ),
        Scenario(
            "elevenlabs", operation.PLACE_CALL, "with_a_key", _call_twice_with_a_key, check=_once,
        ),
        Scenario(
            "elevenlabs", operation.GET_CALL, "unknown_id",
            lambda p, _: p.get_call("no_such_id"), telephony.NotFoundError,
        ),
    ]  # fmt: skip


def _livekit() -> list[Scenario]:
    operation = Capability
    return [
        Scenario(
            "livekit", operation.IMPORT_NUMBER, "conflict",
            _again(operation.IMPORT_NUMBER), telephony.ConflictError,
        ),
        Scenario(
            "livekit", operation.RELEASE_NUMBER, "unknown_id",
            lambda p, _: p.release_number(_UNKNOWN["livekit"]), telephony.NotFoundError,
        ),
        Scenario(
            "livekit", operation.PLACE_CALL, "no_bridge",
            CALLS[operation.PLACE_CALL], telephony.UnavailableError,
            plant=_planted("has_bridge", False), natural=True,
        ),
    ]  # fmt: skip


def _retell() -> list[Scenario]:
    operation = Capability
    return [
        Scenario(
            "retell", operation.PROVISION_NUMBER, "no_payment",
            CALLS[operation.PROVISION_NUMBER], telephony.QuotaExceededError,
            plant=_planted("is_paid", False),
        ),
        Scenario(
            "retell", operation.PROVISION_NUMBER, "no_stock",
            lambda p, _: p.provision_number(area_code="999"), telephony.InvalidRequestError,
        ),
        Scenario(
            "retell", operation.IMPORT_NUMBER, "conflict",
            _again(operation.IMPORT_NUMBER), telephony.ConflictError,
        ),
        Scenario(
            "retell", operation.ASSIGN_NUMBER, "unknown_agent",
            _assign(Agent("agent_nobody")), telephony.NotFoundError,
        ),
        Scenario(
            "retell", operation.RELEASE_NUMBER, "unknown_number",
            lambda p, _: p.release_number("+14155550000"), telephony.NotFoundError,
        ),
        Scenario(
            "retell", operation.RELEASE_NUMBER, "bought", _buy_and_release, check=_gone,
        ),
        Scenario(
            "retell", operation.PLACE_CALL, "unknown_agent",
            lambda p, s: p.place_call(s.number, s.other_party, agent="agent_nobody"),
            telephony.NotFoundError,
        ),
        Scenario(
            "retell", operation.GET_CALL, "unknown_id",
            lambda p, _: p.get_call("call_0"), telephony.NotFoundError,
        ),
    ]  # fmt: skip


def _send_and_list(provider: PhoneNumberProvider, made: Setup) -> object:
    picture = "https://example.com/picture.png"
    provider.send_message(made.number, made.other_party, "Look", media=[picture])
    return list(provider.list_messages(made.number))


def _with_media(result: list[telephony.Message], made: Setup) -> None:
    CHECKS[Capability.LIST_MESSAGES](result, made)
    assert any(message.media for message in result)


def _twilio() -> list[Scenario]:
    operation = Capability
    return [
        Scenario(
            "twilio", operation.PROVISION_NUMBER, "taken",
            lambda p, _: p.provision_number(number="+15005550000"), telephony.ConflictError,
        ),
        Scenario(
            "twilio", operation.PROVISION_NUMBER, "invalid",
            lambda p, _: p.provision_number(number="+15005550001"), telephony.InvalidRequestError,
        ),
        Scenario(
            "twilio", operation.IMPORT_NUMBER, "not_held",
            _import(_NOBODY), telephony.NotFoundError,
        ),
        Scenario(
            "twilio", operation.ASSIGN_NUMBER, "unknown_application",
            _assign(Application("AP" + "0" * 32)), telephony.NotFoundError,
        ),
        Scenario(
            "twilio", operation.ASSIGN_NUMBER, "unknown_trunk",
            _assign(Trunk("TK" + "0" * 32)), telephony.NotFoundError,
        ),
        Scenario(
            "twilio", operation.RELEASE_NUMBER, "unknown_id",
            lambda p, _: p.release_number("PN" + "0" * 32), telephony.NotFoundError,
        ),
        Scenario(
            "twilio", operation.SEND_MESSAGE, "with_media", _send_and_list, check=_with_media,
        ),
        Scenario(
            "twilio", operation.SEND_MESSAGE, "invalid",
            lambda p, s: p.send_message(s.number, "+15005550001", "Hello"),
            telephony.InvalidRequestError,
        ),
        Scenario(
            "twilio", operation.PLACE_CALL, "invalid",
            lambda p, s: p.place_call(s.number, "+15005550001", url=s.sample.call_url),
            telephony.InvalidRequestError,
        ),
    ]  # fmt: skip


def _vapi() -> list[Scenario]:
    operation = Capability
    return [
        Scenario(
            "vapi", operation.PROVISION_NUMBER, "wrong_area_code",
            lambda p, _: p.provision_number(options={"numberDesiredAreaCode": "1"}),
            telephony.InvalidRequestError,
        ),
        Scenario(
            "vapi", operation.IMPORT_NUMBER, "conflict",
            _again(operation.IMPORT_NUMBER), telephony.ConflictError,
        ),
        Scenario(
            "vapi", operation.IMPORT_NUMBER, "not_held",
            _import(_NOBODY), telephony.InvalidRequestError,
        ),
        Scenario(
            "vapi", operation.IMPORT_NUMBER, "twilio",
            lambda p, s: p.import_number(s.importable, source=_OWN_TWILIO),
            check=CHECKS[operation.IMPORT_NUMBER],
        ),
        Scenario(
            "vapi", operation.ASSIGN_NUMBER, "unknown_assistant",
            _assign(Agent("00000000-0000-4000-8000-00000000ffff")), telephony.NotFoundError,
        ),
        Scenario(
            "vapi", operation.RELEASE_NUMBER, "unknown_id",
            lambda p, _: p.release_number("no_such_id"), telephony.NotFoundError,
        ),
        Scenario(
            "vapi", operation.PLACE_CALL, "unknown_assistant",
            lambda p, s: p.place_call(s.number, s.other_party, agent="no-such-assistant"),
            telephony.NotFoundError,
        ),
        Scenario(
            "vapi", operation.GET_CALL, "unknown_id",
            lambda p, _: p.get_call("no_such_id"), telephony.NotFoundError,
        ),
        Scenario(
            "vapi", operation.LINK_CARRIER, "sip_trunk",
            lambda p, _: p.link_carrier(_GATEWAYS), check=CHECKS[operation.LINK_CARRIER],
        ),
        Scenario(
            "vapi", operation.LINK_CARRIER, "invalid_gateway",
            lambda p, _: p.link_carrier(
                SipTrunk("sip.example.com"), options={"gateways": [{"ip": "sip.example.com"}]}
            ),
            telephony.InvalidRequestError,
        ),
        Scenario(
            "vapi", operation.UNLINK_CARRIER, "in_use",
            _after(operation.IMPORT_NUMBER, CALLS[operation.UNLINK_CARRIER]),
            telephony.ConflictError,
        ),
    ]  # fmt: skip


_SPECIAL = {
    "agentphone": _agentphone,
    "butter": _butter,
    "cartesia": _cartesia,
    "elevenlabs": _elevenlabs,
    "livekit": _livekit,
    "retell": _retell,
    "twilio": _twilio,
    "vapi": _vapi,
}
SCENARIOS = [
    scenario for vendor in matrix() for scenario in (*_common(vendor), *_SPECIAL[vendor]())
]
