"""The vendors' documented APIs on loopback, for developing and testing without an account."""

from telephony.sandbox.arrivals import Arrival
from telephony.sandbox.courier import Delivered, Delivery
from telephony.sandbox.faults import Fault
from telephony.sandbox.recording import Received
from telephony.sandbox.server import Sandbox
from telephony.sandbox.vendor import Entry, Refusal, Sample, VendorSandbox

__all__ = [
    "Arrival",
    "Delivered",
    "Delivery",
    "Entry",
    "Fault",
    "Received",
    "Refusal",
    "Sample",
    "Sandbox",
    "VendorSandbox",
]
