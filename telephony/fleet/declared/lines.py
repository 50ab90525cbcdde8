"""Where the keys of a TOML file are, which `tomllib` does not report."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import TypeAlias

Lines: TypeAlias = Mapping[tuple[str, ...], int]
"""Lines, counted from 1, by the path of a table or key; of a table, where it begins."""


def lines_of(text: str) -> Lines:
    """Return the lines of a text that is TOML; of a value in several lines, the first."""
    found: dict[tuple[str, ...], int] = {}
    table: tuple[str, ...] = ()
    for line, written in enumerate(text.split("\n"), 1):
        if written.lstrip().startswith("["):
            path = table = _path(written) or table
        else:
            key, is_key, _ = written.partition("=")
            path = (*table, *_path(f"{key}= 0")) if is_key else ()
        for end in range(1, len(path) + 1):
            found.setdefault(path[:end], line)
    return found


def line_of(key: Sequence[str | int], lines: Lines) -> int:
    """Return the line of a key, or of the nearest one around it; 0 where there is none.

    Args:
        key: names of tables and keys, and places in lists.
        lines: what `lines_of` returned.
    """
    names = tuple(str(part) for part in key)
    ends = range(len(names), 0, -1)
    return next((lines[names[:end]] for end in ends if names[:end] in lines), 0)


def spelled(key: Sequence[str | int]) -> str:
    """Return a key as it is written, such as ``safety.protected[0]``."""
    written = "".join(f"[{part}]" if isinstance(part, int) else f".{quoted(part)}" for part in key)
    return written.removeprefix(".")


def quoted(name: str) -> str:
    """Return a name as it is written within a key, with quotes only if it needs them."""
    return name if re.fullmatch("[A-Za-z0-9_-]+", name) else text(name)


def text(value: str) -> str:
    """Return a text as TOML."""
    # A basic string of TOML has the escapes of JSON, and needs one more.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _path(written: str) -> tuple[str, ...]:
    """Return the path of the only key or table of a text; an empty one if it has none."""
    try:
        value = tomllib.loads(written)
    except tomllib.TOMLDecodeError:
        return ()
    path: list[str] = []
    while isinstance(value, dict) and value:
        ((name, value),) = value.items()
        path.append(name)
    return tuple(path)
