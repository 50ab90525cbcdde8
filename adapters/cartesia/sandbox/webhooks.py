"""The webhooks of Cartesia's emulation: kept, and sent as calls begin and end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from pydantic import BaseModel, Field
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute

from telephony.sandbox.courier import Delivery
from telephony.sandbox.vendor import Handler, Json, State, body_of, iso, route

from .input import checked, invalid, refusal

SECRET = "sandbox-webhook-secret"  # noqa: S105 - of the sandbox
FIRST = "webhook_sandbox"


class _Change(BaseModel):
    url: str | None = Field(default=None, pattern="^https?://")
    secret: str | None = Field(default=None, min_length=1)
    display_name: str | None = None


class _New(_Change):
    url: str = Field(pattern="^https?://")
    secret: str = Field(min_length=1)


class Webhooks:
    """The workspace's webhooks. One is there from the start; agents use none until told to.

    Attributes:
        of_agent: the id of the webhook that an agent uses.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.of_agent: dict[str, str] = {}
        self.all: dict[str, Json] = {
            FIRST: {"id": FIRST, "url": "https://example.com/cartesia", "secret": SECRET}
        }

    async def create(self, request: Request) -> Response:
        wanted = checked(_New, await body_of(request, invalid))
        made: Json = {"id": self._state.id("webhook_"), **wanted.model_dump(exclude_none=True)}
        self.all[str(made["id"])] = made
        self._state.record("webhook", str(made["id"]))
        return JSONResponse(made)

    async def get(self, request: Request) -> Response:
        return JSONResponse(_shown(self._found(request)))

    async def update(self, request: Request) -> Response:
        webhook = self._found(request)
        wanted = checked(_Change, await body_of(request, invalid))
        webhook.update(wanted.model_dump(exclude_none=True))
        return JSONResponse(_shown(webhook))

    async def delete(self, request: Request) -> Response:
        webhook = self._found(request)
        del self.all[str(webhook["id"])]
        return JSONResponse(webhook["id"])

    def _found(self, request: Request) -> Json:
        if request.path_params["id"] not in self.all:
            raise refusal(404, "Not found", "There is no such webhook.")
        return self.all[request.path_params["id"]]

    def tell(self, call: str, agent: str, number: str, other: str, direction: str) -> None:
        """Send what becomes of a call that is answered and ended."""
        url, secret, webhook = self._state.webhook, SECRET, None
        if agent in self.of_agent:
            webhook = self.of_agent[agent]
            url, secret = str(self.all[webhook]["url"]), str(self.all[webhook]["secret"])
        if url is None:
            return
        started, ended = iso(self._state.now()), iso(self._state.now())
        # Whoever called whom, `to` is the other side and `from` the agent's number.
        line: Json = {"to": other, "from": number, "direction": direction}
        body: Json = {"id": call, "agent_id": agent, "telephony_params": line}
        over: Json = {"status": "completed", "end_time": ended, "end_reason": "client_hangup"}
        begun: Json = {**body, "status": "started", "start_time": started, "end_time": None}
        headers = {"content-type": "application/json", "x-webhook-secret": secret}
        events = (("call_started", started, begun), ("call_completed", ended, {**begun, **over}))
        self._state.deliver(
            *(
                Delivery(
                    url=url,
                    body=to_json(
                        {
                            "type": kind,
                            "request_id": self._state.id("req_"),
                            "agent_id": agent,
                            "webhook_id": webhook,
                            "timestamp": at,
                            "call": told,
                        }
                    ),
                    sign=partial(dict, headers),
                )
                for kind, at, told in events
            )
        )


def routes(authorize: Callable[[Request], None], now: Callable[[], Webhooks]) -> list[BaseRoute]:
    """The routes of the webhooks that there are `now`: a reset replaces them."""

    def guarded(handler: Callable[[Webhooks, Request], Awaitable[Response]]) -> Handler:
        async def answer(request: Request) -> Response:
            authorize(request)
            return await handler(now(), request)

        return answer

    one = "/agents/webhooks/{id}"
    return [
        route("POST", "/agents/webhooks", guarded(Webhooks.create)),
        route("GET", one, guarded(Webhooks.get)),
        route("PATCH", one, guarded(Webhooks.update)),
        route("DELETE", one, guarded(Webhooks.delete)),
    ]


def _shown(webhook: Json) -> Json:
    """A webhook without its secret, which is shown only when it is made."""
    return {key: value for key, value in webhook.items() if key != "secret"}
