"""What is served below ``/_sandbox``: for the page, the command line and other languages."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, TypeVar

from pydantic import BaseModel, Field, ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from telephony.errors import ConfigurationError, InvalidRequestError
from telephony.numbers import e164
from telephony.sandbox.calls import SPOKEN
from telephony.sandbox.faults import App, Fault
from telephony.sandbox.guard import LoopbackOnly
from telephony.sandbox.port import Port
from telephony.sandbox.vendor import Refusal

if TYPE_CHECKING:
    from telephony.sandbox.server import Sandbox

M = TypeVar("M", bound=BaseModel)

_NOTHING = 204


class _Call(BaseModel):
    to: str
    sender: Annotated[str, Field(alias="from")]
    lasting: bool = False


class _Text(BaseModel):
    to: str
    sender: Annotated[str, Field(alias="from")]
    body: Annotated[str, Field(min_length=1)]


class _Clock(BaseModel):
    seconds: float


class _Webhook(BaseModel):
    url: str | None


class Control:
    """The routes that make things happen at a sandbox."""

    def __init__(self, sandbox: Sandbox, port: Port) -> None:
        self._sandbox = sandbox
        self._port = port

    def application(self, more: Sequence[BaseRoute]) -> App:
        """Return what serves these routes and `more`, to programs and to our own page."""

        def refused(_: Request, error: Exception) -> Response:
            if not isinstance(error, Refusal):
                raise error
            return error.response()

        routes = [*self._routes(), *more]
        app = Starlette(routes=routes, exception_handlers={Refusal: refused})
        return LoopbackOnly(app, own_pages_only=True)

    def _routes(self) -> list[Route]:
        of_vendor = "/_sandbox/{vendor}"
        return [
            Route("/_sandbox", self._describe, methods=["GET"]),
            Route("/_sandbox/reset", self._reset, methods=["POST"]),
            Route("/_sandbox/faults", self._set_fault, methods=["POST"]),
            Route("/_sandbox/faults", self._clear_faults, methods=["DELETE"]),
            Route("/_sandbox/webhook", self._set_webhook, methods=["PUT"]),
            Route(f"{of_vendor}/ledger", self._show_ledger, methods=["GET"]),
            Route(f"{of_vendor}/messages", self._plant, methods=["POST"]),
            Route(f"{of_vendor}/calls", self._ring, methods=["POST"]),
            Route(f"{of_vendor}/clock", self._advance, methods=["POST"]),
        ]

    async def _describe(self, _: Request) -> Response:
        sandbox = self._sandbox
        return JSONResponse(
            {
                "vendors": {name: sandbox.settings(name) for name in sandbox.vendors},
                "own": {name: sandbox.own_variables(name) for name in sandbox.vendors},
            }
        )

    async def _reset(self, _: Request) -> Response:
        await asyncio.to_thread(self._sandbox.reset)
        return Response(status_code=_NOTHING)

    async def _set_fault(self, request: Request) -> Response:
        fault = await _read(Fault, request)
        if fault.waits:
            self._sandbox.fail(fault)
        else:
            await self._port.refuse(fault.seconds, but=request.scope["client"])
        return Response(status_code=_NOTHING)

    async def _clear_faults(self, _: Request) -> Response:
        await asyncio.to_thread(self._sandbox.heal)
        return Response(status_code=_NOTHING)

    async def _set_webhook(self, request: Request) -> Response:
        wanted = await _read(_Webhook, request)
        try:
            self._sandbox.send_webhooks(wanted.url or None)
        except ConfigurationError as error:
            raise _refused(str(error)) from None
        return Response(status_code=_NOTHING)

    async def _show_ledger(self, request: Request) -> Response:
        entries = self._sandbox.ledger(self._vendor(request))
        return JSONResponse([{"kind": e.kind, "id": e.id, "number": e.number} for e in entries])

    async def _plant(self, request: Request) -> Response:
        wanted, vendor = await _read(_Text, request), self._vendor(request)
        return await self._planted(
            lambda: self._sandbox.receive_message(
                vendor, wanted.to, sender=e164(wanted.sender, argument="from"), body=wanted.body
            )
        )

    async def _ring(self, request: Request) -> Response:
        wanted, vendor = await _read(_Call, request), self._vendor(request)
        over = [] if wanted.lasting else SPOKEN
        return await self._planted(
            lambda: self._sandbox.receive_call(
                vendor,
                wanted.to,
                sender=e164(wanted.sender, argument="from"),
                lasting=wanted.lasting,
            ),
            turns=[{"speaker": speaker, "text": text} for _, speaker, text in over],
        )

    async def _advance(self, request: Request) -> Response:
        wanted = await _read(_Clock, request)
        self._sandbox.advance(self._vendor(request), wanted.seconds)
        return Response(status_code=_NOTHING)

    def _vendor(self, request: Request) -> str:
        name = str(request.path_params["vendor"])
        if name not in self._sandbox.vendors:
            raise _refused(f"The sandbox does not serve {name!r}.", 404)
        return name

    async def _planted(self, plant: Callable[[], str], **more: object) -> Response:
        """Return what was planted, and what became of its webhooks."""
        already = len(await asyncio.to_thread(self._sandbox.delivered))
        try:
            planted = plant()
        except LookupError as error:
            raise _refused(str(error), 404) from None
        except InvalidRequestError as error:
            raise _refused(str(error)) from None
        tries = (await asyncio.to_thread(self._sandbox.delivered))[already:]
        tries_made = [{"url": each.url, "status": each.status} for each in tries]
        return JSONResponse({"id": planted, "webhooks": tries_made, **more})


async def _read(model: type[M], request: Request) -> M:
    """Return what a request asks for. Raises `Refusal`."""
    try:
        return model.model_validate_json(await request.body())
    except ValidationError as error:
        found = error.errors(include_url=False)[0]
        where = ".".join(map(str, found["loc"]))
        raise _refused(f"{where}: {found['msg']}" if where else found["msg"]) from None


def _refused(reason: str, status: int = 422) -> Refusal:
    return Refusal(status, {"error": reason})
