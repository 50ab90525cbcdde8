"""The errors of a fleet: in its files and flags, and of a plan that needs a flag."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from telephony.errors import ConfigurationError

if TYPE_CHECKING:
    from telephony.fleet.planning.plan import Plan, Unsafe

_SHOWN = 20


class FileProblem(Struct, frozen=True, order=True):
    """What is wrong at one place of a fleet's files.

    Attributes:
        file: its path, as it was given.
        line: counted from 1; 0: the file as a whole.
        column: the column's name, or the key of fleet.toml; empty: the line as a whole.
        message: what is wrong, and what to do about it.
    """

    file: str
    line: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.line else self.file
        return ": ".join(part for part in (where, self.column, self.message) if part)


def briefly(problems: Sequence[FileProblem], rest: str) -> list[str]:
    """Return at most 20 problems as lines, each that many lines of a file share once.

    Args:
        problems: all of them.
        rest: where the others are.
    """
    alike = Counter((one.file, one.column, one.message) for one in problems)
    shown: list[str] = []
    left = len(problems)
    for one in problems:
        count = alike.pop((one.file, one.column, one.message), 0)
        if not count:
            continue
        if len(shown) == _SHOWN:
            return [*shown, f"… and {left:,} more: {rest}"]
        said = "1 more line" if count == 2 else f"{count - 1:,} more lines"
        shown.append(f"{one} (And {said}.)" if count > 1 else str(one))
        left -= count
    return shown


class FleetError(ConfigurationError):
    """The files of a fleet, or what was asked of it, are wrong. Nothing was sent.

    Attributes:
        problems: all that is wrong with its files, by file and line; empty where it is not they.
    """

    def __init__(self, message: str, problems: Sequence[FileProblem] = ()) -> None:
        shown = briefly(problems, "`problems` has them all.")
        super().__init__("\n".join((message, *shown)))
        self.message = message
        self.problems: tuple[FileProblem, ...] = tuple(problems)

    def __reduce__(self) -> tuple[type[FleetError], tuple[object, ...]]:
        return type(self), (self.message, self.problems)


class UnsafePlanError(FleetError):
    """The plan does more than the flags permit. Nothing was sent.

    Attributes:
        plan: the plan.
        reasons: what is not permitted; each names its flag.
    """

    def __init__(self, plan: Plan, reasons: Sequence[Unsafe]) -> None:
        said = "\n".join(f"{one.reason} {one.remedy}" for one in reasons)
        super().__init__(f"The plan was not applied.\n{said}")
        self.plan = plan
        self.reasons: tuple[Unsafe, ...] = tuple(reasons)

    def __reduce__(self) -> tuple[type[FleetError], tuple[object, ...]]:
        return type(self), (self.plan, self.reasons)
