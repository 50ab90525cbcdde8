"""Whether the sandbox responds as livekit-server itself does, refusals included.

``make real`` brings the server. Skipped without ``livekit-server`` and ``redis-server``, on the
PATH or where TELEPHONY_LIVEKIT_SERVER and TELEPHONY_REDIS_SERVER say.
"""

from __future__ import annotations

import json
import re

import httpx
import pytest
from livekit.api import AccessToken, SIPGrants, VideoGrants

pytestmark = pytest.mark.livekit_server

KEY, SECRET = "APIsandbox", "sandbox-secret-of-at-least-32-bytes"
NUMBER, OTHER, CALLEE = "+14155550123", "+14155550124", "+14155550199"
JSON = {"Content-Type": "application/json"}
NEWER = '"ringing_timeout_status": "SIP_STATUS_UNKNOWN", '
ADMIN = {"sip": SIPGrants(admin=True)}
CALL = {"sip": SIPGrants(call=True)}
ROOM = {"video": VideoGrants(room_admin=True, room="room-1")}
TRUNK = {"numbers": [NUMBER, OTHER], "name": "Desk", "auth_password": "p4ss-word"}
RULE = {"rule": {"dispatch_rule_individual": {"room_prefix": "call-", "pin": "2580"}}}

# What each response is called, so that later requests can name its id.
SCRIPT = [
    ("", "SIP/CreateSIPInboundTrunk", ADMIN, {}),
    ("", "SIP/CreateSIPInboundTrunk", ADMIN, {"trunk": {"name": "nothing"}}),
    ("", "SIP/CreateSIPInboundTrunk", ADMIN, {"trunk": {**TRUNK, "sip_trunk_id": "ST_1"}}),
    ("in", "SIP/CreateSIPInboundTrunk", ADMIN, {"trunk": TRUNK}),
    ("", "SIP/CreateSIPInboundTrunk", ADMIN, {"trunk": {"numbers": ["1 (415) 555-0123"]}}),
    ("", "SIP/CreateSIPInboundTrunk", ADMIN, {"trunk": {"numbers": [NUMBER], "new": 1}}),
    ("vip", "SIP/CreateSIPInboundTrunk", ADMIN,
     {"trunk": {"numbers": [NUMBER], "allowedNumbers": [CALLEE]}}),
    ("", "SIP/CreateSIPInboundTrunk", ADMIN,
     {"trunk": {"numbers": [NUMBER], "allowed_numbers": [CALLEE]}}),
    ("any", "SIP/CreateSIPInboundTrunk", ADMIN, {"trunk": {"auth_username": "u"}}),
    ("", "SIP/CreateSIPInboundTrunk", ADMIN, {"trunk": {"auth_username": "v"}}),
    ("", "SIP/CreateSIPOutboundTrunk", ADMIN, {}),
    ("", "SIP/CreateSIPOutboundTrunk", ADMIN, {"trunk": {"address": "a.example.com"}}),
    ("", "SIP/CreateSIPOutboundTrunk", ADMIN, {"trunk": {"numbers": [NUMBER]}}),
    ("", "SIP/CreateSIPOutboundTrunk", ADMIN,
     {"trunk": {"numbers": [NUMBER], "address": "sip:a.example.com"}}),
    ("", "SIP/CreateSIPOutboundTrunk", ADMIN,
     {"trunk": {"numbers": [NUMBER], "address": "a.example.com;transport=tls"}}),
    ("out", "SIP/CreateSIPOutboundTrunk", ADMIN,
     {"trunk": {"numbers": [NUMBER], "address": "a.example.com", "transport": "SIP_TRANSPORT_TLS",
                "media": {"encryption": "SIP_MEDIA_ENCRYPT_REQUIRE"}}}),
    ("", "SIP/GetSIPInboundTrunk", ADMIN, {"sip_trunk_id": "{in}"}),
    ("", "SIP/GetSIPInboundTrunk", ADMIN, {"sip_trunk_id": "{out}"}),
    ("", "SIP/GetSIPInboundTrunk", ADMIN, {}),
    ("", "SIP/GetSIPOutboundTrunk", ADMIN, {"sip_trunk_id": "{out}"}),
    ("", "SIP/ListSIPInboundTrunk", ADMIN, {"trunk_ids": ["{in}", "ST_none"]}),
    ("", "SIP/ListSIPInboundTrunk", ADMIN, {"numbers": ["14155550124"]}),
    ("", "SIP/ListSIPOutboundTrunk", ADMIN, {"numbers": ["14155550123"]}),
    ("", "SIP/ListSIPOutboundTrunk", ADMIN, {"page": {"limit": 1, "after_id": "{out}"}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN, {"sip_trunk_id": "{in}"}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN, {"update": {"name": "x"}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN, {"sip_trunk_id": "ST_no", "update": {"name": "x"}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN, {"sip_trunk_id": "{in}", "update": {"numbers": {}}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN,
     {"sip_trunk_id": "{in}", "update": {"numbers": {"set": ["1"], "add": ["2"]}}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN,
     {"sip_trunk_id": "{in}", "update": {"numbers": {"clear": True, "add": ["2"]}}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN,
     {"sip_trunk_id": "{in}", "update": {"numbers": {"add": [""]}}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN,
     {"sip_trunk_id": "{in}", "update": {"name": "Front", "numbers": {"remove": [OTHER]}}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN,
     {"sip_trunk_id": "{in}", "update": {"auth_password": "", "numbers": {"clear": True}}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN,
     {"sip_trunk_id": "{in}", "replace": {"sip_trunk_id": "ST_no", "numbers": [NUMBER]}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN, {"sip_trunk_id": "{in}", "replace": {}}),
    ("", "SIP/UpdateSIPInboundTrunk", ADMIN,
     {"sip_trunk_id": "{vip}", "replace": {"numbers": [NUMBER]}}),
    ("", "SIP/UpdateSIPOutboundTrunk", ADMIN, {"sip_trunk_id": "{in}", "update": {"name": "x"}}),
    ("", "SIP/UpdateSIPOutboundTrunk", ADMIN,
     {"sip_trunk_id": "{out}", "update": {"numbers": {"remove": [NUMBER]}}}),
    ("", "SIP/UpdateSIPOutboundTrunk", ADMIN,
     {"sip_trunk_id": "{out}", "update": {"address": "a@example.com"}}),
    ("", "SIP/UpdateSIPOutboundTrunk", ADMIN,
     {"sip_trunk_id": "{out}", "replace": {"numbers": [NUMBER]}}),
    ("", "SIP/CreateSIPDispatchRule", ADMIN, {}),
    ("", "SIP/CreateSIPDispatchRule", ADMIN, {"dispatch_rule": {"rule": {}}}),
    ("", "SIP/CreateSIPDispatchRule", ADMIN,
     {"dispatch_rule": {**RULE, "sip_dispatch_rule_id": "SDR_1"}}),
    ("rule", "SIP/CreateSIPDispatchRule", ADMIN,
     {"dispatch_rule": {**RULE, "trunk_ids": ["{in}"], "name": "Desk",
                        "room_config": {"agents": [{"agent_name": "reception"}]}}}),
    ("", "SIP/CreateSIPDispatchRule", ADMIN,
     {"dispatch_rule": {**RULE, "trunk_ids": ["{in}"]}}),
    ("own", "SIP/CreateSIPDispatchRule", ADMIN,
     {"dispatch_rule": {**RULE, "trunk_ids": ["{in}"], "numbers": [NUMBER]}}),
    ("", "SIP/ListSIPDispatchRule", ADMIN, {"trunk_ids": ["ST_none"]}),
    ("", "SIP/ListSIPDispatchRule", ADMIN, {"dispatch_rule_ids": ["{rule}"]}),
    ("", "SIP/UpdateSIPDispatchRule", ADMIN, {"sip_dispatch_rule_id": "{rule}"}),
    ("", "SIP/UpdateSIPDispatchRule", ADMIN, {"sip_dispatch_rule_id": "SDR_no", "replace": RULE}),
    ("", "SIP/UpdateSIPDispatchRule", ADMIN, {"sip_dispatch_rule_id": "{rule}", "replace": {}}),
    ("", "SIP/UpdateSIPDispatchRule", ADMIN,
     {"sip_dispatch_rule_id": "{rule}", "replace": {**RULE, "trunk_ids": ["{in}"],
                                                    "numbers": [NUMBER]}}),
    ("", "SIP/UpdateSIPDispatchRule", ADMIN,
     {"sip_dispatch_rule_id": "{rule}", "update": {"attributes": {"a": "1"}, "name": "New"}}),
    ("sent", "AgentDispatchService/CreateDispatch", ROOM,
     {"agent_name": "reception", "room": "room-1"}),
    ("", "AgentDispatchService/CreateDispatch", ROOM, {"agent_name": "sales", "room": "room-2"}),
    ("", "AgentDispatchService/DeleteDispatch", ROOM,
     {"dispatch_id": "{sent}", "room": "room-1"}),
    ("", "AgentDispatchService/DeleteDispatch", ROOM,
     {"dispatch_id": "{sent}", "room": "room-1"}),
    ("", "SIP/CreateSIPParticipant", ADMIN, {}),
    ("", "SIP/CreateSIPParticipant", CALL, {}),
    ("", "SIP/CreateSIPParticipant", CALL, {"sip_trunk_id": "{out}"}),
    ("", "SIP/CreateSIPParticipant", CALL, {"sip_trunk_id": "{out}", "sip_call_to": "a@b"}),
    ("", "SIP/CreateSIPParticipant", CALL, {"sip_trunk_id": "{out}", "sip_call_to": CALLEE}),
    ("", "SIP/CreateSIPParticipant", CALL,
     {"sip_trunk_id": "ST_no", "sip_call_to": CALLEE, "room_name": "room-1"}),
    ("", "SIP/CreateSIPParticipant", CALL,
     {"sip_trunk_id": "{out}", "sip_call_to": CALLEE, "room_name": "room-1"}),
    ("", "SIP/TransferSIPParticipant", {**CALL, **ROOM},
     {"participant_identity": "a", "room_name": "room-1", "transfer_to": CALLEE}),
    ("", "SIP/TransferSIPParticipant", {**CALL, **ROOM},
     {"participant_identity": "a", "room_name": "room-1", "transfer_to": f"tel:{CALLEE}"}),
    ("", "SIP/DeleteSIPDispatchRule", ADMIN, {}),
    ("", "SIP/DeleteSIPDispatchRule", ADMIN, {"sip_dispatch_rule_id": "{own}"}),
    ("", "SIP/DeleteSIPDispatchRule", ADMIN, {"sip_dispatch_rule_id": "{own}"}),
    ("", "SIP/DeleteSIPDispatchRule", ADMIN, {"sip_dispatch_rule_id": "{rule}"}),
    ("", "SIP/DeleteSIPTrunk", ADMIN, {}),
    *(("", "SIP/DeleteSIPTrunk", ADMIN, {"sip_trunk_id": name})
      for name in ("{in}", "{in}", "{out}", "{vip}", "{any}")),
    ("", "SIP/ListSIPInboundTrunk", ADMIN, {}),
    ("", "SIP/ListSIPInboundTrunk", {}, {}),
    ("", "SIP/NoSuchMethod", ADMIN, {}),
    ("", "NoSuchService/NoSuchMethod", ADMIN, {}),
]  # fmt: skip


def rule(name="", agent="team", pin="", **fields):
    """Make a rule, and call it `name`; nothing of it is asked when it is refused."""
    kind = {"dispatch_rule_individual": {"room_prefix": "call-", "pin": pin}}
    made = {"rule": kind, "room_config": {"agents": [{"agent_name": agent}]}, **fields}
    return (name, "SIP/CreateSIPDispatchRule", ADMIN, {"dispatch_rule": made})


def replaced(name, pin="", **fields):
    kind = {"dispatch_rule_individual": {"room_prefix": "call-", "pin": pin}}
    body = {"sip_dispatch_rule_id": f"{{{name}}}", "replace": {"rule": kind, **fields}}
    return ("", "SIP/UpdateSIPDispatchRule", ADMIN, body)


def trunk(name, **fields):
    return (name, "SIP/CreateSIPInboundTrunk", ADMIN, {"trunk": fields})


def updated(name, **fields):
    body = {"sip_trunk_id": f"{{{name}}}", "update": fields}
    return ("", "SIP/UpdateSIPInboundTrunk", ADMIN, body)


BARE = NUMBER.removeprefix("+")
# Who may answer the numbers of trunks that several share, and what excludes what.
ROUTES = [
    trunk("shared", numbers=[NUMBER, OTHER]),
    trunk("far", numbers=[CALLEE]),
    trunk("", numbers=[f" {BARE[:1]} ({BARE[1:4]}) {BARE[4:7]}-{BARE[7:]}"]),
    # Both spellings of one number exclude each other, even in one rule.
    rule(trunk_ids=["{shared}"], numbers=[NUMBER, BARE]),
    rule(trunk_ids=["{shared}", "{shared}"]),
    rule(inbound_numbers=[CALLEE, CALLEE.removeprefix("+")]),
    rule("wide", trunk_ids=["{shared}"]),
    rule(trunk_ids=["{shared}"]),
    rule("one", trunk_ids=["{shared}"], numbers=[NUMBER]),
    rule(trunk_ids=["{shared}"], numbers=[BARE]),
    rule(trunk_ids=["{shared}"], numbers=[OTHER, NUMBER]),
    rule("vip", trunk_ids=["{shared}"], numbers=[NUMBER], inbound_numbers=[CALLEE]),
    rule(trunk_ids=["{shared}"], numbers=[NUMBER], inbound_numbers=[CALLEE.removeprefix("+")]),
    # A PIN makes room for another rule beside the open one, and another PIN for a third.
    rule("pinned", pin="2580", trunk_ids=["{shared}"]),
    rule(pin="2580", trunk_ids=["{shared}"]),
    rule("other", pin="1357", trunk_ids=["{shared}"]),
    # Rules for all trunks exclude only one another.
    rule("any"),
    rule(),
    rule("anynumber", numbers=[NUMBER]),
    rule(numbers=[BARE]),
    # One rule over two trunks.
    rule(trunk_ids=["{shared}", "{far}"]),
    rule("both", trunk_ids=["{shared}", "{far}"], numbers=[OTHER, CALLEE]),
    rule(trunk_ids=["{far}"], numbers=[CALLEE]),
    replaced("both", trunk_ids=["{shared}"], numbers=[OTHER]),
    rule("freed", trunk_ids=["{far}"], numbers=[CALLEE]),
    replaced("one", trunk_ids=["{shared}"], numbers=[NUMBER, OTHER]),
    replaced("one", trunk_ids=["{shared}"], numbers=[NUMBER, BARE]),
    replaced("one", trunk_ids=["{shared}"], numbers=[BARE]),
    # Moved to another trunk alone it is not compared with anything there.
    replaced("freed", trunk_ids=["{shared}"], numbers=[OTHER]),
    replaced("freed", trunk_ids=["{far}"], numbers=[CALLEE]),
    ("", "SIP/UpdateSIPDispatchRule", ADMIN,
     {"sip_dispatch_rule_id": "{one}", "update": {"trunk_ids": {"add": ["{far}"]}}}),
    ("", "SIP/UpdateSIPDispatchRule", ADMIN,
     {"sip_dispatch_rule_id": "{one}", "update": {"trunk_ids": {"clear": True}}}),
    # Trunks for the same number, for other callers each.
    trunk("vips", numbers=[NUMBER], allowed_numbers=[CALLEE]),
    trunk("", numbers=[BARE], allowed_numbers=[OTHER, CALLEE.removeprefix("+")]),
    trunk("", numbers=[NUMBER, OTHER]),
    trunk("wild", allowed_addresses=["192.0.2.0/24"]),
    trunk("", auth_username="u", auth_password="p4ss-word"),
    # The last number cannot go, unless something else protects the trunk.
    updated("shared", numbers={"remove": [BARE]}),
    updated("shared", numbers={"remove": [NUMBER]}),
    updated("shared", numbers={"remove": [OTHER]}),
    updated("shared", numbers={"add": [CALLEE]}),
    updated("shared", numbers={"add": ["*", "alice"]}),
    *(("", "SIP/DeleteSIPDispatchRule", ADMIN, {"sip_dispatch_rule_id": f"{{{name}}}"})
      for name in ("wide", "one", "vip", "pinned", "other", "any", "anynumber", "both", "freed")),
    *(("", "SIP/DeleteSIPTrunk", ADMIN, {"sip_trunk_id": f"{{{name}}}"})
      for name in ("shared", "far", "vips", "wild")),
    ("", "SIP/ListSIPDispatchRule", ADMIN, {}),
    ("", "SIP/ListSIPInboundTrunk", ADMIN, {}),
]  # fmt: skip


@pytest.mark.parametrize("script", [SCRIPT, ROUTES], ids=["everything", "routes"])
def test_the_sandbox_responds_as_the_server_does(telephony_sandbox, livekit_server, script):
    telephony_sandbox.vendors["livekit"].account.has_bridge = False

    ours = responses(telephony_sandbox.base_url("livekit"), script)
    theirs = responses(livekit_server.replace("ws", "http", 1), script)

    different = {
        f"{place} {method} {json.dumps(body)}": (our, their)
        for place, ((_, method, _, body), our, their) in enumerate(
            zip(script, ours, theirs, strict=True)
        )
        if our != their
    }
    assert different == {}


def test_the_sandbox_refuses_what_the_server_refuses(telephony_sandbox, livekit_server):
    for change in ({"content": b"{"}, {"method": "GET"}, {"kind": "text/plain"}, *BAD_TOKENS):
        ours = respond(telephony_sandbox.base_url("livekit"), **change)
        theirs = respond(livekit_server.replace("ws", "http", 1), **change)
        assert ours == theirs, change


BAD_TOKENS = (
    {"authorization": ""},
    {"authorization": "Bearer x.y"},
    {"authorization": "Basic eA=="},
    {"authorization": f"Bearer {AccessToken('APIother', SECRET).to_jwt()}"},
    {"content": b"\xff", "kind": "application/protobuf"},
)


def responses(base_url, script):
    """Return the status and body of each response, ids replaced by the order of their coming."""
    named, known = {}, {}

    def anonymous(found):
        return known.setdefault(found[0], f"{found[1]}_{len(known)}")

    results = []
    with httpx.Client() as client:
        for name, method, grants, body in script:
            text = json.dumps(body)
            for key, value in named.items():
                text = text.replace(f"{{{key}}}", value)
            response = client.post(
                f"{base_url}/twirp/livekit.{method}",
                content=text,
                headers={"Authorization": f"Bearer {token(grants)}", **JSON},
            )
            shown = response.text
            if name:
                named[name] = next(iter(response.json().values()))
            if response.headers["content-type"] == "application/json":
                shown = response.json()
                if "items" in shown:
                    # Sorted by ids, which are drawn by lot.
                    shown["items"].sort(
                        key=lambda item: list(named.values()).index(next(iter(item.values())))
                    )
                if "state" in shown:
                    shown["state"]["created_at"] = "now"
                if "msg" in shown:
                    # Which of two that exclude one another comes first depends on the ids too,
                    # and with it whose numbers are named.
                    shown["msg"] = re.sub(r'"(<new>|(ST|SDR)_\w+)"', "one", shown["msg"])
                    shown["msg"] = re.sub(r"(using the same number).*", r"\1", shown["msg"])
                # Newer than the server.
                shown = json.dumps(shown, sort_keys=True).replace(NEWER, "")
            shown = re.sub(r"\b(ST|SDR|AD)_[A-Za-z0-9]{12}\b", anonymous, shown)
            results.append((response.status_code, shown))
    return results


def respond(base_url, *, method="POST", content=b"{}", kind="application/json", authorization=None):
    headers = {"Content-Type": kind, "Authorization": authorization or f"Bearer {token(ADMIN)}"}
    if authorization == "":
        del headers["Authorization"]
    found = httpx.request(
        method,
        f"{base_url}/twirp/livekit.SIP/ListSIPInboundTrunk",
        content=content,
        headers=headers,
    )
    return found.status_code, found.headers["content-type"].partition(";")[0], found.text


def token(grants):
    made = AccessToken(KEY, SECRET)
    if "sip" in grants:
        made.with_sip_grants(grants["sip"])
    if "video" in grants:
        made.with_grants(grants["video"])
    return made.to_jwt()
