"""``telephony fleet``: many numbers at many vendors, declared in files."""

from __future__ import annotations

import typer

from telephony.cli import fleet_demo, fleet_files, fleet_numbers, fleet_runs
from telephony.cli.examples import examples

app: typer.Typer = typer.Typer(
    help="Declare many numbers in files; plan, apply and move them.\n\n"
    "Removing a line from a file removes nothing at a vendor. New here? Run "
    "`telephony fleet demo`: no account needed.",
    no_args_is_help=True,
    epilog=examples(
        "telephony fleet demo",
        "telephony fleet dump --to .",
        "telephony fleet plan",
        "telephony fleet apply",
        "telephony fleet where --drift",
    ),
)
for _name, _command, _examples in (
    ("dump", fleet_files.dump, fleet_files.DUMP),
    ("import", fleet_files.import_, fleet_files.IMPORT),
    ("plan", fleet_runs.plan, fleet_runs.PLAN),
    ("apply", fleet_runs.apply, fleet_runs.APPLY),
    ("resume", fleet_runs.resume, fleet_runs.RESUME),
    ("status", fleet_runs.status, fleet_runs.STATUS),
    ("where", fleet_numbers.where, fleet_numbers.WHERE),
    ("move", fleet_numbers.move, fleet_numbers.MOVE),
    ("moves", fleet_numbers.moves, fleet_numbers.MOVES),
    ("work", fleet_runs.work, fleet_runs.WORK),
    ("demo", fleet_demo.demo, fleet_demo.EXAMPLES),
):
    app.command(_name, epilog=_examples)(_command)
