"""How fast the library is, beside the vendors' own SDKs. Run it with ``make bench``."""
