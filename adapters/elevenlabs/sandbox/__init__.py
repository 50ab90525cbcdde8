"""ElevenLabs's API of numbers, conversations and webhooks on loopback. Source: SDK 2.78.0."""

from .vendor import ElevenLabsSandbox

__all__ = ["ElevenLabsSandbox"]
