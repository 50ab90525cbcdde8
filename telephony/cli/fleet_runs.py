"""``telephony fleet plan``, ``apply``, ``resume`` and ``status``."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from telephony import ConfigurationError
from telephony.cli.changes import confirmed, note_finished
from telephony.cli.examples import examples
from telephony.cli.failures import DIFFERS, PARTLY, UNKNOWN, UNSAFE
from telephony.cli.fleet_opened import (
    FLEET,
    CachedOption,
    FleetOption,
    applying,
    opened,
    print_json,
    reading,
    reported,
)
from telephony.cli.fleet_printed import print_run
from telephony.cli.options import JsonOption, YesOption
from telephony.cli.output import note, say, table

if TYPE_CHECKING:
    from telephony.fleet import Fleet, Plan, Run

PLAN = examples(
    "telephony fleet plan",
    "telephony fleet plan --only '+1415*' --out plan.json",
    "telephony fleet plan --check --markdown",
)
APPLY = examples(
    "telephony fleet apply",
    "telephony fleet apply --buy 2",
    "telephony fleet apply plan.json --yes --release 1",
)
RESUME = examples(
    "telephony fleet resume",
    "telephony fleet resume 1f2e3d4c --json",
    "telephony fleet resume --worker eu-1",
)
STATUS = examples(
    "telephony fleet status",
    "telephony fleet status 1f2e3d4c",
    "telephony fleet status --json",
)
WORK = examples(
    "telephony fleet work",
    "telephony fleet work --name eu-1",
    "telephony fleet work --fleet eu/fleet.toml",
)

_RUNS = 20

RunArgument = Annotated[
    str | None,
    typer.Argument(metavar="RUN", help="The run's id, or the beginning of it; default: the last."),
]


def plan(
    file: FleetOption = FLEET,
    only: Annotated[
        str | None,
        typer.Option(metavar="GLOB", help="Only matching numbers and orders, such as '+1415*'."),
    ] = None,
    cached: CachedOption = None,
    out: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Also write the plan, to apply exactly that."),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Exit with 10 if there is something to do.")
    ] = False,
    markdown: Annotated[
        bool, typer.Option("--markdown", help="Print it as a pull request comment.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show where the vendors differ from the files.

    Changes nothing anywhere. Exits with 11 if something could not be planned, and with 2 if nothing
    in the files matches --only.
    """
    if markdown and as_json:
        raise typer.BadParameter("It cannot be given with --json.", param_hint="--markdown")
    with opened(file, wants_json=as_json) as fleet:
        with reading() as report:
            made = fleet.plan(only=only, cached=cached, report=report)
        if only is not None and not made.ops and not _declares(fleet, file, only):
            raise typer.BadParameter(
                f"No number and no order of {file} is like {only!r}. Write it like '+1415*'.",
                param_hint="--only",
            )
        if out is not None:
            _write(out, made)
    if as_json:
        print_json(made)
    else:
        say((made.markdown() if markdown else made.text()).rstrip("\n"))
    if out is not None:
        flags = "".join(f" {flag}" for flag in _flags(made))
        note(f"Written to {out}. To apply exactly this: telephony fleet apply {out}{flags}")
    if made.problems:
        raise typer.Exit(UNSAFE)
    if check and made.ops:
        raise typer.Exit(DIFFERS)


def apply(
    plan_file: Annotated[
        Path | None,
        typer.Argument(metavar="FILE", help="A plan that `plan --out` wrote; default: plan now."),
    ] = None,
    file: FleetOption = FLEET,
    buy: Annotated[
        int,
        typer.Option(metavar="N", help="Allow purchases: exactly as many as the plan has.", min=0),
    ] = 0,
    release: Annotated[
        int,
        typer.Option(metavar="N", help="Allow releases: exactly as many as the plan has.", min=0),
    ] = 0,
    over_limits: Annotated[
        bool, typer.Option("--over-limits", help="Exceed the limits in [safety] this once.")
    ] = False,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show a plan, and apply it once it is confirmed.

    Every operation is written to the journal before it is sent, so `resume` can continue after a
    failure, Ctrl-C or a crash. Applying the same plan again continues its run.
    """
    from telephony.fleet.planning.safety import permit

    with opened(file, wants_json=as_json) as fleet:
        if plan_file is not None:
            made = _read(plan_file)
        else:
            with reading() as report:
                made = fleet.plan(report=report)
        if not as_json:
            say(made.text())
        permit(made, buy=buy, release=release, over_limits=over_limits)
        run = None
        if made.ops:
            many = f"these {len(made.ops):,} changes" if len(made.ops) > 1 else "this change"
            confirmed(f"Make {many}?", yes)()
            with applying() as reached:
                run = fleet.apply(
                    made, buy=buy, release=release, over_limits=over_limits, progress=reached
                )
            note_finished("fleet apply")
    if as_json:
        print_json({"run": run, "problems": made.problems})
    elif run is not None:
        print_run(run)
    raise typer.Exit(_code(run) or (UNSAFE if made.problems else 0))


def resume(
    run: RunArgument = None,
    file: FleetOption = FLEET,
    repeat_unknown: Annotated[
        bool,
        typer.Option(
            "--repeat-unknown",
            help="Repeat operations of unknown outcome where reading shows that they were not "
            "done. Check at the vendor first.",
        ),
    ] = False,
    worker: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="Only hand what a dead `fleet work --name NAME` had begun to other workers.",
        ),
    ] = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Continue a run, and do nothing twice.

    Operations that were under way are first settled by reading.
    """
    if worker is not None:
        _take_over(worker, file, as_json=as_json)
        return
    with opened(file, wants_json=as_json) as fleet:
        unknown = len(fleet.status(run).unknown) if repeat_unknown else 0
        if unknown:
            confirmed(f"Did you look at the vendor for the {unknown:,} unknown outcomes?", yes)()
        with applying() as reached:
            done = fleet.resume(run, progress=reached, repeat_unknown=repeat_unknown)
        note_finished("fleet resume")
    if as_json:
        print_json(done)
    else:
        print_run(done)
    raise typer.Exit(_code(done))


def status(run: RunArgument = None, file: FleetOption = FLEET, as_json: JsonOption = False) -> None:
    """Show how far a run has got.

    Without RUN, show the last one in full, and list those before it. Sends nothing.
    """
    with opened(file, wants_json=as_json) as fleet:
        found = fleet.status(run)
        others = [] if run else fleet.runs()[1:_RUNS]
    if as_json:
        print_json(found)
        return
    print_run(found)
    if others:
        say("")
        rows = [(one.id[:12], str(one.state), one.started_at) for one in others]
        table(("BEFORE", "STATE", "BEGUN"), rows, empty="")


def work(
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="Its name for `resume --worker`; default: host and process."
        ),
    ] = None,
    file: FleetOption = FLEET,
) -> None:
    """Work on the runs that are applied with engine = "dbos".

    Run one on each machine. Ctrl-C or SIGTERM stops it once the operations under way have ended.
    """
    from telephony import fleet

    until = threading.Event()
    for ends in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ends, lambda *_: until.set())
    with reported(file, wants_json=False):
        note("Waiting for runs. Ctrl-C stops it, after what is under way.")
        fleet.work(file, name=name, until=until)


def _take_over(worker: str, file: Path, *, as_json: bool) -> None:
    from telephony import fleet

    with reported(file, wants_json=as_json):
        given = fleet.take_over(file, worker=worker)
    if as_json:
        print_json({"given_out": given})
    else:
        say(f"Handed {given:,} parts of runs that {worker} had begun to the other workers.")
        say("See how far they are: telephony fleet status")


def _read(path: Path) -> Plan:
    from telephony.fleet import Plan

    try:
        return Plan.from_json(path.read_bytes())
    except OSError as error:
        raise ConfigurationError(
            f"{path} cannot be read: {error.strerror}. Make a plan with `telephony fleet plan "
            f"--out {path}`."
        ) from error


def _declares(fleet: Fleet, file: Path, only: str) -> bool:
    """Return whether a number or an order of the files matches, or what an order may have bought.

    Sends nothing: a plan was just made.
    """
    from telephony.fleet.declared.files import load

    declared = load(file)
    names = [row.number for row in declared.rows] + [one.order for one in declared.orders]
    if any(fnmatchcase(name, only) for name in names):
        return True
    buyers = {one.owner for one in declared.orders}
    found = fleet.where(only, cached=timedelta.max) if buyers else []
    return any(place.owner is not None and place.owner.profile in buyers for place in found)


def _write(path: Path, made: Plan) -> None:
    """Write a plan that no other user may read: it has every number and what answers it."""
    try:
        path.touch(mode=0o600)
        with path.open("w", encoding="utf-8") as file:
            if path.is_file():  # and not /dev/stdout
                path.chmod(0o600)
            file.write(made.to_json())
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be written: {error.strerror}.") from error


def _flags(made: Plan) -> list[str]:
    """Return the flags that a plan needs, each once."""
    exact = {"--buy", "--release"}
    return sorted(
        {f"{one.flag} {one.count}" if one.flag in exact else one.flag for one in made.unsafe}
    )


def _code(run: Run | None) -> int:
    if run is None or run.state == "finished":
        return 0
    return UNKNOWN if run.unknown else PARTLY
