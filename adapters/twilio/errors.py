"""Twilio's errors. Source: twilio.com/docs/api/errors.

Codes of delivery failures and of failing webhooks (30xxx, 11xxx, 12xxx) never come as a response:
the former are in a message's `error`, the latter only in Twilio's debugger.
"""

from __future__ import annotations

from telephony.errors import (
    AuthenticationError,
    ConflictError,
    InvalidRequestError,
    NotFoundError,
    PermissionDeniedError,
    ProviderError,
    QuotaExceededError,
    RateLimitedError,
    class_for,
)
from telephony.reading import Body, error_object, read_or_none
from telephony.wire import Response

TAKEN = "21422"
_AUTHENTICATION = "20003"

_SENDER = (
    "Use a number of this account that can do it there: list_numbers() has `channels` of each."
)
_NOT_PERMITTED = (
    "These credentials may not do this: use the auth token, a Main or Standard key, or a "
    "Restricted key that has the permission; for a subaccount, a Main key of the main account."
)
_GEOGRAPHY = "Allow the country under geographic permissions in the Twilio console."
_TRIAL = "Trial and unverified accounts reach verified numbers only: upgrade or verify."
_ADDRESS = "Register an address with Twilio and give it: options={'AddressSid': 'AD…'}."
_BUNDLE = "Give an approved regulatory bundle: options={'BundleSid': 'BU…'}."

_MEANINGS: dict[str, tuple[type[ProviderError], str | None]] = {
    "10002": (QuotaExceededError, "A trial account holds one number: upgrade or release it."),
    "20001": (InvalidRequestError, None),
    _AUTHENTICATION: (
        AuthenticationError,
        "Check account_sid and its auth token or API key; each belongs to one account and region.",
    ),
    "20008": (AuthenticationError, "Test credentials do not reach this: use live ones."),
    "20404": (NotFoundError, None),
    "20429": (RateLimitedError, None),
    "21210": (NotFoundError, "Call from a number of this account or a verified caller id."),
    "21211": (InvalidRequestError, None),
    "21212": (InvalidRequestError, None),
    "21214": (InvalidRequestError, "Twilio cannot reach this number by a call."),
    "21215": (PermissionDeniedError, _GEOGRAPHY),
    "21216": (PermissionDeniedError, "Twilio blocks calls to this number."),
    "21217": (InvalidRequestError, None),
    "21408": (PermissionDeniedError, _GEOGRAPHY),
    "21421": (InvalidRequestError, None),
    TAKEN: (ConflictError, "It cannot be had just now: search_numbers() again, take another."),
    "21452": (NotFoundError, "Try another area code, or none."),
    "21473": (PermissionDeniedError, None),
    "21474": (PermissionDeniedError, "Use the credentials of the main account."),
    "21601": (NotFoundError, _SENDER),
    "21606": (NotFoundError, _SENDER),
    "21607": (QuotaExceededError, _TRIAL),
    "21608": (QuotaExceededError, _TRIAL),
    "21610": (
        ConflictError,
        "The recipient opted out of this sender; only a START from them undoes it.",
    ),
    "21611": (RateLimitedError, "This sender's queue is full: wait, or use another number."),
    "21612": (InvalidRequestError, "Twilio cannot text this recipient from this number."),
    "21613": (InvalidRequestError, _ADDRESS),
    "21614": (InvalidRequestError, "The recipient cannot receive texts; it may be a landline."),
    "21628": (InvalidRequestError, "Correct the address at Twilio."),
    "21631": (InvalidRequestError, _ADDRESS),
    "21649": (InvalidRequestError, _BUNDLE),
    "21651": (InvalidRequestError, _BUNDLE),
    "21661": (NotFoundError, _SENDER),
    "21703": (NotFoundError, "Add a sender to the Messaging Service in the Twilio console."),
    "21910": (
        InvalidRequestError,
        "Send from the recipient's channel: both whatsapp:, or neither.",
    ),
    "22110": (InvalidRequestError, None),
    "63007": (NotFoundError, "Register the sender with the channel in the Twilio console."),
    "70002": (InvalidRequestError, None),
}


class _Error(Body):
    """An error in Twilio's own form, or in that of RFC 9457, which newer services use."""

    code: str | int | None = None
    message: str | None = None
    title: str | None = None
    detail: str | None = None


def error(response: Response) -> ProviderError:
    """Return the error of a response, which from a gateway may be a page or empty."""
    body = error_object(response)
    said = read_or_none(_Error, body) or _Error()
    code = None if said.code is None else str(said.code)
    kind, hint = _MEANINGS.get(code or "", (class_for(response.status), None))
    if (code, response.status) == (_AUTHENTICATION, 403):
        kind, hint = PermissionDeniedError, _NOT_PERMITTED
    if response.status >= 500:
        kind, hint = class_for(response.status), None
    text = said.message or ": ".join(part for part in (said.title, said.detail) if part)
    return kind(
        text or "Twilio refused the request",
        hint=hint or "",
        code=code,
        raw=body or None,
    )
