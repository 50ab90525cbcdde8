"""How a call ended: Vapi's reasons, of which there are some 600, as statuses.

Most of them are errors, and new ones come with every part that Vapi adds, so a reason that is not
named here means that the call failed. Source: docs.vapi.ai/calls/call-ended-reason.
"""

from __future__ import annotations

import re

from telephony.model import CallStatus

_REASONS = (
    ("customer-busy", CallStatus.BUSY),
    ("customer-did-not-answer", CallStatus.NO_ANSWER),
    (".*outbound-sip-(408-request-timeout|480-temporarily-unavailable)", CallStatus.NO_ANSWER),
    ("manually-canceled|scheduled-call-deleted|call-deleted", CallStatus.CANCELED),
    (r"call\.ringing\.sip-inbound-caller-hungup-before-call-connect", CallStatus.CANCELED),
    ("(assistant|customer)-ended-call.*", CallStatus.COMPLETED),
    ("assistant-said-end-call-phrase|assistant-forwarded-call", CallStatus.COMPLETED),
    ("silence-timed-out|exceeded-max-duration|voicemail", CallStatus.COMPLETED),
    (r"vonage-completed|call\.in-progress\.(twilio|sip)-completed-call", CallStatus.COMPLETED),
    (r"call\.(ringing|ending)\.hook-executed-.*", CallStatus.COMPLETED),
    # The assistant had spoken with the caller before it passed the call on.
    (r"call\.forwarding\.(operator-busy|no-answer)", CallStatus.COMPLETED),
)
_PATTERNS = [(re.compile(pattern), status) for pattern, status in _REASONS]


def status(reason: str | None) -> CallStatus:
    """Return the status of a call that ended for this reason."""
    if reason is None:
        return CallStatus.UNKNOWN
    found = (status for pattern, status in _PATTERNS if pattern.fullmatch(reason))
    return next(found, CallStatus.FAILED)
