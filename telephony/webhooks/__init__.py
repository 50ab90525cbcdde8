"""Every vendor's webhooks through one function, verified, in any web framework.

    events = webhooks.parse(provider, method=…, url=…, headers=…, body=…)

or, with duplicates, retries and replies taken care of:

    app = webhooks.asgi([provider], handler)    # or webhooks.wsgi
"""

from telephony.events import (
    CallEnded,
    CallStarted,
    CallTurn,
    Event,
    HandlerResult,
    MessageReceived,
    MessageStatusChanged,
    Reply,
    UnknownEvent,
    WebhookRequest,
    WebhookResponse,
)
from telephony.webhooks.asgi import asgi
from telephony.webhooks.parsing import key_of, parse
from telephony.webhooks.sqlite import SQLiteStore
from telephony.webhooks.store import Claim, ClaimState, MemoryStore, Store
from telephony.webhooks.wsgi import wsgi

__all__ = [
    "CallEnded",
    "CallStarted",
    "CallTurn",
    "Claim",
    "ClaimState",
    "Event",
    "HandlerResult",
    "MemoryStore",
    "MessageReceived",
    "MessageStatusChanged",
    "Reply",
    "SQLiteStore",
    "Store",
    "UnknownEvent",
    "WebhookRequest",
    "WebhookResponse",
    "asgi",
    "key_of",
    "parse",
    "wsgi",
]
