"""What a machine asks its driver for, and how an operation ends.

A `Save` is durable before the machine goes on; a `Call` and a `Find` are answered with a result, or
an error is thrown in.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Generator, Mapping
from typing import TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from telephony.errors import (
    AuthenticationError,
    InvalidRequestError,
    InvalidResponseError,
    NotFoundError,
    ProviderError,
    ProviderTimeoutError,
    RateLimitedError,
    TelephonyError,
    UnavailableError,
)
from telephony.fleet.journal.protocol import Entry, State
from telephony.fleet.planning.ops import Op, Verb
from telephony.model import PhoneNumber

log: logging.Logger = logging.getLogger("telephony.fleet")


class Save(Struct, frozen=True, gc=False):
    """Write down where an operation stands; go on once that is durable.

    Attributes:
        entry: the operation.
        was: where it stood before.
    """

    entry: Entry
    was: State


class Call(Struct, frozen=True):
    """Call a method of a provider.

    Attributes:
        profile: which provider.
        operation: the method's name, such as ``get_number``.
        arguments: by name.
    """

    profile: str
    operation: str
    arguments: Mapping[str, object]


class Find(Struct, frozen=True):
    """Look in a provider's listing for the number that a purchase brought; None: it is not there.

    Attributes:
        profile: which provider.
        mark: the stored form of the purchase's idempotency key.
    """

    profile: str
    mark: str


Step: TypeAlias = Save | Call | Find
Steps: TypeAlias = Generator[Step, object, Entry]

# What did not happen because of the vendor or the way there, and not because of what was asked.
_FAILURES = (
    AuthenticationError,
    InvalidResponseError,
    ProviderTimeoutError,
    RateLimitedError,
    UnavailableError,
)
_CODE = re.compile(r"[\w.:/-]{1,64}")
_TARGETS = frozenset({"to", "assign_to", "target"})


def done(entry: Entry, result: object) -> Steps:
    """Write down that an operation is done; of a purchase or an import also what it brought."""
    saved = replace(cleared(entry), state=State.DONE)
    if entry.op.verb is Verb.ROUTE and entry.state in {State.STARTED, State.DONE}:
        saved = replace(saved, reason=entry.reason)
    if isinstance(result, PhoneNumber) and entry.op.verb in {Verb.BUY, Verb.IMPORT}:
        saved = replace(saved, number=result.number, holding=result.id)
    yield Save(saved, entry.state)
    return saved


def ended(
    entry: Entry, state: State, error: TelephonyError | None = None, *, reason: str = ""
) -> Steps:
    """Write down that an operation is not done, and why, without what is not to be kept."""
    saved = replace(cleared(entry), state=state, reason=reason)
    if error is not None:
        saved = replace(saved, error=type(error).__name__, reason=str(error))
    if isinstance(error, ProviderError) and error.status is not None:
        # The vendor's own words are for the log alone.
        log.info("%s: %s", entry.op.id, error)
        saved = replace(
            saved, status=error.status, code=_code(error.code), request_id=error.request_id,
            reason=_named(entry.op, error) + error.hint,
        )  # fmt: skip
    yield Save(saved, entry.state)
    return saved


def _code(code: str | None) -> str | None:
    """Return the vendor's code of an error, unless it is a text, which is not kept."""
    return code if code is not None and _CODE.fullmatch(code) else None


def _named(op: Op, error: ProviderError) -> str:
    """Return what there is not, where the vendor has no such target."""
    if isinstance(error, NotFoundError | InvalidRequestError) and error.argument in _TARGETS:
        return f"There is no {op.after} there. "
    return ""


def cleared(entry: Entry) -> Entry:
    """Return an entry without how it ended before."""
    return replace(entry, error=None, status=None, code=None, request_id=None, reason="")


def state_after(error: TelephonyError) -> State:
    """Return how an operation stands after an error that says that it has not happened."""
    return State.FAILED if isinstance(error, _FAILURES) else State.REFUSED
