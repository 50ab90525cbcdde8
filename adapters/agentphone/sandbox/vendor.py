"""The sandbox itself: its account, authorization and routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from starlette.requests import Request
from starlette.routing import BaseRoute

from telephony.model import Agent
from telephony.sandbox.endpoints import Endpoint, routes
from telephony.sandbox.vendor import Json, Refusal, Sample, State, VendorSandbox

from . import calls, messages, numbers, targets, webhooks
from .account import Account
from .refusals import refusal, too_many

_KEY = "sk_live_sandbox"


class AgentPhoneSandbox(VendorSandbox):
    """An account with two agents and no numbers. X-Sub-Account-Id changes nothing here.

    Attributes:
        account: plant things in its tables.
    """

    name: ClassVar[str] = "agentphone"
    too_many: ClassVar[Refusal] = too_many()

    def __init__(self) -> None:
        self.state: State = State(seed=0xA9)
        self.account: Account = Account(self.state)
        targets.add(self.account, "agt_front_desk", "Front desk")
        targets.add(self.account, "agt_sales", "Sales")
        self.sample: Sample = Sample(
            target=Agent("agt_front_desk"), other_target=Agent("agt_sales")
        )

    def routes(self) -> Sequence[BaseRoute]:
        owned, agents, talks = "/v1/numbers", "/v1/agents", "/v1/conversations"
        hook, agents_hook = "/v1/webhooks", f"{agents}/{{agent}}/webhook"
        served: list[tuple[str, str, Endpoint[Account]]] = [
            ("GET", owned, numbers.listed),
            ("POST", owned, numbers.buy),
            ("GET", f"{owned}/available", numbers.search),
            ("GET", f"{owned}/{{id}}", numbers.fetch),
            ("PATCH", f"{owned}/{{id}}", numbers.update),
            ("DELETE", f"{owned}/{{id}}", numbers.release),
            ("GET", f"{owned}/{{id}}/messages", messages.of_number),
            ("GET", f"{owned}/{{id}}/calls", calls.listed),
            ("GET", agents, targets.listed),
            ("POST", agents, targets.create),
            ("GET", f"{agents}/{{agent}}", targets.fetch),
            ("DELETE", f"{agents}/{{agent}}", targets.delete),
            ("POST", f"{agents}/{{agent}}/numbers", targets.attach),
            ("DELETE", f"{agents}/{{agent}}/numbers/{{id}}", targets.detach),
            ("GET", f"{agents}/{{agent}}/calls", calls.listed),
            ("POST", "/v1/messages", messages.send),
            ("GET", talks, messages.conversations),
            ("GET", f"{talks}/{{talk}}", messages.conversation),
            ("POST", "/v1/calls", calls.place),
            ("GET", "/v1/calls", calls.listed),
            ("GET", "/v1/calls/{call}", calls.fetch),
            ("POST", "/v1/calls/{call}/end", calls.end),
            ("GET", "/v1/calls/{call}/transcript", calls.transcript),
            ("GET", "/v1/calls/{call}/recording", calls.recording),
            ("GET", hook, webhooks.fetch),
            ("POST", hook, webhooks.create),
            ("DELETE", hook, webhooks.delete),
            ("GET", agents_hook, webhooks.fetch),
            ("POST", agents_hook, webhooks.create),
            ("DELETE", agents_hook, webhooks.delete),
        ]
        return routes(self, self._authorize, served)

    def refuse_route(self, request: Request, status: int) -> Refusal:
        return Refusal(status, {"detail": "Not Found" if status == 404 else "Method Not Allowed"})

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": _KEY, "webhook_secret": webhooks.SECRET}

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        return messages.receive(self.account, self._held(to), sender, body, sent_at)

    def receive_call(self, to: str, sender: str) -> str:
        return calls.receive(self.account, self._held(to), sender)

    def answered_by(self, number: str) -> str | None:
        for held in self.account.held():
            if held["phoneNumber"] == number and held["agentId"] is not None:
                return str(held["agentId"])
        return None

    def _held(self, to: str) -> Json:
        for number in self.account.held():
            if number["phoneNumber"] == to:
                return number
        raise LookupError(f"AgentPhone's sandbox holds no number {to}")

    def _authorize(self, request: Request) -> Account:
        if request.url.path.endswith("/recording"):
            return self.account  # public: the call's id is the secret
        if request.headers.get("authorization") != f"Bearer {_KEY}":
            raise refusal(401, "Invalid API key", kind="authentication_error")
        return self.account
