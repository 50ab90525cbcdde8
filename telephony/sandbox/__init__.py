"""The vendors' documented APIs on loopback, for developing and testing without an account."""

from telephony.sandbox.arrivals import Arrival
from telephony.sandbox.faults import Fault
from telephony.sandbox.recording import Received
from telephony.sandbox.server import Sandbox
from telephony.sandbox.vendor import Entry, Refusal, Sample, VendorSandbox
from telephony.sandbox.webhook_sender import DeliveryAttempt, OutgoingWebhook

__all__ = [
    "Arrival",
    "DeliveryAttempt",
    "Entry",
    "Fault",
    "OutgoingWebhook",
    "Received",
    "Refusal",
    "Sample",
    "Sandbox",
    "VendorSandbox",
]
