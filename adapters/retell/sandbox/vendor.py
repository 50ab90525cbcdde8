"""The sandbox itself: its account, authorization and routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import SecretStr
from starlette.requests import Request
from starlette.routing import BaseRoute

from telephony.model import Agent, SipTrunk
from telephony.sandbox.endpoints import Endpoint, routes
from telephony.sandbox.vendor import Json, Refusal, Sample, State, VendorSandbox

from . import calls, messages, numbers, targets, webhooks
from .account import Account
from .refusals import refusal

_EVENTS = ["call_started", "call_ended"]


class RetellSandbox(VendorSandbox):
    """An account with two agents for calls, one for texts, and no numbers.

    The webhooks of its agents for calls report beginnings and ends, and no analysis.

    Attributes:
        account: plant things in its tables.
    """

    name: ClassVar[str] = "retell"
    too_many: ClassVar[Refusal] = refusal(429, "Account rate limited, please throttle requests.")
    hosts: ClassVar[tuple[str, ...]] = ("sip.retellai.com",)

    def __init__(self) -> None:
        self.state: State = State(seed=0x2E)
        self.account: Account = Account(self.state)
        targets.add(self.account, "agent_reception", "Reception", "voice", _EVENTS)
        targets.add(self.account, "agent_sales", "Sales", "voice", _EVENTS)
        targets.add(self.account, "agent_texts", "Texts", "chat", ["chat_ended"])
        self.sample: Sample = Sample(
            target=Agent("agent_reception"),
            other_target=Agent("agent_sales"),
            source=SipTrunk(
                "example.pstn.twilio.com", username="out", password=SecretStr("sandbox-password")
            ),
            webhook_of="agent_reception",
        )

    def routes(self) -> Sequence[BaseRoute]:
        served: list[tuple[str, str, Endpoint[Account]]] = [
            ("GET", "/v2/list-phone-numbers", numbers.listed),
            ("GET", "/get-phone-number/{number}", numbers.fetch),
            ("POST", "/create-phone-number", numbers.buy),
            ("POST", "/import-phone-number", numbers.import_),
            ("PATCH", "/update-phone-number/{number}", numbers.update),
            ("DELETE", "/delete-phone-number/{number}", numbers.release),
            ("POST", "/v2/list-agents", targets.listed),
            ("GET", "/get-agent/{agent}", targets.voice),
            ("PATCH", "/update-agent/{agent}", targets.update),
            ("GET", "/get-chat-agent/{agent}", targets.chat),
            ("POST", "/v2/create-phone-call", calls.place),
            ("POST", "/v3/list-calls", calls.listed),
            ("GET", "/v2/get-call/{call}", calls.fetch),
            ("POST", "/v2/stop-call/{call}", calls.stop),
            ("POST", "/v3/list-chats", messages.listed),
            ("GET", "/get-chat/{chat}", messages.fetch),
        ]
        open_: list[tuple[str, str, Endpoint[Account]]] = [
            ("GET", "/storage/{call}.wav", calls.stored),
        ]
        return [
            *routes(self, self._authorize, served),
            *routes(self, lambda _: self.account, open_),
        ]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        return refusal(status, f"Cannot {request.method} {request.url.path}")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": webhooks.KEY}

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        return messages.receive(self.account, self._held(to), sender, body, sent_at)

    def receive_call(self, to: str, sender: str) -> str:
        number = self._held(to)
        agent = self.account.drawn(number, "inbound_agents")
        if agent is None:
            raise LookupError(f"No agent answers {to} in Retell's sandbox")
        return calls.receive(self.account, number, agent, sender)

    def answered_by(self, number: str) -> str | None:
        held = self.account.numbers.get(number)
        return self.account.drawn(held, "inbound_agents") if held is not None else None

    def _held(self, to: str) -> Json:
        if to not in self.account.numbers:
            raise LookupError(f"Retell's sandbox holds no number {to}")
        return self.account.numbers[to]

    def _authorize(self, request: Request) -> Account:
        if request.headers.get("authorization") != f"Bearer {webhooks.KEY}":
            raise refusal(401, "Invalid API key.")
        return self.account
