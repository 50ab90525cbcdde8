"""Twirp over JSON: how requests to LiveKit are signed, and how its refusals are read.

Source: docs.livekit.io/reference/server/server-apis and livekit-server 1.13.5.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import replace
from datetime import timedelta

from google.protobuf.json_format import MessageToDict
from google.protobuf.message import Message
from livekit.api.access_token import AccessToken, SIPGrants, VideoGrants
from livekit.protocol.sip import (
    CreateSIPParticipantRequest,
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPOutboundTrunkInfo,
)
from pydantic import Field, JsonValue, SecretStr
from pydantic_core import from_json

from telephony import errors
from telephony.reading import Body, read
from telephony.wire import Json, Options, Request, Response, Safety

from .settings import LiveKitSettings

# Longer than any operation, its retries included; a stolen token is soon worth nothing.
_TOKEN_LIFE = timedelta(minutes=10)
# HMAC fills a short key with zeros itself, so the signature is the same. Unfilled, PyJWT would warn
# on every request of what the server's own log says: that `livekit-server --dev` has a short key.
_KEY_LENGTH = 32

_WRAPPED = re.compile(r"^(twirp error \w+: )+")
_NUMBERS = re.compile(r", using the same number\(s\) .*", re.DOTALL)

_CAMEL_CASE = {
    field.json_name: field.name
    for message in (
        CreateSIPParticipantRequest,
        SIPDispatchRuleInfo,
        SIPInboundTrunkInfo,
        SIPOutboundTrunkInfo,
    )
    for field in message.DESCRIPTOR.fields
} | {
    "areaCode": "area_code",
    "countryCode": "country_code",
    "phoneNumbers": "phone_numbers",
    "pageToken": "page_token",
}
_NOT_ANSWERED = frozenset({408, 480, 486, 487, 491, 504, 600})
_REFUSED = frozenset({401, 402, 403, 407, 603, 607, 608})
_NO_SUCH_NUMBER = frozenset({301, 302, 404, 410, 481, 604})


def signing_key(secret: SecretStr) -> str:
    """The secret as PyJWT wants it."""
    return secret.get_secret_value().ljust(_KEY_LENGTH, "\0")


class Twirp:
    """Builds requests, each with a token that allows just that request."""

    def __init__(self, settings: LiveKitSettings) -> None:
        self._key = settings.api_key
        self._secret = settings.api_secret

    def sip(self, method: str, body: Json, safety: Safety) -> Request:
        """Of the service that keeps trunks and dispatch rules."""
        return self._post("SIP", method, body, safety, sip=SIPGrants(admin=True))

    def phone_numbers(self, method: str, body: Json, safety: Safety) -> Request:
        """Of LiveKit Phone Numbers."""
        return self._post("PhoneNumberService", method, body, safety, sip=SIPGrants(admin=True))

    def dial(self, body: Json, timeout: float) -> Request:
        """Place a call; `timeout` is how long LiveKit may take to answer."""
        grants = SIPGrants(call=True)
        dialled = self._post("SIP", "CreateSIPParticipant", body, Safety.UNSAFE, sip=grants)
        return replace(dialled, timeout=timeout)

    def dispatch(self, method: str, room: str, body: Json, safety: Safety) -> Request:
        """Of the service that sends agents into rooms."""
        grants = VideoGrants(
            room_admin=True,
            room=room,
            can_publish=False,
            can_subscribe=False,
            can_publish_data=False,
        )
        body = {**body, "room": room}
        return self._post("AgentDispatchService", method, body, safety, video=grants)

    def _post(
        self,
        service: str,
        method: str,
        body: Json,
        safety: Safety,
        *,
        sip: SIPGrants | None = None,
        video: VideoGrants | None = None,
    ) -> Request:
        token = AccessToken(self._key, signing_key(self._secret)).with_ttl(_TOKEN_LIFE)
        if sip is not None:
            token.with_sip_grants(sip)
        if video is not None:
            token.with_grants(video)
        return Request(
            "POST",
            f"/twirp/livekit.{service}/{method}",
            json=body,
            headers={
                "Authorization": f"Bearer {token.to_jwt()}",
                # The same for all attempts, so that LiveKit can recognise a repetition.
                "X-Livekit-Request-Id": str(uuid.uuid4()),
            },
            safety=safety,
        )


def as_json(message: Message) -> Json:
    """A request's body, fields named as in the documentation, unset ones left out."""
    body: Json = MessageToDict(message, preserving_proto_field_name=True)
    return body


def named_once(options: Options) -> Options:
    """Return `options` with LiveKit's fields under the names that this adapter uses. Twirp takes
    them in camel case too, but not one field under both names."""
    return {_CAMEL_CASE.get(name, name): value for name, value in options.items()}


class _Refusal(Body):
    code: str
    msg: str = ""
    meta: dict[str, JsonValue] = Field(default_factory=dict)


def error(response: Response) -> errors.ProviderError:
    """What a refusal means. Twirp's are JSON; those of the authentication in front of it, of an
    unknown service and of proxies are plain text or a page."""
    try:
        said = read(_Refusal, from_json(response.content), response)
    except (ValueError, errors.ProviderError):
        return _unspoken(response)
    message = _NUMBERS.sub("", _WRAPPED.sub("", said.msg))
    kind, hint = _meaning(said, response.status)
    return kind(
        message or "LiveKit refused the request",
        hint=hint,
        code=said.code,
        raw={"code": said.code, "msg": message, "meta": said.meta},
    )


def _meaning(said: _Refusal, status: int) -> tuple[type[errors.ProviderError], str]:
    """The class of an error, and what to do about it where that is special to LiveKit."""
    if "sip_status_code" in said.meta:
        # Not LiveKit but the carrier or the callee said no. LiveKit words that as 401 or 429 too,
        # which must be taken neither for a bad API key nor for a request to try again.
        return _call_failed(str(said.meta["sip_status_code"]))
    words = said.msg.lower()
    # The bridge's own words, where it has no status of the carrier to show.
    if "sip request timed out" in words:
        return _call_failed("408")
    if "max auth retry attempts" in words or "server required auth" in words:
        return _call_failed("407")
    if said.code == "resource_exhausted" and ("for plan" in words or "quota" in words):
        return errors.QuotaExceededError, ""
    if "Conflicting inbound SIP Trunks" in said.msg:
        return errors.ConflictError, "An inbound trunk has this number: it is imported already."
    if "already exists in dispatch rule" in said.msg:
        return errors.ConflictError, "Change or delete that rule: unassign_number() does."
    if "redis required" in said.msg:
        return errors.UnavailableError, "SIP needs a server with `redis.address` configured."
    if "no response from servers" in said.msg:
        return errors.UnavailableError, "Start livekit-sip on the Redis that the server uses."
    if said.code == "bad_route":
        return errors.InvalidResponseError, "The server is too old for this: upgrade to 1.9."
    if said.code == "failed_precondition":
        return errors.ConflictError, ""
    return errors.class_for(status), ""


def _call_failed(sip_status: str) -> tuple[type[errors.ProviderError], str]:
    status = int(sip_status) if sip_status.isdecimal() else 0
    if status in _NOT_ANSWERED:
        return (
            errors.ConflictError,
            "The call was not answered. It is not dialled again automatically.",
        )
    if status in _REFUSED:
        hint = "The carrier or the callee refused the call: check the trunk's credentials there."
        return errors.PermissionDeniedError, hint
    if status in _NO_SUCH_NUMBER:
        return errors.NotFoundError, "The carrier knows no such number to call."
    if status >= 500:
        return errors.UnavailableError, "The carrier failed, not LiveKit: see its status page."
    return errors.InvalidRequestError, "The carrier did not accept the call."


def _unspoken(response: Response) -> errors.ProviderError:
    text = response.content.decode("utf-8", "replace").strip()
    if response.status == 404:
        return errors.InvalidResponseError("There is no such LiveKit service at this address")
    if not text or text.startswith(("<", "{", "[")):
        text = "LiveKit refused the request"
    return errors.class_for(response.status)(text)
