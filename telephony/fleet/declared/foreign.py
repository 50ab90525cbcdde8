"""Somebody else's CSV as rows of a fleet's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from msgspec.structs import replace

from telephony import numbers
from telephony.errors import InvalidRequestError
from telephony.fleet.declared.model import Row
from telephony.fleet.declared.rows import is_label
from telephony.fleet.declared.tables import Table
from telephony.fleet.errors import FleetError


def rows_of(
    path: Path, columns: Mapping[str, str], same: Row, *, region: str | None = None
) -> tuple[Row, ...]:
    """Return a row for each line of a CSV file.

    Args:
        path: the file. It has a header; the columns that are not named are left out.
        columns: its column for each column of ours that is read from it; ``number`` is.
        same: what is the same in every row, such as its owner.
        region: ISO 3166 code of the country whose national notation is read.

    Raises:
        FleetError: something is wrong; `problems` has everything, by line.
    """
    table = Table(path, str(path), None, tuple(columns.values()))
    rows: dict[str, Row] = {}
    lines: dict[str, int] = {}
    for line, cells in table.rows():
        read = {ours: cells[table.columns.index(its)].strip() for ours, its in columns.items()}
        written = read["number"]
        if not written:
            continue
        try:
            number = numbers.e164(written, region=region)
        except InvalidRequestError:
            hint = "Write it like +14155550123" + ("." if region else ", or say --country.")
            message = f"{written[:40]!r} is not a telephone number. {hint}"
            table.problem(line, columns["number"], message)
            continue
        if number in rows:
            said = f"{number} is in line {lines[number]} already: remove one."
            table.problem(line, columns["number"], said)
        if not is_label(read.get("label", "")):
            table.problem(line, columns["label"], "A label is one line of text, and not -.")
        lines[number] = line
        rows[number] = replace(same, **{**read, "number": number})
    if table.problems:
        counted = len(table.problems)
        many = "1 problem" if counted == 1 else f"{counted:,} problems"
        raise FleetError(f"{path} has {many}. Nothing was written.", table.problems)
    return tuple(rows.values())
