"""Retell AI: numbers that it buys or reaches by SIP, answered by its agents."""

from .adapter import Retell
from .settings import RetellSettings

__all__ = ["Retell", "RetellSettings"]
