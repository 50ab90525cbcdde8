"""Write the files of a fleet as it is at the vendors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from telephony.fleet import known
from telephony.fleet.declared.dump import dump as dumped
from telephony.fleet.declared.files import load
from telephony.fleet.declared.policy import SELF
from telephony.fleet.errors import FleetError
from telephony.fleet.observed import reading
from telephony.protocols import PhoneNumberProvider


def dump(
    providers: Mapping[str, PhoneNumberProvider],
    folder: Path,
    *,
    report: reading.Report | None = None,
) -> tuple[Path, ...]:
    """Write a fleet.toml and ``numbers/*.csv`` so that a plan made there is empty.

    What cannot be read from the vendors is for you to add, such as the ``source`` of an answerer.
    Where a vendor writes the carrier's routing itself, what the carrier has now is kept as right.

    Args:
        providers: the connected providers, by profile.
        folder: where to write; it is made if it is not there.
        report: called with a profile and how many of its numbers were read so far.

    Returns:
        The files.

    Raises:
        FleetError: a profile cannot be read, a file is there already, or none can be written.
            Then nothing was written.

    Example:
        with telephony.connect("carrier") as carrier, telephony.connect("support") as support:
            fleet.dump({"carrier": carrier, "support": support}, Path("fleet"))
    """
    _refuse(folder / "fleet.toml")
    snapshot = reading.snapshot(providers, report=report)
    offers = {profile: reading.offer(provider) for profile, provider in providers.items()}
    files = {folder / name: text for name, text in dumped(snapshot, offers).items()}
    for path in files:
        _refuse(path)
    try:
        for path, text in files.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, "utf-8")
    except OSError as error:
        for path in files:
            path.unlink(missing_ok=True)
        raise FleetError(f"{folder} cannot be written: {error.strerror}.") from error
    declared = load(folder / "fleet.toml")
    routes = {(one.profile, one.number): one.assignment for one in snapshot.holdings}
    wired = {
        row.number: routes[row.owner, row.number]
        for row in declared.rows
        if declared.policy.via(row.answer_at) == SELF
    }
    known.save(folder, known.Known().with_wired(wired))
    return tuple(files)


def _refuse(path: Path) -> None:
    if path.exists():
        raise FleetError(
            f"{path} is there already, and a dump replaces nothing. Write to another folder, and "
            "copy from there what you want."
        )
