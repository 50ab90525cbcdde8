"""LiveKit's server on loopback: SIP, agent dispatch and, as on LiveKit Cloud, Phone Numbers.

Checked against livekit-server 1.13.5; Phone Numbers, which it lacks, follow the published protobuf.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import ClassVar

from pydantic import SecretStr
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from telephony.model import Agent, SipTrunk
from telephony.sandbox.vendor import Json, Refusal, Sample, State, VendorSandbox

from .calls import Calls
from .numbers import PhoneNumberService
from .trunks import SipService
from .twirp import claims, refusal, serve
from .webhooks import called

_KEY = "APIsandbox"
_SECRET = "sandbox-secret-of-at-least-32-bytes"  # noqa: S105 - of the sandbox
_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"]


class LiveKitSandbox(VendorSandbox):
    """A LiveKit Cloud project without trunks, rules and numbers, where agents have any name.

    Attributes:
        sip: trunks and dispatch rules; see `SipService` for what can be planted.
        calls: agent dispatches and calls; see `Calls`.
        phone_numbers: LiveKit Phone Numbers.
        has_redis: False makes it a server without one, where SIP answers "redis required".
        has_phone_numbers: False makes it an own server, where Phone Numbers are no service.
        next_answers: by method, what the next call is answered whatever it asks.
    """

    name: ClassVar[str] = "livekit"
    too_many = refusal("resource_exhausted", "rate limit exceeded")

    def __init__(self) -> None:
        self.state = State(seed=0x11)
        self.sip = SipService(self.state)
        self.calls = Calls(self.state, self.sip)
        self.phone_numbers = PhoneNumberService(self.state, self.sip)
        self.has_redis = True
        self.has_phone_numbers = True
        self.next_answers: dict[str, Json] = {}
        self.sample = Sample(
            target=Agent("reception"),
            other_target=Agent("sales"),
            source=SipTrunk(
                "acme.pstn.example.com",
                username="acme",
                password=SecretStr("sandbox-sip-password"),
            ),
        )

    def routes(self) -> Sequence[BaseRoute]:
        return [Route("/twirp/livekit.{service}/{method}", self._serve, methods=_METHODS)]

    def refuse_route(self, request: Request, status: int) -> Refusal:
        claims(request, {_KEY: _SECRET})
        return Refusal(404, "404 page not found\n")

    def settings(self, base_url: str) -> Mapping[str, str]:
        return {
            "base_url": base_url,
            "api_key": _KEY,
            "api_secret": _SECRET,
            "phone_numbers": "true",
        }

    def receive_message(self, to: str, sender: str, body: str, *, sent_at: datetime | None) -> str:
        raise LookupError("LiveKit carries voice only")

    def receive_call(self, to: str, sender: str) -> str:
        rule = self.sip.rule_for(to) or self.phone_numbers.rule_for(to)
        if rule is None:
            raise LookupError(f"No dispatch rule answers {to} in LiveKit's sandbox")
        return called(self.state, (_KEY, _SECRET), to, sender, rule)

    async def _serve(self, request: Request) -> Response:
        found = claims(request, {_KEY: _SECRET})
        service = request.path_params["service"]
        if request.path_params["method"] in self.next_answers:
            return JSONResponse(self.next_answers.pop(request.path_params["method"]))
        if service == "SIP":
            unready = None
            if not self.has_redis:
                unready = refusal("internal", "sip not connected (redis required)")
            methods = {**self.sip.methods(), **self.calls.sip_methods()}
            return await serve(request, found, methods, unready)
        if service == "AgentDispatchService":
            return await serve(request, found, self.calls.dispatch_methods(), None)
        if service == "PhoneNumberService" and self.has_phone_numbers:
            return await serve(request, found, self.phone_numbers.methods(), None)
        raise self.refuse_route(request, 404)
