"""The webhooks of AgentPhone's sandbox: the account's, and those of agents."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from pydantic import BaseModel, ConfigDict, Field, JsonValue, SecretStr
from pydantic.alias_generators import to_camel
from pydantic_core import to_json
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.courier import Delivery, on_any_failure
from telephony.sandbox.vendor import Json, State

from ..webhooks import sign
from .input import checked_body, seconds, unknown
from .mailbox import Text

SECRET = "whsec_sandbox"  # noqa: S105 - of the sandbox
_TRIES = 6
_ACCOUNT = ""

Handler = Callable[[Request], Awaitable[Response]]


class _Wanted(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)

    url: str = Field(pattern="^https?://")
    context_limit: int = Field(default=10, ge=0, le=50)
    timeout: int = Field(default=30, ge=5, le=120)


class Webhooks:
    """What is configured, by agent.

    Attributes:
        all: by the agent's id; the account's under an empty one.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self.all: dict[str, Json] = {}

    async def set(self, request: Request) -> Response:
        wanted = await checked_body(_Wanted, request)
        agent = request.path_params.get("agent", _ACCOUNT)
        held = self.all.get(agent)
        made: Json = {
            "id": held["id"] if held else self._state.id("wh_"),
            **wanted.model_dump(by_alias=True),
            # Documented: a new one every time, even if nothing else changes.
            "secret": self._state.id("whsec_", 24),
            "status": "active",
            "createdAt": seconds(self._state.now()),
        }
        self.all[agent] = made
        self._state.record("webhook", str(made["id"]))
        return JSONResponse(made)

    async def get(self, request: Request) -> Response:
        return JSONResponse(self.all.get(request.path_params.get("agent", _ACCOUNT)))

    async def delete(self, request: Request) -> Response:
        if self.all.pop(request.path_params.get("agent", _ACCOUNT), None) is None:
            raise unknown("Webhook")
        return JSONResponse({"success": True})

    def message(self, text: Text, agent: JsonValue) -> None:
        """Tell of a text that came in."""
        listed = text.in_number()
        data: Json = {
            "messageId": listed["id"],
            "conversationId": text.conversation,
            "numberId": text.number,
            "from": text.sender,
            "to": text.recipient,
            "contact": None,
            "message": listed["body"],
            "mediaUrl": None,
            "mediaUrls": listed["mediaUrls"],
            "direction": text.direction,
            "receivedAt": listed["receivedAt"],
        }
        self._send(agent, self._event("agent.message", listed["channel"], agent, data))

    def call(self, call: Json) -> None:
        """Tell of a call in which one thing is said, and of its end."""
        common: Json = {
            "callId": call["id"],
            "numberId": call["phoneNumberId"],
            "from": call["fromNumber"],
            "to": call["toNumber"],
            "direction": call["direction"],
        }
        said = "Is five okay?"
        turn: Json = {
            **common, "status": "in-progress", "transcript": said, "confidence": 0.95,
        }  # fmt: skip
        over: Json = {
            **common,
            "contact": None,
            "status": "completed",
            "startedAt": call["startedAt"],
            "endedAt": call["endedAt"],
            "durationSeconds": call["durationSeconds"],
            "disconnectionReason": "user_hangup",
            "transcript": [{"role": "user", "content": said}],
            "summary": None,
            "userSentiment": None,
            "callSuccessful": True,
        }
        agent = call["agentId"]
        self._send(
            agent,
            self._event("agent.message", "voice", agent, turn),
            self._event("agent.call_ended", "voice", agent, over),
        )

    def _event(self, event: str, channel: JsonValue, agent: JsonValue, data: Json) -> Json:
        told: Json = {
            "event": event,
            "channel": channel,
            "timestamp": seconds(self._state.now()),
            "agentId": agent,
            "data": data,
        }
        if event == "agent.message":
            told |= {"conversationState": None, "recentHistory": []}
        return told

    def _send(self, agent: JsonValue, *events: Json) -> None:
        # An agent's own webhook gets its events instead of the account's.
        held = self.all.get(str(agent)) or self.all.get(_ACCOUNT)
        url = str(held["url"]) if held else self._state.webhook
        secret = str(held["secret"]) if held else SECRET
        if url is not None:
            bodies = map(to_json, events)
            self._state.deliver(*(self._delivery(url, secret, body) for body in bodies))

    def _delivery(self, url: str, secret: str, body: bytes) -> Delivery:
        signed = partial(self._signed, SecretStr(secret), self._state.id("del_"), body)
        return Delivery(url, body, signed, _TRIES, on_any_failure)

    def _signed(self, secret: SecretStr, delivery: str, body: bytes) -> Mapping[str, str]:
        timestamp = str(int(self._state.now().timestamp()))
        return {
            "content-type": "application/json",
            "x-webhook-id": delivery,
            "x-webhook-timestamp": timestamp,
            "x-webhook-signature": sign(body, timestamp, secret),
        }


def handlers(now: Callable[[], Webhooks]) -> list[tuple[str, str, Handler]]:
    """What serves the webhooks that there are `now`: a reset replaces them."""

    def current(handler: Callable[[Webhooks, Request], Awaitable[Response]]) -> Handler:
        async def answer(request: Request) -> Response:
            return await handler(now(), request)

        return answer

    return [
        (method, path, current(handler))
        for path in ("/v1/webhooks", "/v1/agents/{agent}/webhook")
        for method, handler in (
            ("POST", Webhooks.set),
            ("GET", Webhooks.get),
            ("DELETE", Webhooks.delete),
        )
    ]
