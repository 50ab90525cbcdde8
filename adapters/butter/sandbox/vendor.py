"""Butter AI's documented API on loopback. Source: docs.getbutter.ai."""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import JsonValue, SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from telephony.model import Agent, TwilioAccount
from telephony.sandbox.vendor import (
    Json,
    Refusal,
    Sample,
    State,
    VendorSandbox,
    iso,
    route,
)

from .input import (
    Assign,
    Call,
    Import,
    Link,
    Rotate,
    checked,
    importable,
    invalid,
    json_of,
    refusal,
)

_KEY = "bk_live_sandbox"
_ORGANIZATION = "org_sandbox"
_PAGE = 50


class ButterSandbox(VendorSandbox):
    """An organization with two agents and no numbers. Credentials are not tried at Twilio.

    Attributes:
        elsewhere: numbers, and ids of agents and integrations, that another organization holds.
        unintegrated: ids of Twilio numbers that have lost their integration.
        page_size: how many numbers a page of the list holds.
        in_use_status: how the deletion of an integration in use is refused.
        next_answers: by method and route, such as ``POST /api/make-call``: the bodies of the next
            answers, given with status 200 instead of doing anything.
    """

    name: ClassVar[str] = "butter"
    too_many = refusal(429, "Rate limit exceeded")

    def __init__(self) -> None:
        self.state = State(seed=0xB7)
        self.agents: dict[str, str] = {
            "agent_aa11bb22cc33": "Reception",
            "agent_dd44ee55ff66": "Sales",
        }
        self.numbers: dict[str, Json] = {}
        self.integrations: dict[str, Json] = {}
        self.calls: dict[str, Json] = {}
        self.elsewhere: set[str] = set()
        self.unintegrated: set[str] = set()
        self.page_size = _PAGE
        self.in_use_status = 409
        self.next_answers: dict[str, list[JsonValue]] = {}
        self.sample = Sample(
            target=Agent("agent_aa11bb22cc33"),
            other_target=Agent("agent_dd44ee55ff66"),
            carrier=TwilioAccount("AC" + "0f" * 16, auth_token=SecretStr("sandbox-auth-token")),
        )

    def routes(self) -> Sequence[BaseRoute]:
        agent, integrations = "/api/agents/{agent_id}", "/api/integrations"
        return [
            self._route("GET", "/api/phone-numbers", self._list),
            self._route("POST", "/api/phone-numbers", self._import),
            self._route("POST", f"{agent}/assign-phone-number", self._assign),
            self._route("POST", f"{agent}/unassign-phone-number/{{phone_number_id}}", self._free),
            self._route("POST", integrations, self._link),
            self._route("PUT", f"{integrations}/{{integration_id}}", self._rotate),
            self._route("DELETE", f"{integrations}/{{integration_id}}", self._unlink),
            self._route("POST", "/api/make-call", self._call),
            self._route("GET", "/api/calls", self._list_calls),
            self._route("GET", "/api/calls/{call_sid}", self._get_call),
        ]

    def _route(
        self, method: str, path: str, handler: Callable[[Request], Awaitable[Response]]
    ) -> Route:
        async def answer(request: Request) -> Response:
            _authorize(request)
            planted = self.next_answers.get(f"{method} {path}")
            return JSONResponse(planted.pop(0)) if planted else await handler(request)

        return route(method, path, answer)

    def refuse_route(self, request: Request, status: int) -> Refusal:
        _authorize(request)
        return refusal(status, "Not Found" if status == 404 else "Method Not Allowed")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {
            "base_url": base_url,
            "api_key": _KEY,
            "organization_id": _ORGANIZATION,
            # Nobody's plan is used up here.
            "requests_per_second": "1000",
        }

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        raise LookupError("Butter AI carries voice only")

    # --- Numbers ---------------------------------------------------------------------------------

    async def _list(self, request: Request) -> Response:
        status = request.query_params.get("status")
        if status not in (None, "free", "assigned"):
            raise invalid("query", "status", "Input should be 'free' or 'assigned'")
        found = [_listed(n) for n in self.numbers.values() if status in (None, n["status"])]
        return JSONResponse(_page(found, request, self.page_size, total=len(found)))

    async def _import(self, request: Request) -> Response:
        body = await json_of(request)
        importable(body)
        wanted = checked(Import, body)
        if wanted.provider == "twilio":
            self._integration(str(wanted.integration_id))
        held = {number["phone_number"] for number in self.numbers.values()} | self.elsewhere
        if wanted.phone_number in held:
            raise refusal(409, f"Phone number {wanted.phone_number} already exists in the system")
        now = iso(self.state.now())
        made: Json = {
            "phone_number_id": self.state.id("phon_"),
            "phone_number": wanted.phone_number,
            "provider": wanted.provider,
            "status": "free",
            "supports_inbound": wanted.supports_inbound,
            "supports_outbound": wanted.supports_outbound,
            **({"integration_id": wanted.integration_id} if wanted.provider == "twilio" else {}),
            "created_at": now,
            "updated_at": now,
        }
        self.numbers[str(made["phone_number_id"])] = {**made, "assigned_agent_id": None}
        self.state.record("import", str(made["phone_number_id"]), wanted.phone_number)
        said = f"Phone number imported successfully with {wanted.provider}"
        return JSONResponse(_done(said, made), 201)

    async def _assign(self, request: Request) -> Response:
        agent = self._agent(request.path_params["agent_id"])
        number_id = checked(Assign, await json_of(request)).phone_number_id
        number = self._number(number_id)
        if number["provider"] == "twilio" and number_id in self.unintegrated:
            raise refusal(400, "The Twilio phone number has no integration")
        if number["assigned_agent_id"] == agent:
            raise refusal(409, "Phone number is already assigned to this agent")
        if number["assigned_agent_id"] is not None:
            raise refusal(409, "Phone number is already assigned to another agent")
        number.update(status="assigned", assigned_agent_id=agent, updated_at=iso(self.state.now()))
        self.state.record("assign", number_id, str(number["phone_number"]))
        return JSONResponse(_done("Phone number assigned successfully", self._fragment(agent)))

    async def _free(self, request: Request) -> Response:
        agent = self._agent(request.path_params["agent_id"])
        number_id = request.path_params["phone_number_id"]
        number = self.numbers.get(number_id)
        if number is None or number["assigned_agent_id"] != agent:
            raise refusal(400, "Phone number is not assigned to this agent")
        number.update(status="free", assigned_agent_id=None, updated_at=iso(self.state.now()))
        self.state.record("unassign", number_id, str(number["phone_number"]))
        return JSONResponse(_done("Phone number unassigned successfully", self._fragment(agent)))

    def _fragment(self, agent: str) -> Json:
        held = [i for i, number in self.numbers.items() if number["assigned_agent_id"] == agent]
        return {
            "agent_id": agent,
            "agent_name": self.agents[agent],
            "assigned_phone_number_ids": list(held),
            "updated_at": iso(self.state.now()),
        }

    # --- Calls -----------------------------------------------------------------------------------

    async def _call(self, request: Request) -> Response:
        wanted = checked(Call, await json_of(request))
        held = [n for n in self.numbers.values() if n["phone_number"] == wanted.call_from]
        if not held:
            raise refusal(404, "The phone number to call from is not imported")
        if not held[0]["supports_outbound"]:
            raise refusal(400, "The phone number does not support outbound calls")
        agent = self._agent(wanted.agent_id)
        placed: Json = {
            "call_sid": self.state.id("call_"),
            "to": wanted.call_to,
            "from": wanted.call_from,
            "agent_id": agent,
            "call_type": held[0]["provider"],
            "status": "initiated",
        }
        self.calls[str(placed["call_sid"])] = placed | {"created_at": iso(self.state.now())}
        self.state.record("call", str(placed["call_sid"]), wanted.call_from)
        # Documented: the one answer without `data` and `message`.
        return JSONResponse({"success": True, **placed})

    async def _list_calls(self, request: Request) -> Response:
        try:
            limit = int(request.query_params.get("limit", _PAGE))
        except ValueError:
            raise invalid("query", "limit", "Input should be a valid integer") from None
        if not 1 <= limit <= 100:
            raise invalid("query", "limit", "Input should be between 1 and 100")
        found = [self._summary(call) for call in reversed(self.calls.values())]
        return JSONResponse(_page(found, request, limit))

    async def _get_call(self, request: Request) -> Response:
        call = self.calls.get(request.path_params["call_sid"])
        if call is None:
            raise refusal(404, "Call not found")
        more: Json = {
            "trace_id": None,
            "agent_config": {},
            "transport": call["call_type"],
            "recording_url": None,
            "cost_breakdown": {},
            "usage": {},
            "summary": None,
            "errors": [],
            "turns": [],
            "transcript": [],
        }
        return JSONResponse({"success": True, "data": self._summary(call) | more})

    def _summary(self, call: Json) -> Json:
        return {
            "call_sid": call["call_sid"],
            "to_number": call["to"],
            "from_number": call["from"],
            "agent_id": call["agent_id"],
            "agent_name": self.agents[str(call["agent_id"])],
            "client_id": _ORGANIZATION,
            # Here the direction; in the answer to make-call the transport.
            "call_type": "outbound",
            "status": call["status"],
            "recording_enabled": False,
            "total_cost": 0,
            "duration_seconds": 0,
            "turn_count": 0,
            "created_at": call["created_at"],
            "updated_at": call["created_at"],
            "start_time": None,
            "end_time": None,
            "end_reason": None,
            "billing_status": "pending",
        }

    # --- Carrier accounts ------------------------------------------------------------------------

    async def _link(self, request: Request) -> Response:
        wanted = checked(Link, await json_of(request))
        now = iso(self.state.now())
        made: Json = {
            "integration_id": self.state.id("intg_"),
            "client_id": _ORGANIZATION,
            "name": wanted.name,
            "provider": wanted.credentials.provider,
            "category": "telephony",
            "status": "active",
            "created_at": now,
            "updated_at": now,
        }
        self.integrations[str(made["integration_id"])] = made
        self.state.record("link", str(made["integration_id"]))
        return JSONResponse(_done("Integration created successfully", made), 201)

    async def _rotate(self, request: Request) -> Response:
        integration = self._integration(request.path_params["integration_id"])
        wanted = checked(Rotate, await json_of(request))
        if wanted.name is not None:
            integration["name"] = wanted.name
        integration["updated_at"] = iso(self.state.now())
        if wanted.credentials is not None:
            self.state.record("rotate", str(integration["integration_id"]))
        return JSONResponse(_done("Integration updated successfully", integration))

    async def _unlink(self, request: Request) -> Response:
        integration = self._integration(request.path_params["integration_id"])
        wanted = integration["integration_id"]
        users = [n for n in self.numbers.values() if n.get("integration_id") == wanted]
        if users:
            listed = [str(number["phone_number"]) for number in users]
            raise refusal(self.in_use_status, f"Integration is still used by: {listed}")
        del self.integrations[str(wanted)]
        self.state.record("unlink", str(wanted))
        return JSONResponse(_done("Integration deleted successfully", integration))

    # --- Shared steps ----------------------------------------------------------------------------

    def _number(self, number_id: str) -> Json:
        if number_id in self.elsewhere:
            raise refusal(403, "Phone number belongs to another organization")
        if number_id not in self.numbers:
            raise refusal(404, "Phone number not found")
        return self.numbers[number_id]

    def _agent(self, agent_id: str) -> str:
        if agent_id in self.elsewhere:
            raise refusal(403, "Agent is not accessible")
        if agent_id not in self.agents:
            raise refusal(404, "Agent not found")
        return agent_id

    def _integration(self, integration_id: str) -> Json:
        if integration_id in self.elsewhere:
            raise refusal(403, "Integration belongs to another organization")
        if integration_id not in self.integrations:
            raise refusal(404, "Integration not found")
        return self.integrations[integration_id]


def _authorize(request: Request) -> None:
    if request.headers.get("x-api-key") != _KEY:
        raise refusal(401, "Invalid API key")
    organization = request.headers.get("x-organization-id")
    if organization is None:
        raise invalid("header", "x-organization-id", "Field required")
    if organization != _ORGANIZATION:
        raise refusal(403, "The API key belongs to another organization")


def _listed(number: Json) -> Json:
    """A number as it stands in the list, which is not all that the answer to an import shows."""
    return {k: v for k, v in number.items() if k not in {"integration_id", "updated_at"}}


def _page(found: list[Json], request: Request, size: int, *, total: int | None = None) -> Json:
    cursor, start = request.query_params.get("cursor"), 0
    if cursor is not None:
        try:
            start = int(base64.b64decode(cursor, validate=True))
        except ValueError:
            raise invalid("query", "cursor", "Input is not a cursor") from None
    end = start + size
    more = end < len(found)
    return {
        "success": True,
        "data": list(found[start:end]),
        "pagination": {
            "next_cursor": base64.b64encode(str(end).encode()).decode() if more else None,
            "has_more": more,
            "page_size": len(found[start:end]),
            **({} if total is None else {"total_count": total}),
        },
    }


def _done(message: str, data: Json) -> Json:
    return {"success": True, "message": message, "data": data}
