"""Twirp requests in JSON, each signed with a token of its own.

Source: docs.livekit.io/reference/server/server-apis and livekit-server 1.13.5.
"""

from __future__ import annotations

import re
import uuid
from dataclasses import replace

from telephony.wire import Json, Options, Request, Safety

from .settings import LiveKitSettings
from .tokens import signed

_ADMIN: Json = {"sip": {"admin": True, "call": False}}
# What is left out of these the server allows.
_NOTHING_ELSE: Json = {"canPublish": False, "canSubscribe": False, "canPublishData": False}

# Loading LiveKit's messages only for their fields' names would take longer than a request does.
NAMES = frozenset(
    """
    allowed_addresses allowed_numbers area_code attributes_to_headers auth_password auth_realm
    auth_username country_code created_at destination_country display_name from_host
    headers_to_attributes hide_phone_number inbound_numbers include_headers krisp_enabled
    max_call_duration media_encryption page_token participant_attributes participant_identity
    participant_metadata participant_name phone_numbers play_dialtone play_ringtone
    ringing_timeout ringing_timeout_status room_config room_name room_preset sip_call_to
    sip_dispatch_rule_id sip_from_header sip_number sip_request_uri sip_to_header sip_trunk_id
    to_user_override trunk_ids updated_at wait_until_answered
    """.split()  # noqa: SIM905 - as a list it takes a page
)
_CAMEL_CASE = {re.sub("_(.)", lambda part: part[1].upper(), name): name for name in NAMES}


class Twirp:
    """The requests to LiveKit, each with a token that allows only that request."""

    def __init__(self, settings: LiveKitSettings) -> None:
        self._key = settings.api_key
        self._secret = settings.api_secret

    def sip(self, method: str, body: Json, safety: Safety) -> Request:
        """Return a request to the service for trunks and dispatch rules."""
        return self._post("SIP", method, body, safety, _ADMIN)

    def phone_numbers(self, method: str, body: Json, safety: Safety) -> Request:
        """Return a request to LiveKit Phone Numbers."""
        return self._post("PhoneNumberService", method, body, safety, _ADMIN)

    def dial(self, body: Json, timeout: float) -> Request:
        """Return a request that places a call, to which LiveKit may take `timeout` to respond."""
        grants: Json = {"sip": {"admin": False, "call": True}}
        dialled = self._post("SIP", "CreateSIPParticipant", body, Safety.UNSAFE, grants)
        return replace(dialled, timeout=timeout)

    def dispatch(self, method: str, room: str, body: Json, safety: Safety) -> Request:
        """Return a request to the service that sends agents into rooms."""
        return self._in_room("AgentDispatchService", method, room, body, safety)

    def rooms(self) -> Request:
        """Return a request for the open rooms."""
        grants: Json = {"video": {"roomList": True, **_NOTHING_ELSE}}
        return self._post("RoomService", "ListRooms", {}, Safety.READ, grants)

    def room(self, method: str, room: str, body: Json, safety: Safety) -> Request:
        """Return a request about one room and those in it."""
        return self._in_room("RoomService", method, room, body, safety)

    def _in_room(self, service: str, method: str, room: str, body: Json, safety: Safety) -> Request:
        grants: Json = {"video": {"roomAdmin": True, "room": room, **_NOTHING_ELSE}}
        return self._post(service, method, {**body, "room": room}, safety, grants)

    def _post(self, service: str, method: str, body: Json, safety: Safety, grants: Json) -> Request:
        return Request(
            "POST",
            f"/twirp/livekit.{service}/{method}",
            json=body,
            headers={
                "Authorization": f"Bearer {signed(grants, self._key, self._secret)}",
                # The same for all attempts, so that LiveKit can recognise a retry.
                "X-Livekit-Request-Id": str(uuid.uuid4()),
            },
            safety=safety,
        )


def named_once(options: Options) -> Options:
    """Return `options` with LiveKit's fields under the names that this adapter uses.

    Twirp accepts camel case too, but not one field under both names.
    """
    return {_CAMEL_CASE.get(name, name): value for name, value in options.items()}
