"""The sandbox itself: its account, authorization and routes."""

from collections.abc import Mapping, Sequence

from starlette.requests import Request
from starlette.routing import BaseRoute

from telephony.model import Agent
from telephony.sandbox.endpoints import Endpoint, routes
from telephony.sandbox.vendor import Refusal, Sample, State, VendorSandbox

from . import calls, numbers
from .account import Account
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
        served: list[tuple[str, str, Endpoint[Account]]] = [
            ("GET", "/numbers", numbers.listed),
            ("POST", "/numbers", numbers.buy),
            ("GET", "/numbers/{id}", numbers.fetch),
            ("PATCH", "/numbers/{id}", numbers.update),
            ("GET", "/lines", numbers.lines),
            ("POST", "/calls", calls.place),
            ("GET", "/calls", calls.listed),
            ("GET", "/calls/{id}", calls.fetch),
            ("POST", "/calls/{id}/end", calls.end),
            ("GET", "/calls/{id}/transcript", calls.transcript),
            ("GET", "/calls/{id}/sound", calls.recording),
        ]
        return routes(self, self._authorize, served)

    def refuse_route(self, request: Request, status: int) -> Refusal:
        return refusal(status, "no such route")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": _KEY}

    def _authorize(self, request: Request) -> Account:
        if request.headers.get("authorization") != f"Bearer {_KEY}":
            raise refusal(401, "no such key")
        return self.account
