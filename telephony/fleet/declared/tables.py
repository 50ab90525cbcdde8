"""A CSV file as rows of text: encoding, quotes and header, every problem with its line."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from operator import itemgetter
from pathlib import Path

from telephony.fleet.errors import FileProblem
from telephony.registry import suggestion

_UTF16 = (b"\xff\xfe", b"\xfe\xff")
_OTHER_SEPARATORS = ";\t|"


class Table:
    """One file, read once; `problems` grows while it is.

    Args:
        path: where it is.
        name: its path as it is shown.
        known: the columns that it can have; None: any.
        required: the columns that it needs.

    Attributes:
        name: its path as it is shown.
        columns: its header; empty where that is wrong.
        problems: what is wrong so far.
    """

    def __init__(
        self, path: Path, name: str, known: Sequence[str] | None, required: Sequence[str]
    ) -> None:
        self.name = name
        self.problems: list[FileProblem] = []
        self.columns: Sequence[str] = ()
        self._lines = csv.reader(io.StringIO(self._text(path), newline=""), strict=True)
        if not self.problems:
            self._read_header(known, required)

    def problem(self, line: int, column: str, message: str) -> None:
        """Note what is wrong at a line."""
        self.problems.append(FileProblem(self.name, line, column, message))

    def picker(self, names: Sequence[str]) -> Callable[[list[str]], tuple[str, ...]]:
        """Return what picks these columns, two or more, of a row of `rows`.

        A column that the file has not is empty.
        """
        columns = [*self.columns, ""]
        return itemgetter(*(columns.index(name if name in columns else "") for name in names))

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the rows that have as many cells as there are columns, each with its line.

        Rows without any text are left out.
        """
        if not self.columns:
            return
        lines, width = self._lines, len(self.columns)
        line = lines.line_num
        try:
            for cells in lines:
                first, line = line + 1, lines.line_num
                if not any(cells):
                    continue  # an empty row of a spreadsheet
                if len(cells) == width:
                    cells.append("")  # for the columns that the file has not
                    yield first, cells
                else:
                    self._miscounted(first, cells)
        except csv.Error as error:
            self.problem(line + 1, "", _misread(error))

    def _text(self, path: Path) -> str:
        try:
            content = path.read_bytes()
        except OSError as error:
            self.problem(0, "", f"It cannot be read: {error.strerror}.")
            return ""
        if content.startswith(_UTF16):
            self.problem(0, "", 'It is UTF-16: save it as UTF-8 ("CSV UTF-8" in Excel).')
            return ""
        try:
            return content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            byte, line = error.object[error.start], error.object.count(b"\n", 0, error.start) + 1
            self.problem(
                line,
                "",
                f"Byte 0x{byte:02x} is not UTF-8: save the file as UTF-8. It was not read.",
            )
            return ""

    def _read_header(self, known: Sequence[str] | None, required: Sequence[str]) -> None:
        try:
            header = next(self._lines, [])
        except csv.Error as error:
            self.problem(1, "", _misread(error))
            return
        if not header:
            self.problem(
                1, "", f"There is no header: begin the file with {','.join(known or required)}"
            )
            return
        if len(header) == 1 and any(mark in header[0] for mark in _OTHER_SEPARATORS):
            self.problem(1, "", "Its columns are not separated by commas: save it with commas.")
            return
        for place, name in enumerate(header):
            if known is None:
                if name in required and name in header[:place]:
                    self.problem(1, name, "The column is there twice: remove one.")
            elif name not in known:
                near = suggestion(name, known) or f" Known: {', '.join(known)}."
                self.problem(1, name[:40], f"There is no such column.{near}")
            elif name in header[:place]:
                self.problem(1, name, "The column is there twice: remove one.")
        for name in required:
            if name not in header:
                near = suggestion(name, header) if known is None else ""
                self.problem(1, name, f"The column is missing: add it.{near}")
        if not self.problems:
            self.columns = header

    def _miscounted(self, line: int, cells: list[str]) -> None:
        self.problem(
            line,
            "",
            f"It has {len(cells)} cells, the header has {len(self.columns)} columns: add or remove "
            "commas, and put quotes around a cell that contains one.",
        )


def _misread(error: csv.Error) -> str:
    text = str(error)
    if "NUL" in text:
        return "It contains a NUL byte: it is not a text file. Save it as CSV in UTF-8."
    if "end of data" in text:
        return "A quote that opens here is never closed. The rest of the file was not read."
    if "field larger" in text:
        return (
            f"A cell has more than {csv.field_size_limit():,} characters: shorten it, or close the "
            "quote that opens it. The rest of the file was not read."
        )
    return (
        "Its quotes do not match: write a quote inside a quoted cell twice. "
        "The rest of the file was not read."
    )
