"""Adapters, found through the entry-point group ``telephony.adapters``, our own too."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING

from telephony.errors import ConfigurationError
from telephony.protocols import Adapter

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "telephony.adapters"


@functools.cache
def available() -> Mapping[str, EntryPoint]:
    """Return every installed adapter by name, sorted; none is imported.

    No other package's adapter takes the name of one of ours.
    """
    from importlib.metadata import entry_points

    found = {entry.name: entry for entry in entry_points(group=GROUP)} | _ours()
    return dict(sorted(found.items()))


@functools.cache
def _ours() -> dict[str, EntryPoint]:
    # Who uses one of them need not wait for a look through all installed distributions.
    from importlib.metadata import distributions

    found = islice(distributions(name="telephony"), 1)
    return {
        entry.name: entry for ours in found for entry in ours.entry_points if entry.group == GROUP
    }


def is_available(name: str) -> bool:
    """Return whether there is an adapter called `name`."""
    return name in _ours() or name in available()


def load(name: str) -> type[Adapter]:
    """Return the adapter class called `name`.

    Raises:
        ConfigurationError: there is none, or the package it needs is not installed.
    """
    entry = _ours().get(name) or available().get(name)
    if entry is None:
        found = available()
        raise ConfigurationError(
            f"There is no adapter {name!r}.{suggestion(name, found)} Installed: {', '.join(found)}."
        )
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
    """Return ``Did you mean 'x'?`` for the nearest name, after a space, or an empty text."""
    import difflib

    near = difflib.get_close_matches(given, list(names), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
