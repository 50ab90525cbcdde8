"""Butter AI's documented API on loopback. Source: docs.getbutter.ai."""

from .vendor import ButterSandbox

__all__ = ["ButterSandbox"]
