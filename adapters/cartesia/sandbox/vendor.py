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

from . import calls, carriers, numbers, targets, webhooks
from .account import Account
from .refusals import refusal

_KEY = "sk_car_sandbox"
_WEBHOOK = "webhook_sandbox"


class CartesiaSandbox(VendorSandbox):
    """A workspace with two agents, a webhook that neither uses, and no numbers.

    A linked Twilio account holds every number, except those that end in 0000. Credentials whose
    key sid ends in ``bad`` are refused. A call can be cancelled once it was answered.

    Attributes:
        account: the workspace; plant things in its tables.
    """

    name: ClassVar[str] = "cartesia"
    too_many: ClassVar[Refusal] = refusal(429, "Too many requests")
    hosts: ClassVar[tuple[str, ...]] = ("sip.cartesia.ai",)

    def __init__(self) -> None:
        self.state: State = State(seed=0xCA)
        self.account: Account = Account(self.state)
        self.account.agents.update({"agent_reception": "Reception", "agent_sales": "Sales"})
        self.account.webhooks[_WEBHOOK] = {
            "id": _WEBHOOK,
            "url": "https://example.com/cartesia",
            "secret": webhooks.SECRET,
        }
        self.sample: Sample = Sample(
            target=Agent("agent_reception"),
            other_target=Agent("agent_sales"),
            carrier=TwilioAccount(
                "AC" + "0f" * 16,
                api_key_sid="SK" + "1a" * 16,
                api_key_secret=SecretStr("sandbox-secret"),
            ),
            unimportable="+14155550000",
            webhook_of=_WEBHOOK,
        )

    def routes(self) -> Sequence[BaseRoute]:
        owned, made, hooks = "/agents/phone-numbers", "/agents/calls", "/agents/webhooks"
        links = f"{owned}/providers"
        served: list[tuple[str, str, Endpoint[Account]]] = [
            ("GET", owned, numbers.listed),
            ("POST", owned, numbers.import_),
            ("POST", f"{owned}/provision", numbers.buy),
            ("GET", links, carriers.listed),
            ("POST", links, carriers.link),
            ("GET", f"{links}/{{id}}", carriers.fetch),
            ("PATCH", f"{links}/{{id}}", carriers.rotate),
            ("DELETE", f"{links}/{{id}}", carriers.unlink),
            ("GET", f"{owned}/{{id}}", numbers.fetch),
            ("PATCH", f"{owned}/{{id}}", numbers.update),
            ("DELETE", f"{owned}/{{id}}", numbers.release),
            ("GET", "/agents", targets.listed),
            ("GET", "/v1/agents", targets.listed_in_pages),
            ("POST", made, calls.place),
            ("GET", made, calls.listed),
            ("GET", f"{made}/{{id}}", calls.fetch),
            ("POST", f"{made}/{{id}}/cancel", calls.cancel),
            ("GET", f"{made}/{{id}}/audio", calls.audio),
            ("POST", hooks, webhooks.create),
            ("GET", f"{hooks}/{{id}}", webhooks.fetch),
            ("PATCH", f"{hooks}/{{id}}", webhooks.update),
        ]
        return routes(self, self._authorize, served)

    def refuse_route(self, request: Request, status: int) -> Refusal:
        self._authorize(request)
        return refusal(status, "Not found" if status == 404 else "Method not allowed")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": _KEY, "webhook_secret": webhooks.SECRET}

    def receive_call(self, to: str, sender: str) -> str:
        agent = self.answered_by(to)
        if agent is None:
            raise LookupError(f"No agent answers {to} in Cartesia's sandbox")
        return calls.receive(self.account, to, agent, sender)

    def answered_by(self, number: str) -> str | None:
        for held in self.account.numbers.values():
            agent = held["agent"]
            if held["number"] == number and isinstance(agent, dict):
                return str(agent["id"])
        return None

    def _authorize(self, request: Request) -> Account:
        given = request.headers.get("authorization") or request.headers.get("x-api-key", "")
        if given.removeprefix("Bearer ") != _KEY:
            raise refusal(401, "Unauthorized", "The API key is not valid.")
        if "cartesia-version" not in request.headers:
            raise refusal(400, "Missing version", "Send the Cartesia-Version header.")
        return self.account
