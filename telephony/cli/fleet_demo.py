"""``telephony fleet demo``: a fleet that is dumped, moved, repaired and grown, in the sandbox."""

from __future__ import annotations

import os
import shlex
import tempfile
import threading
from contextlib import chdir, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from telephony import ConfigurationError
from telephony.cli.examples import examples
from telephony.cli.failures import DIFFERS
from telephony.cli.fleet_stage import NUMBERS, PROFILES, prepare
from telephony.cli.output import console, errors, say

if TYPE_CHECKING:
    from telephony.sandbox import Sandbox

EXAMPLES = examples(
    "telephony fleet demo",
    "telephony fleet demo --stage fleet-demo",
    "telephony fleet demo --stage .",
)

_ELSEWHERE = NUMBERS[20]
_ROOMS = """
[answerers.rooms]
via = { trunk = "TRUNK" }
source = { sip_trunk = {} }
"""
_ORDERS = """order,owner,country,area_code,label,answer_at,answer_to
desk-41,carrier,US,415,Desk 41,support,agent_reception
"""


def demo(
    stage: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Only prepare the numbers and write a telephony.toml into this folder, where you "
            "type the commands yourself until you stop the sandbox with Ctrl-C.",
        ),
    ] = None,
) -> None:
    """Dump, move, repair and buy numbers of a fleet. Needs no account.

    The sandbox plays forty numbers at Twilio that Cartesia answers, and the commands run as you
    would type them.
    """
    try:
        from telephony.sandbox import Sandbox
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"The demo needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[sandbox]'"
        ) from missing
    with Sandbox(sorted(PROFILES.values())) as sandbox:
        if stage is not None:
            prepare(sandbox, stage)
            say(f"Forty numbers at Twilio are answered by Cartesia: {sandbox.url} has them.")
            say(f"In another terminal: cd {shlex.quote(str(stage))}")
            say("Ctrl-C stops it.")
            with suppress(KeyboardInterrupt):
                threading.Event().wait()
            return
        with tempfile.TemporaryDirectory(prefix="telephony-fleet-") as folder, chdir(folder):
            os.environ["TELEPHONY_CONFIG"] = str(Path(folder) / "telephony.toml")
            with errors.status("buying forty numbers in the sandbox", spinner="line"):
                prepare(sandbox, Path(folder))
            _Story(sandbox).run()


def _read(path: str) -> str:
    return Path(path).read_text("utf-8")


class _Story:
    """The commands and edits of the demo, in its folder."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._chapters = 0

    def run(self) -> None:
        """Run all of it.

        Raises:
            typer.Exit: a command ended otherwise than it does here.
        """
        say("Forty numbers are held at Twilio (profile carrier) and answered at Cartesia")
        say("(support). The sandbox plays them, and LiveKit (rooms), on this machine.")
        self._declare()
        self._move()
        self._repair()
        self._buy()
        self._review()
        say("\nTo type it yourself: `telephony fleet demo --stage DIR`, and the guide to fleets.")

    def _declare(self) -> None:
        self._chapter("Write down what is there")
        self._type("fleet dump --to .")
        self._show("fleet.toml")
        self._show("numbers/carrier.csv", lines=3)
        self._type("fleet plan")

    def _move(self) -> None:
        self._chapter("Move five numbers to LiveKit, and one back")
        say("\nOnly you can know where LiveKit is reached, and what Cartesia imports from:")
        self._type("carriers list --provider support")
        self._type("targets --provider carrier")
        linked, trunk = self._ids()
        commented = next(line for line in _read("fleet.toml").splitlines() if "# source" in line)
        self._edit("fleet.toml", commented, f'source = {{ linked = "{linked}" }}')
        self._add("fleet.toml", _ROOMS.replace("TRUNK", trunk))
        for number in NUMBERS[:5]:
            self._type(f"fleet move {number} --to rooms --target reception --yes")
        self._called(NUMBERS[0])
        self._type(f"fleet move --back {NUMBERS[4]} --yes")
        self._called(NUMBERS[4])
        moved = [f"{number},carrier,Desk {nth}," for nth, number in enumerate(NUMBERS[:4], 1)]
        self._edit(
            "numbers/carrier.csv",
            "\n".join(f"{line}support,agent:agent_reception,," for line in moved),
            "\n".join(f"{line}rooms,reception,," for line in moved),
        )
        self._type("fleet plan")

    def _repair(self) -> None:
        self._chapter("Somebody repoints a number at Twilio: find it, and repair it")
        self._type(f"numbers assign {_ELSEWHERE} https://example.com/ivr -p carrier")
        self._called(_ELSEWHERE)
        self._type(f"fleet where {_ELSEWHERE}")
        self._type("fleet plan --check", DIFFERS)
        self._type("fleet apply --yes")
        self._called(_ELSEWHERE)

    def _buy(self) -> None:
        self._chapter("Order a number, which is bought once")
        self._edit("fleet.toml", "[fleet]\n", '[fleet]\norders = ["orders.csv"]\n')
        self._add("orders.csv", _ORDERS)
        self._type("fleet plan --out plan.json")
        self._type("fleet apply plan.json --buy 1 --yes")
        self._type("fleet apply plan.json --buy 1 --yes")
        bought = len(self._sandbox.ledger("twilio", "purchase"))
        say(f"\nTwilio has sold {bought} numbers: the forty and this one.")

    def _review(self) -> None:
        self._chapter("Show a plan to your colleagues")
        last = f"{NUMBERS[39]},carrier,Desk 40,support,agent:agent_reception,,"
        self._edit("numbers/carrier.csv", last, f"{NUMBERS[39]},carrier,,,,,released")
        self._edit("numbers/carrier.csv", "Desk 39", "Night desk")
        self._type("fleet plan")
        say("\nThe same plan as a pull request comment:")
        self._type("fleet plan --cached 10m --markdown")

    def _chapter(self, title: str) -> None:
        self._chapters += 1
        console.print(f"\n{self._chapters}. {title}", style="bold")

    def _type(self, line: str, code: int = 0) -> None:
        """Run a command as if it were typed.

        Args:
            line: without ``telephony``.
            code: what it exits with.
        """
        from telephony.cli.app import app

        say(f"\n$ telephony {line}")
        ended = app(args=shlex.split(line), prog_name="telephony", standalone_mode=False) or 0
        if ended != code:
            errors.print(f"This exited with {ended} in place of {code}: the demo stops here.")
            raise typer.Exit(1)
        if code:
            say(f"(exit code {code})")

    def _called(self, number: str) -> None:
        answerer = self._sandbox.answerer(number)
        who = f"{answerer.by}, {answerer.vendor}" if answerer else "nobody"
        say(f"\nA call to {number} now reaches: {who}")

    def _ids(self) -> tuple[str, str]:
        """Return the ids of Cartesia's carrier and of Twilio's trunk, as the lists show them."""
        import telephony

        with telephony.connect("support") as support, telephony.connect("carrier") as carrier:
            linked = next(iter(support.list_carriers()))
            trunk = next(one for one in carrier.list_targets() if one.kind == "trunk")
        return linked.id or "", trunk.id

    def _show(self, path: str, lines: int = 99) -> None:
        found = _read(path).splitlines()
        say(f"\n{path}:")
        for line in found[:lines]:
            say(f"  {line}")
        if len(found) > lines:
            say(f"  … and {len(found) - lines} lines more")

    def _edit(self, path: str, before: str, after: str) -> None:
        Path(path).write_text(_read(path).replace(before, after, 1), "utf-8")
        self._changed(path, before.strip(), after.strip())

    def _add(self, path: str, text: str) -> None:
        found = _read(path) if Path(path).exists() else ""
        Path(path).write_text(found + text, "utf-8")
        self._changed(path, "", text.strip())

    def _changed(self, path: str, before: str, after: str) -> None:
        say(f"\nedit {path}:")
        kept = set(before.splitlines()) & set(after.splitlines())
        for sign, text in (("-", before), ("+", after)):
            for line in text.splitlines():
                if line not in kept:
                    say(f"  {sign} {line}")
