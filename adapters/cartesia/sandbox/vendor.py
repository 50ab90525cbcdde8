"""Cartesia's documented API on loopback. Source: docs.cartesia.ai, version 2026-03-01."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import JsonValue, SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from telephony.model import Agent, TwilioAccount
from telephony.sandbox.vendor import (
    Json,
    Refusal,
    Sample,
    State,
    VendorSandbox,
    body_of,
    iso,
    route,
)

from . import webhooks
from .input import Calls, Import, Provision, SipTrunk, Twilio, checked, invalid, refusal

_KEY = "sk_car_sandbox"
_PLAN_SLOTS = 1000


class CartesiaSandbox(VendorSandbox):
    """A workspace with two agents and no numbers.

    A linked Twilio account holds every number, except those that end in 0000. Credentials whose
    key sid ends in ``bad`` are refused.

    Attributes:
        fail_next_assignment: the next import with an agent imports, assigns nothing, answers 400.
        webhooks: see `Webhooks`.
        next_call_answer: the body of the next answer to a call, which is then not placed.
    """

    name: ClassVar[str] = "cartesia"
    too_many = refusal(429, "Too many requests")

    def __init__(self) -> None:
        self.state = State(seed=0xCA)
        self.agents: dict[str, str] = {"agent_reception": "Reception", "agent_sales": "Sales"}
        self.numbers: dict[str, Json] = {}
        self.carriers: dict[str, Json] = {}
        self.fail_next_assignment = False
        self.next_call_answer: str | None = None
        self.webhooks = webhooks.Webhooks(self.state)
        self.sample = Sample(
            target=Agent("agent_reception"),
            other_target=Agent("agent_sales"),
            carrier=TwilioAccount(
                "AC" + "0f" * 16,
                api_key_sid="SK" + "1a" * 16,
                api_key_secret=SecretStr("sandbox-secret"),
            ),
            unimportable="+14155550000",
            webhook_of=webhooks.FIRST,
        )

    def routes(self) -> Sequence[BaseRoute]:
        numbers, carriers = "/agents/phone-numbers", "/agents/phone-numbers/providers"
        return [
            route("GET", numbers, self._list),
            route("POST", numbers, self._import),
            route("POST", f"{numbers}/provision", self._provision),
            route("GET", carriers, self._list_carriers),
            route("POST", carriers, self._link),
            route("GET", f"{carriers}/{{id}}", self._get_carrier),
            route("PATCH", f"{carriers}/{{id}}", self._rotate),
            route("DELETE", f"{carriers}/{{id}}", self._unlink),
            route("GET", f"{numbers}/{{id}}", self._get),
            route("PATCH", f"{numbers}/{{id}}", self._update),
            route("DELETE", f"{numbers}/{{id}}", self._delete),
            route("POST", "/agents/calls", self._call),
            *webhooks.routes(self._authorize, lambda: self.webhooks),
        ]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        self._authorize(request)
        return refusal(status, "Not found" if status == 404 else "Method not allowed")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": _KEY, "webhook_secret": webhooks.SECRET}

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        raise LookupError("Cartesia carries voice only")

    def receive_call(self, to: str, sender: str) -> str:
        for number in self.numbers.values():
            agent = number["agent"]
            if number["number"] == to and isinstance(agent, dict):
                call = self.state.id("ac_")
                self.webhooks.tell(call, str(agent["id"]), to, sender, "inbound")
                return call
        raise LookupError(f"No agent answers {to} in Cartesia's sandbox")

    # --- Numbers ---------------------------------------------------------------------------------

    async def _list(self, request: Request) -> Response:
        self._authorize(request)
        query = request.query_params
        text = query.get("q", "").lower()
        found = [n for n in self.numbers.values() if self._matches(n, query, text)]
        page, more = _page(found, query)
        return JSONResponse({"data": [self._shown(n) for n in page], "has_more": more})

    def _matches(self, number: Json, query: Mapping[str, str], text: str) -> bool:
        agent, carrier = number["agent"], number.get("provider") or {"type": "cartesia"}
        agent = agent if isinstance(agent, dict) else {}
        carrier = carrier if isinstance(carrier, dict) else {}
        searched = (number["number"], number["label"], agent.get("name"))
        return (
            query.get("agent_id") in (None, agent.get("id"))
            and query.get("provider_id") in (None, carrier.get("id"))
            and query.get("type") in (None, carrier["type"])
            and any(text in str(part or "").lower() for part in searched)
        )

    async def _import(self, request: Request) -> Response:
        self._authorize(request)
        wanted = checked(Import, await body_of(request, invalid))
        carrier = self._source(wanted.provider)
        agent = self._agent(wanted.agent_id)
        if any(held["number"] == wanted.number for held in self.numbers.values()):
            raise refusal(409, "Already imported", "This number is imported already.")
        if wanted.number.endswith("0000"):
            raise refusal(400, "Number not found", "The account does not hold this number.")
        if agent is not None and self.fail_next_assignment:
            self.fail_next_assignment = False
            self._add("import", wanted.number, wanted.label, None, _reference(carrier), 201)
            raise refusal(400, "Webhook setup failed", "Imported, but not assigned.")
        return self._add("import", wanted.number, wanted.label, agent, _reference(carrier), 201)

    async def _provision(self, request: Request) -> Response:
        self._authorize(request)
        wanted = checked(Provision, await body_of(request, invalid))
        agent = self._agent(wanted.agent_id)
        own = [n for n in self.numbers.values() if n.get("provider") == {"type": "cartesia"}]
        if len(own) >= _PLAN_SLOTS:
            raise refusal(
                402, "Phone number limit reached", "Upgrade the plan.", code="quota_exceeded"
            )
        given_out = sum(entry.kind == "purchase" for entry in self.state.ledger)
        number = f"+1650555{given_out + 100:04d}"
        made = self._add("purchase", number, wanted.label, agent, {"type": "cartesia"}, 201)
        body = dict(self.numbers[self.state.ledger[-1].id])
        # Documented: the answer to a purchase has no `provider`.
        del body["provider"]
        return JSONResponse(body, made.status_code)

    def _add(
        self, kind: str, number: str, label: str, agent: JsonValue, carrier: Json, status: int
    ) -> Response:
        now = iso(self.state.now())
        made: Json = {
            "id": self.state.id("pn_"),
            "number": number,
            "label": label,
            "agent": agent,
            "created_at": now,
            "updated_at": now,
            "provider": carrier,
        }
        self.numbers[str(made["id"])] = made
        self.state.record(kind, str(made["id"]), number)
        return JSONResponse(self._shown(made), status)

    async def _get(self, request: Request) -> Response:
        self._authorize(request)
        return JSONResponse(self._shown(self._number(request.path_params["id"])))

    async def _update(self, request: Request) -> Response:
        self._authorize(request)
        number = self._number(request.path_params["id"])
        body = await body_of(request, invalid)
        changes: Json = {}
        if "label" in body:
            if not isinstance(body["label"], str):
                raise invalid("label must be a string")
            changes["label"] = body["label"]
        if "agent_id" in body:
            agent_id = body["agent_id"]
            changes["agent"] = self._agent(str(agent_id)) if agent_id is not None else None
            kind = "unassign" if agent_id is None else "assign"
            self.state.record(kind, str(number["id"]), str(number["number"]))
        wanted = body.get("provider")
        if isinstance(wanted, dict):
            changes["provider"] = _reference(self._source(wanted))
        number.update(changes, updated_at=iso(self.state.now()))
        return JSONResponse(self._shown(number))

    async def _delete(self, request: Request) -> Response:
        self._authorize(request)
        number = self._number(request.path_params["id"])
        if number["agent"] is not None:
            raise refusal(400, "Number in use", "Unassign the number from its agent first.")
        del self.numbers[str(number["id"])]
        self.state.record("release", str(number["id"]), str(number["number"]))
        return Response(status_code=204)

    # --- Calls -----------------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        self._authorize(request)
        wanted = checked(Calls, await body_of(request, invalid))
        number = self._number(wanted.from_number_id)
        self._agent(wanted.agent_id)
        if self.next_call_answer is not None:
            answer, self.next_call_answer = self.next_call_answer, None
            return Response(answer, media_type="application/json")
        placed: list[JsonValue] = []
        for callee in wanted.outbound_calls:
            call = self.state.id("ac_")
            self.state.record("call", call, str(number["number"]))
            self.webhooks.tell(
                call, wanted.agent_id, str(number["number"]), callee.to_number, "outbound"
            )
            placed.append({"number": callee.to_number, "agent_call_id": call})
        return JSONResponse({"calls": placed})

    # --- Carrier accounts ------------------------------------------------------------------------

    async def _list_carriers(self, request: Request) -> Response:
        self._authorize(request)
        query = request.query_params
        return JSONResponse(
            [
                carrier
                for carrier in self.carriers.values()
                if query.get("type") in (None, carrier["type"])
                and query.get("account_sid") in (None, carrier.get("account_sid"))
            ]
        )

    async def _link(self, request: Request) -> Response:
        self._authorize(request)
        body = await body_of(request, invalid)
        if body.get("type") == "sip_trunk":
            trunk = checked(SipTrunk, body)
            if trunk.label is None or not (trunk.inbound or trunk.outbound):
                raise invalid("label and one of inbound, outbound are required")
            if trunk.outbound and not (trunk.outbound.address and trunk.outbound.transport):
                raise invalid("outbound needs address and transport")
            made: Json = {"type": "sip_trunk", "id": self.state.id("prov_"), "label": trunk.label}
            made |= _sides(trunk)
        else:
            account = checked(Twilio, body)
            _try_key(account.api_key_sid)
            for held in self.carriers.values():
                if (held.get("account_sid"), held.get("region")) == (
                    account.account_sid,
                    account.region,
                ):
                    raise refusal(409, "Already linked", "This account and region are linked.")
            made = {
                "type": "twilio",
                "id": self.state.id("prov_"),
                "account_sid": account.account_sid,
                "api_key_sid": _masked(account.api_key_sid),
                "region": account.region,
                **({"label": account.label} if account.label else {}),
            }
        self.carriers[str(made["id"])] = made
        self.state.record("link", str(made["id"]))
        return JSONResponse(made, 201)

    async def _get_carrier(self, request: Request) -> Response:
        self._authorize(request)
        return JSONResponse(self._carrier(request.path_params["id"]))

    async def _rotate(self, request: Request) -> Response:
        self._authorize(request)
        carrier = self._carrier(request.path_params["id"])
        body = await body_of(request, invalid)
        if body.get("type") != carrier["type"]:
            raise invalid("type cannot be changed")
        if carrier["type"] == "twilio":
            account = checked(Twilio, {"account_sid": "", **body})
            _try_key(account.api_key_sid)
            carrier.update(api_key_sid=_masked(account.api_key_sid))
            if "region" in body:
                carrier.update(region=account.region)
        else:
            carrier.update(_changed(carrier, checked(SipTrunk, body)))
        self.state.record("rotate", str(carrier["id"]))
        return JSONResponse(carrier)

    async def _unlink(self, request: Request) -> Response:
        self._authorize(request)
        carrier = self._carrier(request.path_params["id"])
        for number in self.numbers.values():
            held = number["provider"]
            if isinstance(held, dict) and held.get("id") == carrier["id"]:
                raise refusal(409, "Provider in use", "Numbers are still attached.")
        del self.carriers[str(carrier["id"])]
        self.state.record("unlink", str(carrier["id"]))
        return Response(status_code=204)

    # --- Shared steps ----------------------------------------------------------------------------

    def _authorize(self, request: Request) -> None:
        given = request.headers.get("authorization") or request.headers.get("x-api-key", "")
        if given.removeprefix("Bearer ") != _KEY:
            raise refusal(401, "Unauthorized", "The API key is not valid.")
        if "cartesia-version" not in request.headers:
            raise refusal(400, "Missing version", "Send the Cartesia-Version header.")

    def _shown(self, number: Json) -> Json:
        """A number with its carrier account as that is now, without the details of a trunk."""
        held = number["provider"]
        carrier_id = held.get("id") if isinstance(held, dict) else None
        if carrier_id is None:
            return number
        carrier = self.carriers[str(carrier_id)]
        details = {"inbound", "outbound"}
        return {**number, "provider": {k: v for k, v in carrier.items() if k not in details}}

    def _number(self, number_id: str) -> Json:
        if number_id not in self.numbers:
            raise refusal(404, "Not found", "There is no such phone number.")
        return self.numbers[number_id]

    def _carrier(self, carrier_id: str) -> Json:
        if carrier_id not in self.carriers:
            raise refusal(404, "Not found", "There is no such provider.")
        return self.carriers[carrier_id]

    def _agent(self, agent_id: str | None) -> JsonValue:
        if agent_id is None:
            return None
        if agent_id not in self.agents:
            raise refusal(404, "Not found", "There is no such agent.")
        return {"id": agent_id, "name": self.agents[agent_id]}

    def _source(self, wanted: Json) -> Json:
        if "id" in wanted:
            return self._carrier(str(wanted["id"]))
        region = wanted.get("region", "us1")
        for carrier in self.carriers.values():
            if (carrier.get("account_sid"), carrier.get("region")) == (
                wanted.get("account_sid"),
                region,
            ):
                return carrier
        raise refusal(404, "Not found", "There is no such provider.")


def _page(found: list[Json], query: Mapping[str, str]) -> tuple[list[Json], bool]:
    try:
        limit = int(query.get("limit", "10"))
    except ValueError:
        raise invalid("limit must be a number") from None
    if not 1 <= limit <= 100:
        raise invalid("limit must be between 1 and 100")
    ids = [number["id"] for number in found]
    for cursor in ("starting_after", "ending_before"):
        if cursor in query and query[cursor] not in ids:
            raise invalid(f"{cursor} is not an id of this list")
    if "ending_before" in query:
        end = ids.index(query["ending_before"])
        return found[max(0, end - limit) : end], end > limit
    start = ids.index(query["starting_after"]) + 1 if "starting_after" in query else 0
    return found[start : start + limit], start + limit < len(found)


def _changed(carrier: Json, trunk: SipTrunk) -> Json:
    """A merge patch of a trunk: what is left out stays, null clears, the address is fixed."""
    changes: Json = {"label": trunk.label} if trunk.label else {}
    defaults = _sides(trunk)
    for name, side in (("inbound", trunk.inbound), ("outbound", trunk.outbound)):
        held = carrier.get(name)
        if side is None:
            continue
        if not isinstance(held, dict):
            if trunk.outbound is side and not (trunk.outbound.address and trunk.outbound.transport):
                raise invalid("outbound needs address and transport")
            changes[name] = defaults[name]
            continue
        given = side.model_dump(exclude_unset=True)
        if {"address", "transport"} & set(given):
            raise invalid("address and transport cannot be changed")
        if "credentials" in given:
            login = given.pop("credentials")
            given["auth_username"] = login["username"] if login else ""
        changes[name] = {**held, **{k: v if v is not None else "" for k, v in given.items()}}
    return changes


def _sides(trunk: SipTrunk) -> Json:
    """What is shown of a trunk: everything but passwords."""
    sides: Json = {}
    if trunk.inbound is not None:
        login = trunk.inbound.credentials
        sides["inbound"] = {
            "allowed_addresses": list(trunk.inbound.allowed_addresses or []),
            "allowed_numbers": list(trunk.inbound.allowed_numbers or []),
            "auth_username": login.username if login else "",
            "media_encryption": trunk.inbound.media_encryption or "allowed",
        }
    if trunk.outbound is not None:
        login = trunk.outbound.credentials
        sides["outbound"] = {
            "address": trunk.outbound.address,
            "transport": trunk.outbound.transport,
            "media_encryption": trunk.outbound.media_encryption or "disabled",
            "auth_username": login.username if login else "",
            "destination_country": trunk.outbound.destination_country or "",
        }
    return sides


def _reference(carrier: Json) -> Json:
    """What a number keeps of the carrier account it comes from."""
    return {"type": carrier["type"], "id": carrier["id"]}


def _try_key(api_key_sid: str) -> None:
    if api_key_sid.endswith("bad"):
        raise refusal(400, "Bad credentials", "Twilio refused the API key.")


def _masked(sid: str) -> str:
    return f"{sid[:4]}****{sid[-4:]}"
