"""The checks before every operation: what the vendor offers, and what the arguments mean."""
