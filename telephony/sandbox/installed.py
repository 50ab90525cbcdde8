"""The vendors' sandboxes that are installed, found through an entry-point group, our own too."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.metadata import EntryPoint, entry_points

from telephony.errors import ConfigurationError
from telephony.registry import missing_package, suggestion
from telephony.sandbox.vendor import VendorSandbox

GROUP = "telephony.sandboxes"


def vendors(only: Iterable[str] | None = None) -> dict[str, VendorSandbox]:
    """Return a fresh fake of every vendor whose packages are installed, or of those named.

    Raises:
        ConfigurationError: a name is unknown, or what it needs is not installed.
    """
    found = installed()
    made: dict[str, VendorSandbox] = {}
    for name in found if only is None else only:
        if name not in found:
            raise ConfigurationError(
                f"There is no sandbox of {name!r}.{suggestion(name, found)} "
                f"Installed: {', '.join(found)}."
            )
        try:
            made[name] = found[name].load()()
        except ModuleNotFoundError as missing:
            if only is not None:
                raise missing_package(name, missing) from missing
    return made


def missing() -> dict[str, str]:
    """Return why each vendor that cannot be played cannot, by name."""
    found: dict[str, str] = {}
    for name in installed():
        try:
            vendors([name])
        except ConfigurationError as error:
            found[name] = str(error)
    return found


def installed() -> dict[str, EntryPoint]:
    """Return the fakes by name, sorted; none is loaded."""
    return {entry.name: entry for entry in sorted(entry_points(group=GROUP), key=lambda e: e.name)}
