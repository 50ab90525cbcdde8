"""Our adapters, through the same suite that third-party adapters use."""

from __future__ import annotations

from telephony.testing.conformance import AdapterConformance


class TestAgentPhone(AdapterConformance):
    adapter = "agentphone"


class TestButter(AdapterConformance):
    adapter = "butter"


class TestCartesia(AdapterConformance):
    adapter = "cartesia"


class TestElevenLabs(AdapterConformance):
    adapter = "elevenlabs"


class TestLiveKit(AdapterConformance):
    adapter = "livekit"


class TestRetell(AdapterConformance):
    adapter = "retell"


class TestTwilio(AdapterConformance):
    adapter = "twilio"


class TestVapi(AdapterConformance):
    adapter = "vapi"
