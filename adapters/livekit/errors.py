"""LiveKit's errors. Source: livekit-server 1.13.5, and the Twirp specification, version 7."""

from __future__ import annotations

import re
from typing import cast

from telephony import errors
from telephony.reading import Body, error_text, read_or_none
from telephony.wire import Json, Response

_WRAPPED = re.compile(r"^(twirp error \w+: )+")
_NUMBERS = re.compile(r", using the same number\(s\) .*", re.DOTALL)
_NOT_ANSWERED = frozenset({408, 480, 486, 487, 491, 504, 600})
_REFUSED = frozenset({401, 402, 403, 407, 603, 607, 608})
_NO_SUCH_NUMBER = frozenset({301, 302, 404, 410, 481, 604})


class _Error(Body):
    code: str
    msg: str = ""
    meta: dict[str, object] | None = None


def error(response: Response) -> errors.ProviderError:
    """Return the error of a response.

    Those of Twirp are JSON; those of the authentication in front of it, of an unknown service and
    of proxies are plain text or a page.
    """
    said = read_or_none(_Error, response.content)
    if said is None:
        return _plain_text(response)
    message = _NUMBERS.sub("", _WRAPPED.sub("", said.msg))
    kind, hint = _meaning(said, response.status)
    return kind(
        message or "LiveKit refused the request",
        hint=hint,
        code=said.code,
        raw={"code": said.code, "msg": message, "meta": cast("Json", said.meta or {})},
    )


def _meaning(said: _Error, status: int) -> tuple[type[errors.ProviderError], str]:
    """Return the class of an error, and the hint where LiveKit needs one of its own."""
    sip_status = (said.meta or {}).get("sip_status_code")
    if sip_status is not None:
        # The carrier or the callee refused, not LiveKit, which turns that into 401 or 429 too:
        # neither a bad API key nor a rate limit.
        return _call_failed(str(sip_status))
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


def _plain_text(response: Response) -> errors.ProviderError:
    if response.status == 404:
        return errors.InvalidResponseError("There is no such LiveKit service at this address")
    text = error_text(response) or "LiveKit refused the request"
    return errors.class_for(response.status)(text)
