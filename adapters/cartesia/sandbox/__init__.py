"""Cartesia's documented API on loopback. Source: docs.cartesia.ai, version 2026-03-01."""

from .vendor import CartesiaSandbox

__all__ = ["CartesiaSandbox"]
