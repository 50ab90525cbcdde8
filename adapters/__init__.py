"""One folder a vendor. Nothing here is shared between them; what is, lives in `telephony`."""
