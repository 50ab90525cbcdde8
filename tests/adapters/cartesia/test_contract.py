"""Our requests, against Cartesia's published schema (version 2026-03-01).

Written out from the OpenAPI document of docs.cartesia.ai, and strict: a field that it does not name
fails.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from telephony import LinkedCarrier, SipTrunk, TwilioAccount
from telephony.sandbox.calls import RINGS

from ..contract import E164, MOMENT, closed, conforms, null_or, route_of

AGENT, OTHER = "agent_reception", "agent_sales"
SECRETS = {"api_key_sid": "SK" + "1a" * 16, "api_key_secret": "s3cret-of-twilio"}
SID = "AC" + "0f" * 16

TEXT = {"type": "string"}
HTTPS = {"type": "string", "pattern": "^https://"}
SOME_TEXT = {"type": "string", "minLength": 1}
TEXTS = {"type": "array", "items": TEXT}
REGION = {"enum": ["us1", "ie1", "au1"]}
MEDIA_ENCRYPTION = {"enum": ["disabled", "allowed", "required"]}
TRANSPORT = {"enum": ["tcp", "tls"]}
COUNTRY = {"type": "string", "pattern": "^[A-Z]{2}$"}


IMPORT = closed(
    {
        "label": TEXT,
        "number": E164,
        "provider": {
            "oneOf": [
                closed({"id": TEXT}),
                closed({"type": {"const": "twilio"}, "account_sid": TEXT}, {"region": REGION}),
            ]
        },
    },
    {"agent_id": TEXT},
)
PROVISION = closed({"label": TEXT}, {"agent_id": TEXT})
UPDATE = {
    **closed({}, {"label": TEXT, "agent_id": null_or(TEXT), "provider": closed({"id": TEXT})}),
    "minProperties": 1,
}
TWILIO_KEY = {"type": {"const": "twilio"}, "api_key_sid": SOME_TEXT, "api_key_secret": SOME_TEXT}
LINK_TWILIO = closed(
    {**TWILIO_KEY, "account_sid": SOME_TEXT}, {"region": REGION, "label": SOME_TEXT}
)
# Neither the account nor the label of a Twilio link can be changed.
ROTATE_TWILIO = closed(TWILIO_KEY, {"region": REGION})
LOGIN = closed({"username": TEXT, "password": TEXT})
INBOUND = {
    "credentials": LOGIN,
    "allowed_addresses": TEXTS,
    "allowed_numbers": TEXTS,
    "media_encryption": MEDIA_ENCRYPTION,
}
OUTBOUND_EXTRAS = {
    "destination_country": COUNTRY,
    "media_encryption": MEDIA_ENCRYPTION,
    "credentials": LOGIN,
}
LINK_SIP = {
    **closed(
        {"type": {"const": "sip_trunk"}, "label": SOME_TEXT},
        {
            "inbound": closed({}, INBOUND),
            "outbound": closed({"address": TEXT, "transport": TRANSPORT}, OUTBOUND_EXTRAS),
        },
    ),
    "anyOf": [{"required": ["inbound"]}, {"required": ["outbound"]}],
}
# A merge patch: what is left out stays; a login needs its name, and keeps its password without one.
KEPT_LOGIN = closed({"username": TEXT}, {"password": TEXT})
ROTATE_SIP = closed(
    {"type": {"const": "sip_trunk"}},
    {
        "label": SOME_TEXT,
        "inbound": closed({}, {**INBOUND, "credentials": null_or(KEPT_LOGIN)}),
        "outbound": closed(
            {},
            {
                "address": TEXT,
                "transport": TRANSPORT,
                "destination_country": null_or(COUNTRY),
                "media_encryption": MEDIA_ENCRYPTION,
                "credentials": null_or(KEPT_LOGIN),
            },
        ),
    },
)
CALL = closed(
    {
        "from_number_id": TEXT,
        "agent_id": TEXT,
        "outbound_calls": {
            "type": "array",
            "minItems": 1,
            "items": closed({"to_number": E164}, {"metadata": {"type": "object"}}),
        },
    },
    {
        "ringing_timeout_seconds": {"type": "integer", "minimum": 5, "maximum": 80},
        "max_call_duration_minutes": {"type": "integer"},
    },
)

# What each route takes; None: nothing.
BODIES = {
    "GET /agents/phone-numbers": None,
    "POST /agents/phone-numbers": IMPORT,
    "POST /agents/phone-numbers/provision": PROVISION,
    "GET /agents/phone-numbers/providers": None,
    "POST /agents/phone-numbers/providers": {"oneOf": [LINK_TWILIO, LINK_SIP]},
    "GET /agents/phone-numbers/providers/{}": None,
    "PATCH /agents/phone-numbers/providers/{}": {"oneOf": [ROTATE_TWILIO, ROTATE_SIP]},
    "DELETE /agents/phone-numbers/providers/{}": None,
    "GET /agents/phone-numbers/{}": None,
    "PATCH /agents/phone-numbers/{}": UPDATE,
    "DELETE /agents/phone-numbers/{}": None,
    "POST /agents/calls": CALL,
    "GET /agents/calls": None,
    "GET /agents/calls/{}": None,
    "POST /agents/calls/{}/cancel": None,
    "GET /agents/calls/{}/audio": None,
    "GET /agents": None,
    "GET /v1/agents": None,
    "POST /agents/webhooks": closed({"url": HTTPS, "secret": TEXT}, {"display_name": TEXT}),
    "GET /agents/webhooks/{}": None,
    "PATCH /agents/webhooks/{}": closed({}, {"url": HTTPS, "secret": TEXT, "display_name": TEXT}),
}
PAGING = {"starting_after": ".+", "ending_before": ".+", "limit": r"[1-9]\d?|100"}
# And what in the query, as regular expressions.
QUERIES = {
    "GET /agents/phone-numbers": {
        "agent_id": ".+",
        "provider_id": ".+",
        "type": "twilio|cartesia|sip_trunk",
        "q": ".+",
        **PAGING,
    },
    "GET /agents/phone-numbers/providers": {"type": "twilio|sip_trunk", "account_sid": ".+"},
    "GET /agents/calls": {
        "agent_id": ".+",
        "batch_id": ".+",
        "start_time_gte": MOMENT["pattern"],
        "start_time_lte": MOMENT["pattern"],
        "expand": "transcript",
        **PAGING,
    },
    "GET /v1/agents": {"q": ".+", **PAGING},
}


def everything(provider, advance):
    """Every operation that reaches the vendor, with every argument that has a field."""
    account = TwilioAccount(SID, **SECRETS)
    linked = provider.link_carrier(account, label="EU lines")
    spare = provider.link_carrier(TwilioAccount(SID, "ie1", **SECRETS))
    provider.rotate_carrier(linked, account)
    provider.rotate_carrier(spare, TwilioAccount(SID, "ie1", **SECRETS))
    trunk = SipTrunk(
        "sip.example.com",
        username="out",
        password="0utbound-pass",
        transport="tls",
        media_encryption="required",
        allowed_addresses=("192.0.2.0/24",),
        allowed_numbers=("+14155550198",),
        inbound_username="in",
        inbound_password="inb0und-pass",
        destination_country="IE",
    )
    hq = provider.link_carrier(trunk, label="HQ")
    provider.link_carrier(SipTrunk("sip.example.net"))
    provider.link_carrier(SipTrunk(allowed_addresses=("192.0.2.0/24",)))
    provider.rotate_carrier(hq, SipTrunk(inbound_username="in", inbound_password="n3w-pass"))
    assert len(list(provider.list_carriers())) == 5

    provider.import_number("+14155550101", source=LinkedCarrier(linked.id), label="Desk")
    provider.import_number("+14155550102", source=TwilioAccount(SID), assign_to=AGENT)
    provider.import_number("+14155550103", source=TwilioAccount(SID, "ie1"))
    provider.import_number("+14155550104", source=LinkedCarrier(hq.id))
    bought = provider.provision_number(label="Own", assign_to=AGENT, idempotency_key="order-17")
    provider.provision_number()
    assert len(list(provider.list_numbers())) == 6
    assert len(list(provider.list_numbers(limit=2))) == 2
    provider.get_number("+14155550101")
    provider.get_number(bought.id)
    provider.update_number("+14155550101", label="Front desk")
    provider.assign_number("+14155550101", AGENT)
    provider.assign_number("+14155550101", OTHER)
    provider.place_call("+14155550101", "+14155550199")
    provider.place_call(
        bought, "+14155550199", agent=OTHER, options={"ringing_timeout_seconds": 30}
    )
    call = provider.place_call(
        bought, "+14155550199", metadata={"ticket": "88"}, timeout=30, idempotency_key="call-17"
    )
    advance(RINGS)
    provider.end_call(call)
    provider.end_call(call)
    provider.get_call(call)
    provider.get_transcript(call)
    provider.get_recording(call)
    noon = datetime(2026, 5, 1, 12, 30, 15, 250, tzinfo=UTC)
    assert len(list(provider.list_calls(bought, after=noon))) == 2
    assert list(provider.list_calls(before=noon, limit=3)) == []
    provider.unassign_number("+14155550101")
    provider.release_number("+14155550101")
    provider.release_number(bought, unassign=True)
    provider.release_number("+14155550103")
    provider.unlink_carrier(spare)
    hook = provider.set_webhook("https://example.com/1", options={"display_name": "Calls"})
    provider.set_webhook("https://example.com/2", of=hook.id, replace=True)


def test_every_request_is_a_documented_one(telephony_connect, telephony_sandbox):
    for version in ("2026-03-01", "2026-08-14"):
        provider = telephony_connect("cartesia", version=version)
        assert len(list(provider.list_targets(limit=1))) == 1
    everything(provider, lambda seconds: telephony_sandbox.advance("cartesia", seconds))

    used = set()
    for request in telephony_sandbox.requests("cartesia"):
        name = route_of(BODIES, request.method, request.path.removeprefix("/cartesia"))
        used.add(name)
        assert request.headers["authorization"].startswith("Bearer sk_car_")
        assert re.fullmatch(r"\d{4}-\d\d-\d\d", request.headers["cartesia-version"])
        for key, value in request.query:
            assert re.fullmatch(QUERIES[name][key], value)
        if BODIES[name] is None:
            assert request.content == b""
        else:
            assert request.headers["content-type"] == "application/json"
            conforms(request.json(), BODIES[name])
    assert used == set(BODIES)
