"""Name the nearest target that exists, after one that does not."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from telephony.capabilities import Capability, Level, support_of
from telephony.errors import InvalidRequestError, NotFoundError, ProviderError
from telephony.model import Agent, Application, PhoneNumber, Room, Split, Target, Trunk
from telephony.protocols import Adapter
from telephony.wire import Operation, collect

# Enough to find a misspelt one among, without reading for minutes.
_MOST = 1000


def naming_nearest(
    adapter: Adapter, assignment: Operation[PhoneNumber], to: Target
) -> Operation[PhoneNumber]:
    """Run an assignment; if its target does not exist, list the targets and add the nearest."""
    try:
        return (yield from assignment)
    except (NotFoundError, InvalidRequestError) as missing:
        if missing.argument != "target":
            raise
        missing.argument = "to"
        if support_of(adapter.capabilities, Capability.LIST_TARGETS).level is not Level.NONE:
            try:
                known = yield from collect(adapter.list_targets(limit=_MOST))
            except ProviderError:
                raise missing from None  # what failed first matters more
            missing.hint = nearest(to, known)
        raise


def nearest(wanted: Target, known: Iterable[Target]) -> str:
    """Return which of the known targets may have been meant."""
    parts = (wanted.voice, wanted.sms) if isinstance(wanted, Split) else (wanted,)
    names = {
        name: target
        for target in known
        if any(type(part) is type(target) for part in parts)
        for name in _names(target)
    }
    for name in (name for part in parts if part is not None for name in _names(part)):
        for found in get_close_matches(name, names, n=1):
            return f"The nearest that exists is {_shown(names[found])}."
    return "list_targets() returns those that exist."


def _names(target: Target) -> list[str]:
    match target:
        case Agent() | Application() | Trunk():
            return [target.id, *filter(None, [target.name])]
        case Room():
            return [target.name]
        case _:
            return []


def _shown(target: Target) -> str:
    first, *name = _names(target)
    return f"{first} ({name[0]})" if name and name[0] != first else first
