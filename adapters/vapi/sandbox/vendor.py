"""The sandbox itself: its organization, authorization and routes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from pydantic import SecretStr
from starlette.requests import Request
from starlette.routing import BaseRoute

from telephony.model import Agent, VonageAccount
from telephony.sandbox.endpoints import Endpoint, routes
from telephony.sandbox.vendor import Json, Refusal, Sample, State, VendorSandbox

from . import calls, carriers, numbers, targets, webhooks
from .account import Account
from .refusals import missing, refusal

_AGENTS = ("assistantId", "squadId", "workflowId")
_KEY = "5b2d7c1e-sandbox-key"
RECEPTION, SALES, SQUAD, WORKFLOW = (f"00000000-0000-4000-8000-00000000000{n}" for n in range(1, 5))


class VapiSandbox(VendorSandbox):
    """An organization with two assistants, a squad and a workflow, and no numbers.

    Its carriers hold every number, except those that end in 0000.

    Attributes:
        account: the organization; plant things in its tables.
    """

    name: ClassVar[str] = "vapi"
    too_many: ClassVar[Refusal] = refusal(429, "Rate limit exceeded")
    hosts: ClassVar[tuple[str, ...]] = ("sip.vapi.ai", "sip.eu.vapi.ai")

    def __init__(self) -> None:
        self.state: State = State(seed=0x7A)
        self.account: Account = Account(self.state)
        for table, id_, name in (
            (self.account.assistants, RECEPTION, "Reception"),
            (self.account.assistants, SALES, "Sales"),
            (self.account.squads, SQUAD, "Front office"),
            (self.account.workflows, WORKFLOW, "Booking"),
        ):
            table[id_] = {**self.account.stamps(), "id": id_, "name": name}
        self.sample: Sample = Sample(
            target=Agent(RECEPTION),
            other_target=Agent(SALES),
            carrier=VonageAccount("a1b2c3d4", SecretStr("sandbox-secret")),
            unimportable="+14155550000",
            webhook_of="number",
        )

    def routes(self) -> Sequence[BaseRoute]:
        served: list[tuple[str, str, Endpoint[Account]]] = [
            ("GET", "/phone-number", numbers.listed),
            ("POST", "/phone-number", numbers.create),
            ("GET", "/v2/phone-number", numbers.paged),
            ("GET", "/phone-number/{id}", numbers.fetch),
            ("PATCH", "/phone-number/{id}", numbers.update),
            ("DELETE", "/phone-number/{id}", numbers.release),
            ("GET", "/assistant", targets.assistants),
            ("GET", "/assistant/{id}", targets.assistant),
            ("PATCH", "/assistant/{id}", webhooks.update),
            ("GET", "/squad", targets.squads),
            ("GET", "/squad/{id}", targets.squad),
            ("GET", "/workflow/{id}", targets.workflow),
            ("POST", "/call", calls.place),
            ("GET", "/call", calls.listed),
            ("GET", "/call/{id}", calls.fetch),
            ("DELETE", "/call/{id}", calls.remove),
            ("GET", "/call/{id}/mono-recording", calls.recording),
            ("GET", "/credential", carriers.listed),
            ("POST", "/credential", carriers.link),
            ("GET", "/credential/{id}", carriers.fetch),
            ("PATCH", "/credential/{id}", carriers.rotate),
            ("DELETE", "/credential/{id}", carriers.unlink),
        ]
        open_: list[tuple[str, str, Endpoint[Account]]] = [
            ("POST", "/control/{id}", calls.control),
            ("GET", "/storage/{id}.wav", calls.stored),
        ]
        return [
            *routes(self, self._authorize, served),
            *routes(self, lambda _: self.account, open_),
        ]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        self._authorize(request)
        # NestJS knows routes with their methods only.
        return missing(f"Cannot {request.method} {request.url.path}:")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": _KEY, "webhook_secret": webhooks.SECRET}

    def answered_by(self, number: str) -> str | None:
        for held in self.account.numbers.values():
            if held.get("number") == number:
                return next((str(held[key]) for key in _AGENTS if key in held), None)
        return None

    def receive_call(self, to: str, sender: str) -> str:
        for number in self.account.numbers.values():
            answering = {key: number[key] for key in _AGENTS if key in number}
            if number.get("number") == to and answering:
                call: Json = {
                    **self.account.stamps(),
                    **answering,
                    "type": "inboundPhoneCall",
                    "phoneNumberId": number["id"],
                    "customer": {"number": sender},
                }
                return calls.receive(self.account, call)
        raise LookupError(f"No assistant answers {to} in Vapi's sandbox")

    def _authorize(self, request: Request) -> Account:
        if request.headers.get("authorization", "") != f"Bearer {_KEY}":
            raise refusal(401, "Invalid Key. Hot tip, you may be using the public key.")
        return self.account
