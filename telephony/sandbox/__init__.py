"""The vendors' documented APIs on loopback, for developing and testing without an account."""

from telephony.sandbox.arrivals import Arrival
from telephony.sandbox.calls import ReceivedCall
from telephony.sandbox.exchanges import Exchange
from telephony.sandbox.faults import Fault
from telephony.sandbox.recording import Received
from telephony.sandbox.server import Sandbox
from telephony.sandbox.vendor import Entry, Refusal, Sample, VendorSandbox
from telephony.sandbox.webhook_sender import DeliveryAttempt, OutgoingWebhook
from telephony.sandbox.world import Answerer

__all__ = [
    "Answerer",
    "Arrival",
    "DeliveryAttempt",
    "Entry",
    "Exchange",
    "Fault",
    "OutgoingWebhook",
    "Received",
    "ReceivedCall",
    "Refusal",
    "Sample",
    "Sandbox",
    "VendorSandbox",
]
