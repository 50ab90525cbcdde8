"""The sandbox itself: its organization, authorization and routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import SecretStr
from starlette.requests import Request
from starlette.routing import BaseRoute

from telephony.model import Agent, TwilioAccount
from telephony.sandbox.endpoints import Endpoint, routes
from telephony.sandbox.vendor import Refusal, Sample, State, VendorSandbox

from . import calls, carriers, numbers, targets
from .account import Account
from .refusals import invalid, refusal

_KEY = "bk_live_sandbox"


class ButterSandbox(VendorSandbox):
    """An organization with two agents and no numbers. Credentials are not tried at Twilio.

    Attributes:
        account: the organization; plant things in its tables.
    """

    name: ClassVar[str] = "butter"
    too_many: ClassVar[Refusal] = refusal(429, "Rate limit exceeded")

    def __init__(self) -> None:
        self.state: State = State(seed=0xB7)
        self.account: Account = Account("org_sandbox", self.state)
        agents = {"agent_aa11bb22cc33": "Reception", "agent_dd44ee55ff66": "Sales"}
        self.account.agents.update(agents)
        self.sample: Sample = Sample(
            target=Agent("agent_aa11bb22cc33"),
            other_target=Agent("agent_dd44ee55ff66"),
            carrier=TwilioAccount("AC" + "0f" * 16, auth_token=SecretStr("sandbox-auth-token")),
        )

    def routes(self) -> Sequence[BaseRoute]:
        owned, links = "/api/phone-numbers", "/api/integrations"
        agent = "/api/agents/{agent_id}"
        served: list[tuple[str, str, Endpoint[Account]]] = [
            ("GET", owned, numbers.listed),
            ("POST", owned, numbers.import_),
            ("POST", f"{agent}/assign-phone-number", targets.assign),
            ("POST", f"{agent}/unassign-phone-number/{{phone_number_id}}", targets.unassign),
            ("POST", links, carriers.link),
            ("PUT", f"{links}/{{integration_id}}", carriers.rotate),
            ("DELETE", f"{links}/{{integration_id}}", carriers.unlink),
            ("POST", "/api/make-call", calls.place),
            ("GET", "/api/calls", calls.listed),
            ("GET", "/api/calls/{call_sid}", calls.fetch),
            ("GET", "/api/calls/{call_sid}/recording/download", calls.download),
            ("GET", "/api/analytics/agents", calls.active_agents),
        ]
        return routes(self, self._authorize, served)

    def refuse_route(self, request: Request, status: int) -> Refusal:
        self._authorize(request)
        return refusal(status, "Not Found" if status == 404 else "Method Not Allowed")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {
            "base_url": base_url,
            "api_key": _KEY,
            "organization_id": self.account.id,
            # There is no plan to use up here.
            "requests_per_second": "1000",
        }

    def answered_by(self, number: str) -> str | None:
        for held in self.account.numbers.values():
            if held["phone_number"] == number and held["assigned_agent_id"] is not None:
                return str(held["assigned_agent_id"])
        return None

    def receive_call(self, to: str, sender: str) -> str:
        for number in self.account.numbers.values():
            if number["phone_number"] == to and number["assigned_agent_id"] is not None:
                return calls.receive(self.account, number, sender)
        raise LookupError(f"No agent answers {to} in Butter AI's sandbox")

    def _authorize(self, request: Request) -> Account:
        if request.headers.get("x-api-key") != _KEY:
            raise refusal(401, "Invalid API key")
        organization = request.headers.get("x-organization-id")
        if organization is None:
            raise invalid("header", "x-organization-id", "Field required")
        if organization != self.account.id:
            raise refusal(403, "The API key belongs to another organization")
        return self.account
