"""What starting costs, each time in a fresh process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from time import perf_counter

from telephony.sandbox.installed import vendors

_CLOCK = "from time import perf_counter as now; start = now(); {}; print(now() - start)"
_BARE = "import httpx, pydantic"
_CLIENT = f"{_BARE}; httpx.Client()"
_SDKS = {
    "agentphone": "import agentphone; agentphone.AgentPhone(api_key='x')",
    "livekit": "import asyncio\n"
    "from livekit import api\n"
    "async def main(): await api.LiveKitAPI('http://localhost', 'x', 'x' * 32).aclose()\n"
    "asyncio.run(main())",
    "twilio": "from twilio.rest import Client; Client('AC', 'x')",
}
# The vocabulary and `connect`: names load what they need when they are first used.
_IMPORT = "from telephony import PhoneNumber, TelephonyError, connect"
_IMPORT_SDK = "from twilio.rest import Client"


def statements() -> dict[str, dict[str, str]]:
    """Return what each side runs, by what is measured."""
    found = {
        "import telephony": {"ours": _IMPORT, "sdk": _IMPORT_SDK, "floor": _BARE},
    }
    for name, sandbox in vendors().items():
        known = dict(sandbox.settings(f"http://127.0.0.1:1/{name}"))
        ours = f"import telephony; telephony.connect({name!r}, **{known!r})"
        sdk = {"sdk": _SDKS[name]} if name in _SDKS else {}
        found[f"first connect, {name}"] = {"ours": ours, **sdk, "floor": _CLIENT}
    return found


def seconds(statement: str) -> float:
    """How long a statement takes, the interpreter's own start left out."""
    code = f"exec({statement!r})"
    done = subprocess.run(
        [sys.executable, "-c", _CLOCK.format(code)], check=True, capture_output=True, text=True
    )
    return float(done.stdout)


def version() -> float:
    """How long ``telephony --version`` takes, the interpreter's start included."""
    start = perf_counter()
    command = Path(sys.executable).with_name("telephony")
    subprocess.run([command, "--version"], check=True, capture_output=True)
    return perf_counter() - start


def interpreter() -> float:
    """How long Python takes to start and do nothing."""
    start = perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return perf_counter() - start
