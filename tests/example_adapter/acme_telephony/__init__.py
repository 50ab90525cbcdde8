"""Acme, a vendor that does not exist: an adapter to copy from."""

from .adapter import Acme

__all__ = ["Acme"]
