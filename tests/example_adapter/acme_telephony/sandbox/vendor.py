"""The sandbox itself: its account, who may reach it, and where everything is served."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from telephony.model import Agent
from telephony.sandbox.vendor import Handler, Refusal, Sample, State, VendorSandbox, route

from . import numbers
from .account import Account, Answer
from .refusals import refusal

_KEY = "acme-sandbox-key"


class AcmeSandbox(VendorSandbox):
    """An account with two lines and no numbers."""

    name = "acme"

    def __init__(self) -> None:
        self.state = State()
        self.account = Account(self.state)
        self.sample = Sample(target=Agent("line_1"), other_target=Agent("line_2"))

    def routes(self) -> Sequence[BaseRoute]:
        served: list[tuple[str, str, Answer]] = [
            ("GET", "/numbers", numbers.listed),
            ("POST", "/numbers", numbers.buy),
            ("GET", "/numbers/{id}", numbers.fetch),
            ("PATCH", "/numbers/{id}", numbers.update),
        ]
        return [route(method, path, self._serve(answer)) for method, path, answer in served]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        return refusal(status, "no such route")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": _KEY}

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        raise LookupError("Acme carries voice only")

    def _serve(self, answer: Answer) -> Handler:
        async def served(request: Request) -> Response:
            if request.headers.get("authorization") != f"Bearer {_KEY}":
                raise refusal(401, "no such key")
            return await answer(self.account, request)

        return served
