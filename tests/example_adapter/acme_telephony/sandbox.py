"""Acme's documented API on loopback."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from telephony.model import Agent
from telephony.sandbox.vendor import Json, Refusal, Sample, State, VendorSandbox, body_of, route

_KEY = "acme-sandbox-key"
_PAGE = 50


class AcmeSandbox(VendorSandbox):
    """An account with two lines and no numbers."""

    name = "acme"

    def __init__(self) -> None:
        self.state = State()
        self.numbers: dict[str, Json] = {}
        self.sample = Sample(target=Agent("line_1"), other_target=Agent("line_2"))

    def routes(self) -> Sequence[BaseRoute]:
        return [
            route("GET", "/numbers", self._list),
            route("POST", "/numbers", self._buy),
            route("GET", "/numbers/{id}", self._get),
            route("PATCH", "/numbers/{id}", self._change),
        ]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        return _refusal(status, "no such route")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {"base_url": base_url, "api_key": _KEY}

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        raise LookupError("Acme carries voice only")

    async def _list(self, request: Request) -> Response:
        _authorize(request)
        ids = list(self.numbers)
        after = request.query_params.get("after")
        start = ids.index(after) + 1 if after else 0
        page = [self.numbers[held] for held in ids[start : start + _PAGE]]
        more = page[-1]["id"] if start + _PAGE < len(ids) else None
        return JSONResponse({"numbers": page, "next": more})

    async def _buy(self, request: Request) -> Response:
        _authorize(request)
        body = await body_of(request, lambda problem: _refusal(400, problem))
        bought, number = self.state.id("n_"), f"+1650555{len(self.numbers):04d}"
        self.numbers[bought] = {"id": bought, "number": number, "line": None, **body}
        self.state.record("purchase", bought, number)
        return JSONResponse(self.numbers[bought], 201)

    async def _get(self, request: Request) -> Response:
        return JSONResponse(self._number(request))

    async def _change(self, request: Request) -> Response:
        number = self._number(request)
        number.update(await body_of(request, lambda problem: _refusal(400, problem)))
        return JSONResponse(number)

    def _number(self, request: Request) -> Json:
        _authorize(request)
        if request.path_params["id"] not in self.numbers:
            raise _refusal(404, "no such number")
        return self.numbers[request.path_params["id"]]


def _authorize(request: Request) -> None:
    if request.headers.get("authorization") != f"Bearer {_KEY}":
        raise _refusal(401, "no such key")


def _refusal(status: int, text: str) -> Refusal:
    return Refusal(status, {"code": f"E{status}", "text": text})
