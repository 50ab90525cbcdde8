"""Adapters, found through the entry-point group ``telephony.adapters``, our own too."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from telephony.errors import ConfigurationError
from telephony.protocols import Adapter

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "telephony.adapters"


@functools.cache
def available() -> Mapping[str, EntryPoint]:
    """Return every installed adapter by name, sorted; none is imported.

    Cached: looking through the installed distributions takes ten milliseconds.
    """
    from importlib.metadata import entry_points  # slow to import

    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}


def load(name: str) -> type[Adapter]:
    """Return the adapter class called `name`.

    Raises:
        ConfigurationError: there is none, or the package it needs is not installed.
    """
    found = available()
    if name not in found:
        raise ConfigurationError(
            f"There is no adapter {name!r}.{suggestion(name, found)} Installed: {', '.join(found)}."
        )
    entry = found[name]
    try:
        adapter: type[Adapter] = entry.load()
    except ModuleNotFoundError as missing:
        raise missing_package(name, missing) from missing
    return adapter


def missing_package(name: str, missing: ModuleNotFoundError) -> ConfigurationError:
    """Return the error for an adapter whose package is not installed."""
    return ConfigurationError(
        f"{name!r} needs the package {missing.name!r}. "
        f"Install it with: pip install 'telephony[{name}]'"
    )


def missing() -> dict[str, str]:
    """Return why each adapter that cannot be loaded cannot, by name."""
    found: dict[str, str] = {}
    for name in available():
        try:
            load(name)
        except ConfigurationError as error:
            found[name] = str(error)
    return found


def suggestion(given: str, names: Iterable[str]) -> str:
    """Return `` Did you mean 'x'?`` for the nearest name, or an empty text."""
    import difflib

    near = difflib.get_close_matches(given, list(names), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
