"""Acme's documented API on loopback."""

from .vendor import AcmeSandbox

__all__ = ["AcmeSandbox"]
