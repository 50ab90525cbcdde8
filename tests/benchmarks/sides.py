"""The same work done by telephony, by the vendor's own SDK and by httpx and `json` alone.

The last is the floor: what moving and reading these very answers costs, without making anything of
them. Each side connects once, and then lists as often as it is asked to.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import httpx

import telephony
from telephony.sandbox.installed import vendors

from .server import NUMBER

Items = Callable[[], Iterator[object]]
Side = Callable[[str], AbstractContextManager[Items]]

_PAGE = 1000
_PUNCTUATION = re.compile(r"[-+ ()]")


@dataclass(frozen=True)
class Listing:
    """One listing, done by each side. The SDKs get the page size that telephony uses."""

    name: str
    ours: Side
    sdk: Side
    floor: Side


def settings(url: str, vendor: str) -> dict[str, str]:
    """Return what connects telephony to the server at `url`."""
    return dict(vendors([vendor])[vendor].settings(f"{url}/{vendor}"))


# --- Twilio --------------------------------------------------------------------------------------


def twilio_client(url: str):
    """Return the SDK, its own requests session included; only the host is another."""
    from twilio.http.http_client import TwilioHttpClient
    from twilio.rest import Client

    known = settings(url, "twilio")

    class ToServer(TwilioHttpClient):
        def request(self, method, uri, *rest, **named):
            here = uri.replace("https://api.twilio.com", known["base_url"])
            return super().request(method, here, *rest, **named)

    login = known["account_sid"], known["auth_token"]
    return Client(*login, http_client=ToServer(), environment={"": ""})


def _twilio_floor(resource: str, *filters: str) -> Side:
    @contextmanager
    def side(url: str) -> Iterator[Items]:
        known = settings(url, "twilio")
        login = known["account_sid"], known["auth_token"]
        base, start = known["base_url"], f"/2010-04-01/Accounts/{login[0]}/{resource}.json?"

        def items() -> Iterator[object]:
            for each in filters:
                link = f"{start}{each}PageSize={_PAGE}"
                while link:
                    page = json.loads(client.get(base + link).content)
                    yield from next(value for value in page.values() if isinstance(value, list))
                    link = page["next_page_uri"]

        with httpx.Client(auth=login) as client:
            yield items

    return side


@contextmanager
def _twilio_messages(url: str) -> Iterator[Items]:
    with telephony.connect("twilio", **settings(url, "twilio")) as provider:
        yield lambda: provider.list_messages(NUMBER)


@contextmanager
def _twilio_sdk_messages(url: str) -> Iterator[Items]:
    client = twilio_client(url)

    def items() -> Iterator[object]:
        yield from client.messages.stream(to=NUMBER, page_size=_PAGE)
        yield from client.messages.stream(from_=NUMBER, page_size=_PAGE)

    yield items


@contextmanager
def _twilio_numbers(url: str) -> Iterator[Items]:
    with telephony.connect("twilio", **settings(url, "twilio")) as provider:
        yield provider.list_numbers


@contextmanager
def _twilio_sdk_numbers(url: str) -> Iterator[Items]:
    client = twilio_client(url)
    yield lambda: client.incoming_phone_numbers.stream(page_size=_PAGE)


# --- AgentPhone ----------------------------------------------------------------------------------


@contextmanager
def _agentphone(url: str) -> Iterator[Items]:
    with telephony.connect("agentphone", **settings(url, "agentphone")) as provider:
        number = next(provider.list_numbers(limit=1))
        yield lambda: provider.list_messages(number)


@contextmanager
def _agentphone_sdk(url: str) -> Iterator[Items]:
    import agentphone

    known = settings(url, "agentphone")
    with agentphone.AgentPhone(known["api_key"], base_url=known["base_url"]) as client:
        number = client.numbers.list(limit=1).data[0].id

        def items() -> Iterator[object]:
            before = None
            while True:
                page = client.numbers.get_messages(number, limit=200, before=before)
                yield from page.data
                if not page.has_more:
                    return
                before = page.data[-1].received_at

        yield items


@contextmanager
def _agentphone_floor(url: str) -> Iterator[Items]:
    known = settings(url, "agentphone")
    headers = {"Authorization": f"Bearer {known['api_key']}"}
    with httpx.Client(base_url=known["base_url"], headers=headers) as client:
        number = client.get("/v1/numbers?limit=1").json()["data"][0]["id"]

        def items() -> Iterator[object]:
            link = f"/v1/numbers/{number}/messages?limit=200"
            while True:
                page = json.loads(client.get(link).content)
                yield from page["data"]
                if not page["hasMore"]:
                    return
                # As telephony does: a second more, so that nothing of one moment is missed.
                oldest = datetime.fromisoformat(page["data"][-1]["receivedAt"])
                later = (oldest + timedelta(seconds=1)).astimezone(UTC).isoformat()
                before = later.replace("+00:00", "Z")
                link = f"/v1/numbers/{number}/messages?limit=200&before={before}"

        yield items


# --- LiveKit -------------------------------------------------------------------------------------


@contextmanager
def _livekit(url: str) -> Iterator[Items]:
    known = {**settings(url, "livekit"), "phone_numbers": False}
    with telephony.connect("livekit", **known) as provider:
        yield provider.list_numbers


def _livekit_sdk(join: Callable[..., Iterator[object]]) -> Side:
    @contextmanager
    def side(url: str) -> Iterator[Items]:
        from livekit import api

        known = settings(url, "livekit")
        login = known["base_url"], known["api_key"], known["api_secret"]

        async def opened() -> api.LiveKitAPI:
            return api.LiveKitAPI(*login)

        async def listed():
            return (
                await client.sip.list_outbound_trunk(api.ListSIPOutboundTrunkRequest()),
                await client.sip.list_dispatch_rule(api.ListSIPDispatchRuleRequest()),
                await client.sip.list_inbound_trunk(api.ListSIPInboundTrunkRequest()),
            )

        with asyncio.Runner() as runner:
            client = runner.run(opened())
            yield lambda: join(*(found.items for found in runner.run(listed())))
            runner.run(client.aclose())

    return side


def _trunks(_outbound, _rules, inbound) -> Iterator[object]:
    return iter(inbound)


def _joined(outbound, rules, inbound) -> Iterator[object]:
    """Join by hand what telephony says of each number, as a careful user does."""
    dialling: dict[str, list[str]] = {}
    for trunk in outbound:
        for number in map(_written, trunk.numbers):
            dialling.setdefault(number, []).append(trunk.sip_trunk_id)
    by_trunk: dict[str, list[object]] = {}
    for rule in rules:
        for trunk_id in rule.trunk_ids or [""]:
            by_trunk.setdefault(trunk_id, []).append(rule)
    for trunk in inbound:
        near = [*by_trunk.get(trunk.sip_trunk_id, ()), *by_trunk.get("", ())]
        for number in map(_written, trunk.numbers):
            met = [
                rule for rule in near if not rule.numbers or number in map(_written, rule.numbers)
            ]
            rule = min(met, key=_first, default=None)
            agents = rule.room_config.agents if rule is not None else ()
            yield {
                "id": trunk.sip_trunk_id,
                "number": number,
                "label": trunk.name or None,
                "agent": agents[0].agent_name if agents else None,
                "room": rule.rule.dispatch_rule_direct.room_name if rule is not None else None,
                "dials with": dialling.pop(number, []),
            }
    for number, trunk_ids in dialling.items():
        yield {"id": trunk_ids[0], "number": number, "dials with": trunk_ids}


def _written(number: str) -> str:
    """Return a number as LiveKit compares it: trunks have it with a plus and without."""
    return "+" + _PUNCTUATION.sub("", number)


def _first(rule) -> tuple[bool, bool, bool]:
    return bool(rule.inbound_numbers), not rule.trunk_ids, not rule.numbers


@contextmanager
def _livekit_floor(url: str) -> Iterator[Items]:
    from livekit import api

    known = settings(url, "livekit")
    grants = api.SIPGrants(admin=True)
    token = api.AccessToken(known["api_key"], known["api_secret"]).with_sip_grants(grants)
    headers = {"Authorization": f"Bearer {token.to_jwt()}"}

    def items() -> Iterator[object]:
        for kind in ("OutboundTrunk", "DispatchRule", "InboundTrunk"):
            answer = client.post(f"/twirp/livekit.SIP/ListSIP{kind}", json={"page": {"limit": 100}})
            found = json.loads(answer.content)["items"]
        yield from found

    with httpx.Client(base_url=known["base_url"], headers=headers) as client:
        yield items


LISTINGS = (
    Listing(
        "messages, Twilio",
        _twilio_messages,
        _twilio_sdk_messages,
        _twilio_floor("Messages", f"To=%2B{NUMBER[1:]}&", f"From=%2B{NUMBER[1:]}&"),
    ),
    Listing(
        "numbers, Twilio",
        _twilio_numbers,
        _twilio_sdk_numbers,
        _twilio_floor("IncomingPhoneNumbers", ""),
    ),
    Listing("messages, AgentPhone", _agentphone, _agentphone_sdk, _agentphone_floor),
    Listing("numbers, LiveKit", _livekit, _livekit_sdk(_joined), _livekit_floor),
    Listing("bare trunks, LiveKit", _livekit, _livekit_sdk(_trunks), _livekit_floor),
)
