"""LiveKit's server on loopback: SIP, agent dispatch and, as on LiveKit Cloud, Phone Numbers.

Checked against livekit-server 1.13.5; Phone Numbers, which it lacks, follow the published protobuf.
"""

from .vendor import LiveKitSandbox

__all__ = ["LiveKitSandbox"]
