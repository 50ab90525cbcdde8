"""Vapi's documented API on loopback. Source: docs.vapi.ai (August 2026), vapi-server-sdk 3.0.0."""

from .vendor import VapiSandbox

__all__ = ["VapiSandbox"]
