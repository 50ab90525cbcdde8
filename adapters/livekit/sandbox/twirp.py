"""Twirp as LiveKit's server speaks it: who may call what, in JSON and in protobuf."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import jwt
from google.protobuf.json_format import MessageToDict, ParseDict, ParseError
from google.protobuf.message import DecodeError, Message
from pydantic import JsonValue
from pydantic_core import from_json
from starlette.requests import Request
from starlette.responses import Response

from telephony.sandbox.vendor import Json, Refusal

from .account import Account
from .refusals import malformed_json, refusal

_LEEWAY = 60

Claims = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Method:
    """One RPC.

    Attributes:
        request: an empty message of what it is sent; None: JSON only, as no messages are published.
        allowed: whether a token's claims permit the request.
        run: does the work.
    """

    request: Callable[[], Message] | None
    allowed: Callable[[Claims, Message | Json], bool]
    run: Callable[..., Message | Json]


def claims(request: Request, keys: Mapping[str, str]) -> Claims:
    """Return the claims of the request's token. Refused in plain text, before Twirp."""
    header = request.headers.get("authorization", "")
    if not header:
        return {}
    if not header.startswith("Bearer "):
        raise Refusal(401, "invalid authorization header. Must start with Bearer ")
    token = header.removeprefix("Bearer ")
    try:
        issuer = jwt.decode(token, options={"verify_signature": False}).get("iss", "")
    except jwt.PyJWTError:
        raise Refusal(401, "invalid authorization token") from None
    if issuer not in keys:
        raise Refusal(401, f"invalid API key: {issuer}")
    try:
        found: Claims = jwt.decode(
            token,
            keys[issuer],
            algorithms=["HS256"],
            leeway=_LEEWAY,
            options={"require": ["exp"]},
        )
    except jwt.PyJWTError as error:
        # The server does repeat the token.
        raise Refusal(401, f"invalid token: {token}, error: {error}") from None
    return found


def sip_admin(found: Claims, _: Message | Json) -> bool:
    return _sip_grant(found, "admin")


def sip_call(found: Claims, _: Message | Json) -> bool:
    return _sip_grant(found, "call")


def sip_call_in_room(found: Claims, wanted: Message | Json) -> bool:
    return sip_call(found, wanted) and room_admin(found, wanted)


def room_list(found: Claims, _: Message | Json) -> bool:
    grants = found.get("video")
    return isinstance(grants, dict) and bool(grants.get("roomList"))


def room_admin(found: Claims, wanted: Message | Json) -> bool:
    """Of the room that the request is about."""
    grants = found.get("video")
    room = getattr(wanted, "room", None) or getattr(wanted, "room_name", "")
    return isinstance(grants, dict) and bool(grants.get("roomAdmin")) and grants.get("room") == room


async def serve(
    account: Account,
    request: Request,
    found: Claims,
    methods: Mapping[str, Method],
    unready: Refusal | None,
) -> Response:
    """Run a method; `unready` refuses every permitted request before it is looked at."""
    kind = request.headers.get("content-type", "").split(";")[0].strip().lower()
    name = request.path_params["method"]
    if request.method != "POST":
        raise _bad_route(request, f'unsupported method "{request.method}" (only POST is allowed)')
    if name not in methods:
        raise _bad_route(request, f'no handler for path "{_path(request)}"')
    method = methods[name]
    if kind != "application/json" and (kind != "application/protobuf" or method.request is None):
        raise _bad_route(request, f'unexpected Content-Type: "{kind}"')
    wanted = _read(await request.body(), kind, method)
    if not method.allowed(found, wanted):
        raise refusal("unauthenticated", "permissions denied")
    if unready is not None:
        raise unready
    result = method.run(account, wanted)
    if isinstance(result, Message) and kind == "application/protobuf":
        return Response(result.SerializeToString(), media_type=kind)
    shown = as_json(result) if isinstance(result, Message) else result
    return Response(json.dumps(shown), media_type="application/json")


def as_json(message: Message) -> Json:
    """As Go writes it: default values too, and null for messages that are not set."""
    shown: Json = MessageToDict(
        message, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    _with_nulls(message, shown)
    return shown


def _sip_grant(found: Claims, name: str) -> bool:
    grants = found.get("sip")
    return isinstance(grants, dict) and grants.get(name) is True


def _with_nulls(message: Message, shown: Json) -> None:
    for field in message.DESCRIPTOR.fields:
        kind = field.message_type
        if kind is None or kind.GetOptions().map_entry:
            continue
        value, inside = getattr(message, field.name), shown.get(field.name)
        if field.is_repeated:
            for one, seen in zip(value, inside if isinstance(inside, list) else (), strict=False):
                if isinstance(seen, dict):
                    _with_nulls(one, seen)
        elif isinstance(inside, dict):
            _with_nulls(value, inside)
        elif field.name not in shown and field.containing_oneof is None:
            shown[field.name] = None


def _read(body: bytes, kind: str, method: Method) -> Message | Json:
    if method.request is not None and kind == "application/protobuf":
        wanted = method.request()
        try:
            wanted.ParseFromString(body)
        except DecodeError:
            raise refusal("malformed", "the protobuf request could not be decoded") from None
        return wanted
    try:
        value = from_json(body)
        if not isinstance(value, dict):
            raise TypeError
        if method.request is None:
            return value
        return ParseDict(value, method.request(), ignore_unknown_fields=True)
    except (ValueError, TypeError, ParseError):
        raise malformed_json() from None


def _bad_route(request: Request, message: str) -> Refusal:
    route: Json = {"twirp_invalid_route": f"{request.method} {_path(request)}"}
    return refusal("bad_route", message, route)


def _path(request: Request) -> str:
    return f"/twirp/livekit.{request.path_params['service']}/{request.path_params['method']}"
