"""The page at ``/``: made whole by the server, and kept up to date by a script of our own."""

from telephony.sandbox.page.desk import DIRECT
from telephony.sandbox.page.serving import Page

__all__ = ["DIRECT", "Page"]
