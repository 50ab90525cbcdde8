"""Retell AI's documented API on loopback. Source: docs.retellai.com and its SDK 6.2."""

from .vendor import RetellSandbox

__all__ = ["RetellSandbox"]
