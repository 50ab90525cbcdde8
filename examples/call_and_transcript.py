"""Call somebody, wait for the end of the call, and print and save what was said.

    python examples/call_and_transcript.py cartesia +16505550100 +14155550199

Works at every vendor that follows calls. The number's own agent speaks, unless --agent names
another; Twilio asks --url what to say. The transcript is printed, and the recording is saved as
<id of the call>.wav or .mp3, where the vendor has them.
"""

import argparse
import mimetypes
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import telephony
from telephony import Call, Capability, NotFoundError, OutcomeUnknownError, PhoneNumberProvider

T = TypeVar("T")
LONGEST_CALL = timedelta(hours=1)
LATEST = timedelta(minutes=2)  # how long a vendor may take to write a transcript or a recording


def place(
    provider: PhoneNumberProvider, number: str, to: str, agent: str | None, url: str | None
) -> Call:
    """Place a call. If the response is lost, look for the call rather than call again."""
    began = datetime.now(UTC) - timedelta(minutes=1)  # the vendor's clock may be behind
    try:
        return provider.place_call(number, to, agent=agent, url=url)
    except OutcomeUnknownError:
        for call in provider.list_calls(number, after=began, limit=100):
            if call.recipient == to:
                return call
        raise


def ended(provider: PhoneNumberProvider, call: Call, every: float) -> Call:
    """Return the call once it has ended; hang up after an hour."""
    until = time.monotonic() + LONGEST_CALL.total_seconds()
    while not call.status.is_final:
        if time.monotonic() > until:
            return provider.end_call(call)
        time.sleep(every)
        call = provider.get_call(call)
    return call


def once_there(read: Callable[[Call], T], call: Call, every: float) -> T | None:
    """Return what the vendor makes some time after a call, or None if it does not come."""
    until = time.monotonic() + LATEST.total_seconds()
    while True:
        try:
            return read(call)
        except NotFoundError:
            if time.monotonic() > until:
                return None
        time.sleep(every)


def main() -> None:
    """Call, and print and save what was said."""
    arguments = argparse.ArgumentParser(description="Call somebody, and read what was said.")
    arguments.add_argument("provider", help="an adapter, or a profile")
    arguments.add_argument("number", help="yours, E.164")
    arguments.add_argument("to", help="whom to call, E.164")
    arguments.add_argument("--agent", help="the vendor's id of the agent")
    arguments.add_argument("--url", help="the URL that Twilio asks what to say")
    arguments.add_argument("--every", type=float, default=2, help="seconds between two looks")
    given = arguments.parse_args()
    with telephony.connect(given.provider) as provider:
        if not provider.supports(Capability.GET_CALL):
            sys.exit(provider.capabilities[Capability.GET_CALL].note)
        placed = place(provider, given.number, given.to, given.agent, given.url)
        call = ended(provider, placed, given.every)
        print(*(fact for fact in (call.status, call.duration, call.reason) if fact is not None))
        if call.status is not telephony.CallStatus.COMPLETED:
            sys.exit(1)
        if provider.supports(Capability.GET_TRANSCRIPT):
            transcript = once_there(provider.get_transcript, call, given.every)
            for turn in transcript.turns if transcript else ():
                print(f"{turn.speaker}: {turn.text}")
        if provider.supports(Capability.GET_RECORDING):
            recording = once_there(provider.get_recording, call, given.every)
            if recording is not None:
                suffix = mimetypes.guess_extension(recording.media_type) or ".audio"
                print(f"Saved {recording.save(f'{call.id}{suffix}')}")


if __name__ == "__main__":
    main()
