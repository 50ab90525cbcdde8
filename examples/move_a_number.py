"""Move a number that Twilio owns from an agent at Cartesia to one at LiveKit.

    python examples/move_a_number.py +14155550142 --trunk TK… --agent reception

It makes before it breaks: LiveKit is ready before Twilio switches, and Cartesia gives the number up
after that. If a step fails, or you say that the new agent does not answer, it goes back. If it was
killed, run it again: it continues where it stopped.

The trunk is a Twilio trunk whose origination URI is your LiveKit project's SIP URI.
"""

import argparse
import sys
from contextlib import suppress
from pathlib import Path

from pydantic import TypeAdapter

import telephony
from telephony import Agent, NotFoundError, PhoneNumberProvider, SipTrunk, Split, Target, Trunk

TARGET: TypeAdapter[Target] = TypeAdapter(Target)


class WrongStateError(Exception):
    """A check found a wrong state."""


def calls_of(target: Target | None) -> Target | None:
    """Return what answers the calls; what answers the texts stays."""
    return target.voice if isinstance(target, Split) else target


def check(provider: PhoneNumberProvider, number: str, answering: Target) -> None:
    """Raise `WrongStateError` unless the vendor itself now says that this answers the calls."""
    found = provider.get_number(number).assignment
    if calls_of(found) != calls_of(answering):
        raise WrongStateError(
            f"at {provider.name} {number} is answered by {found}, not by {answering}"
        )


def make(new: PhoneNumberProvider, number: str, agent: Agent) -> None:
    """Let the new vendor answer, before any call reaches it."""
    try:
        there = new.get_number(number)  # by an earlier run
    except NotFoundError:
        there = new.import_number(number, source=SipTrunk(), assign_to=agent, outbound=False)
    if there.assignment != agent:
        new.assign_number(number, agent)
    check(new, number, agent)


def switch(carrier: PhoneNumberProvider, number: str, trunk: Trunk, notes: Path) -> None:
    """Let the carrier send calls to the new vendor: one request, done or not done."""
    if not notes.exists():
        before = carrier.get_number(number).assignment
        if before is None:
            raise WrongStateError(f"nothing answers {number} at {carrier.name}")
        written = notes.with_suffix(".new")
        written.write_bytes(TARGET.dump_json(before))  # the way back, even after a crash
        written.replace(notes)
    carrier.assign_number(number, trunk)
    check(carrier, number, trunk)


def go_back(
    carrier: PhoneNumberProvider, new: PhoneNumberProvider, number: str, notes: Path
) -> None:
    """Undo `switch`, then `make`. If the first fails, the new vendor must go on answering."""
    if notes.exists():
        before = TARGET.validate_json(notes.read_bytes())
        carrier.assign_number(number, before)
        check(carrier, number, before)
        notes.unlink()
    with suppress(NotFoundError):
        new.release_number(number, unassign=True)


def move(number: str, trunk: Trunk, agent: Agent, *, ask: bool) -> None:
    """Move the number, or leave it where it was."""
    notes = Path(f"{number}.before.json")
    with (
        telephony.connect("twilio") as carrier,
        telephony.connect("cartesia") as old,
        telephony.connect("livekit") as new,
    ):
        # If it has switched and the notes are gone, an earlier run was about to break.
        if notes.exists() or calls_of(carrier.get_number(number).assignment) != trunk:
            try:
                make(new, number, agent)
                switch(carrier, number, trunk, notes)
                if ask and input(f"Call {number}. Does the new agent answer? [y/n] ") != "y":
                    raise WrongStateError("the new agent does not answer")
            except BaseException:
                go_back(carrier, new, number, notes)
                print(f"Went back: {old.name} answers {number}.")
                raise
            notes.unlink()
        with suppress(NotFoundError):  # an earlier run did it
            old.release_number(number, unassign=True)
        # A vendor that gives a number up may write to the carrier once more.
        carrier.assign_number(number, trunk)
    print(f"Moved: {new.name} answers {number}.")


def main() -> None:
    """Read the arguments, and move."""
    arguments = argparse.ArgumentParser(description="Move a number from Cartesia to LiveKit.")
    arguments.add_argument("number", help="E.164")
    arguments.add_argument("--trunk", required=True, help="Twilio's trunk to LiveKit, TK…")
    arguments.add_argument("--agent", required=True, help="the agent's name at LiveKit")
    arguments.add_argument("--yes", action="store_true", help="do not ask for a test call")
    given = arguments.parse_args()
    try:
        move(given.number, Trunk(given.trunk), Agent(given.agent), ask=not given.yes)
    except (telephony.TelephonyError, WrongStateError, EOFError) as error:
        sys.exit(f"{error}\nThe number is answered. Run this again when the cause is gone.")


if __name__ == "__main__":
    main()
