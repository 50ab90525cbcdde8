"""A fleet's files: read as one, and written so that the same fleet gives the same bytes."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from stat import S_ISREG

from telephony.fleet.declared import policy, rows
from telephony.fleet.declared.model import ORDER_COLUMNS, ROW_COLUMNS, Declared, Order, Row
from telephony.fleet.errors import FileProblem, FleetError


def load(path: Path) -> Declared:
    """Read a fleet.toml and the files that it names.

    Raises:
        FleetError: something is wrong; `problems` has everything, by file and line.
    """
    read = policy.read(path)
    problems: list[FileProblem] = []
    named = list(_named(path, "numbers", read.fleet.numbers, problems))
    found, wrong = rows.numbers(named, read)
    problems += wrong
    named = list(_named(path, "orders", read.fleet.orders, problems))
    ordered, wrong = rows.orders(named, read)
    problems += wrong
    if problems:
        raise FleetError(_counted(len(problems)), sorted(problems))
    return Declared(read, found, ordered)


def csv_of(found: Iterable[Row]) -> str:
    """Return a file of numbers, sorted by number."""
    return _csv(
        ROW_COLUMNS,
        (
            (
                row.number, row.owner, row.label, row.answer_at, row.answer_to, row.sms_to,
                rows.RELEASED if row.released else "",
            )
            for row in sorted(found, key=lambda row: row.number)
        ),
    )  # fmt: skip


def orders_csv_of(found: Iterable[Order]) -> str:
    """Return a file of orders, sorted by their ids."""
    return _csv(
        ORDER_COLUMNS,
        (
            (
                order.order, order.owner, order.country, order.area_code, order.label,
                order.answer_at, order.answer_to,
            )
            for order in sorted(found, key=lambda order: order.order)
        ),
    )  # fmt: skip


def _csv(columns: Sequence[str], found: Iterable[Sequence[str]]) -> str:
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(found)
    return written.getvalue()


def _named(
    path: Path, key: str, patterns: Sequence[str], problems: list[FileProblem]
) -> Iterator[rows.Named]:
    """Yield the files that patterns match, each once and sorted, with their names in messages."""
    folder = path.parent
    met: set[Path] = set()
    for pattern in patterns:
        try:
            matched = sorted(folder.glob(pattern))
        except (ValueError, NotImplementedError):
            # Path.glob takes no absolute patterns and no empty ones.
            message = f"{pattern!r} is no pattern of files below its folder."
            problems.append(FileProblem(str(path), 0, f"fleet.{key}", message))
            continue
        if not matched:
            message = f"No file matches {pattern!r}: correct it, or add the file."
            problems.append(FileProblem(str(path), 0, f"fleet.{key}", message))
        for one in matched:
            if one.resolve() in met:
                continue
            met.add(one.resolve())
            if _is_readable(one):
                yield one, str(one)
            else:
                message = f"It is no file, but {pattern!r} in fleet.{key} matches it: remove it."
                problems.append(FileProblem(str(one), 0, "", message))


def _is_readable(path: Path) -> bool:
    """Return whether reading ends: a folder cannot be read, and a pipe may never end."""
    try:
        return S_ISREG(path.stat().st_mode)
    except OSError:
        return True  # reading it says what is wrong


def _counted(count: int) -> str:
    return f"The fleet's files have {'1 problem' if count == 1 else f'{count:,} problems'}."
