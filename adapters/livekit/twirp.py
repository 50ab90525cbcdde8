"""Twirp requests in JSON, each signed with a token of its own.

Source: docs.livekit.io/reference/server/server-apis and livekit-server 1.13.5.
"""

from __future__ import annotations

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
from pydantic import SecretStr

from telephony.wire import Json, Options, Request, Safety

from .settings import LiveKitSettings

# Longer than any operation, its retries included; a stolen token is soon worth nothing.
_TOKEN_LIFE = timedelta(minutes=10)
# HMAC fills a short key with zeros itself, so the signature is the same. Unfilled, PyJWT would warn
# on every request of what the server's own log says: that `livekit-server --dev` has a short key.
_KEY_LENGTH = 32

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


def signing_key(secret: SecretStr) -> str:
    """Return the secret as long as PyJWT wants it."""
    return secret.get_secret_value().ljust(_KEY_LENGTH, "\0")


class Twirp:
    """The requests to LiveKit, each with a token that allows only that request."""

    def __init__(self, settings: LiveKitSettings) -> None:
        self._key = settings.api_key
        self._secret = settings.api_secret

    def sip(self, method: str, body: Json, safety: Safety) -> Request:
        """Return a request to the service for trunks and dispatch rules."""
        return self._post("SIP", method, body, safety, sip=SIPGrants(admin=True))

    def phone_numbers(self, method: str, body: Json, safety: Safety) -> Request:
        """Return a request to LiveKit Phone Numbers."""
        return self._post("PhoneNumberService", method, body, safety, sip=SIPGrants(admin=True))

    def dial(self, body: Json, timeout: float) -> Request:
        """Return a request that places a call, to which LiveKit may take `timeout` to respond."""
        grants = SIPGrants(call=True)
        dialled = self._post("SIP", "CreateSIPParticipant", body, Safety.UNSAFE, sip=grants)
        return replace(dialled, timeout=timeout)

    def dispatch(self, method: str, room: str, body: Json, safety: Safety) -> Request:
        """Return a request to the service that sends agents into rooms."""
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
                # The same for all attempts, so that LiveKit can recognise a retry.
                "X-Livekit-Request-Id": str(uuid.uuid4()),
            },
            safety=safety,
        )


def as_json(message: Message) -> Json:
    """Return a request's body, with the documented field names and without unset fields."""
    body: Json = MessageToDict(message, preserving_proto_field_name=True)
    return body


def named_once(options: Options) -> Options:
    """Return `options` with LiveKit's fields under the names that this adapter uses.

    Twirp accepts camel case too, but not one field under both names.
    """
    return {_CAMEL_CASE.get(name, name): value for name, value in options.items()}
