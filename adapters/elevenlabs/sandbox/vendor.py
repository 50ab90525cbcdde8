"""The sandbox itself: its workspace, authorization and routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import SecretStr
from starlette.requests import Request
from starlette.routing import BaseRoute

from telephony.model import Agent, TwilioAccount
from telephony.sandbox.endpoints import Endpoint, routes
from telephony.sandbox.vendor import Refusal, Sample, State, VendorSandbox

from . import calls, numbers, targets, webhooks
from .account import Account
from .refusals import refusal

_KEY = "sk_elevenlabs_sandbox"


class ElevenLabsSandbox(VendorSandbox):
    """A workspace with two agents and no numbers.

    A Twilio account holds every number, except those that end in 0000.

    Attributes:
        account: the workspace; plant things in its tables.
    """

    name: ClassVar[str] = "elevenlabs"
    too_many: ClassVar[Refusal] = refusal(429, "system_busy", "Too many requests")
    hosts: ClassVar[tuple[str, ...]] = ("sip.rtc.elevenlabs.io",)

    def __init__(self) -> None:
        self.state: State = State(seed=0x11)
        self.account: Account = Account(self.state)
        self.account.agents.update({"agent_reception": "Reception", "agent_sales": "Sales"})
        self.sample: Sample = Sample(
            target=Agent("agent_reception"),
            other_target=Agent("agent_sales"),
            source=TwilioAccount("AC" + "0f" * 16, auth_token=SecretStr("sandbox-auth-token")),
            unimportable="+14155550000",
        )

    def routes(self) -> Sequence[BaseRoute]:
        owned, held = "/v1/convai/phone-numbers", "/v1/convai/conversations"
        hooks, settings = "/v1/workspace/webhooks", "/v1/convai/settings"
        served: list[tuple[str, str, Endpoint[Account]]] = [
            ("GET", "/v1/convai/v2/phone-numbers", numbers.listed),
            ("GET", owned, numbers.listed_at_once),
            ("POST", owned, numbers.import_),
            ("GET", f"{owned}/{{id}}", numbers.fetch),
            ("PATCH", f"{owned}/{{id}}", numbers.update),
            ("DELETE", f"{owned}/{{id}}", numbers.release),
            ("GET", "/v1/convai/agents", targets.listed),
            ("POST", "/v1/convai/twilio/outbound-call", calls.placing("twilio")),
            ("POST", "/v1/convai/sip-trunk/outbound-call", calls.placing("sip_trunk")),
            ("POST", "/v1/convai/exotel/outbound-call", calls.placing("exotel")),
            ("GET", held, calls.listed),
            ("GET", f"{held}/{{id}}", calls.fetch),
            ("GET", f"{held}/{{id}}/audio", calls.audio),
            ("GET", settings, webhooks.settings),
            ("PATCH", settings, webhooks.change_settings),
            ("GET", hooks, webhooks.listed),
            ("POST", hooks, webhooks.create),
            ("PATCH", f"{hooks}/{{id}}", webhooks.update),
            ("DELETE", f"{hooks}/{{id}}", webhooks.delete),
        ]
        return routes(self, self._authorize, served)

    def refuse_route(self, request: Request, status: int) -> Refusal:
        self._authorize(request)
        return Refusal(status, {"detail": "Not Found" if status == 404 else "Method Not Allowed"})

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": _KEY, "webhook_secret": webhooks.SECRET}

    def answered_by(self, number: str) -> str | None:
        for held in self.account.numbers.values():
            agent = held["assigned_agent"]
            if held["phone_number"] == number and isinstance(agent, dict):
                return str(agent["agent_id"])
        return None

    def receive_call(self, to: str, sender: str) -> str:
        for number in self.account.numbers.values():
            agent = number["assigned_agent"]
            if number["phone_number"] == to and isinstance(agent, dict):
                return calls.receive(self.account, number, str(agent["agent_id"]), sender)
        raise LookupError(f"No agent answers {to} in ElevenLabs's sandbox")

    def _authorize(self, request: Request) -> Account:
        if request.headers.get("xi-api-key") != _KEY:
            raise refusal(401, "invalid_api_key", "Invalid API key")
        return self.account
