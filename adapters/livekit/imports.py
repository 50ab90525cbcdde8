"""Importing a number and releasing it: several trunks and a rule, one after the other.

LiveKit has no transactions. After a refusal the earlier steps are undone; what may have been done,
or cannot be undone, stays, and the error says so.

Source: docs.livekit.io/sip (trunks, dispatch rules) and livekit-server 1.13.5.
"""

from __future__ import annotations

from dataclasses import dataclass

from telephony.errors import (
    ConflictError,
    InvalidRequestError,
    OutcomeUnknownError,
    ProviderError,
    reclassified,
)
from telephony.model import SipTrunk, Target
from telephony.redaction import revealed
from telephony.wire import Json, Operation, Options

from . import assignment, bodies, dispatch_rules
from .bodies import Inbound, Outbound
from .trunk_numbers import TrunkNumber, joined
from .trunks import Trunks

_NO_OUTBOUND = (
    "The number takes calls only: to place calls from it, import it once more with inbound=False "
    "and source=SipTrunk(address=…)."
)


@dataclass(frozen=True, slots=True)
class Plan:
    """What an import is to create; checked, with nothing sent yet."""

    number: str
    inbound: Json | None
    outbound: Json | None
    assign_to: Target | None
    pin: str
    notices: tuple[str, ...] = ()


def plan(
    number: str,
    source: SipTrunk,
    label: str | None,
    assign_to: Target | None,
    *,
    inbound: bool,
    outbound: bool,
) -> Plan:
    """Return what an import is to create, from the arguments of `import_number`.

    Raises:
        InvalidRequestError: they contradict each other, or some would be ignored.
    """
    dialling = (source.username, source.password, source.transport, source.destination_country)
    if outbound and source.address is None and any(dialling):
        raise InvalidRequestError(
            "`source` says how to place calls, but not through which `address`.",
            argument="source",
            hint="Give `address`; what callers must prove is `inbound_username` and "
            "`inbound_password`.",
        )
    if not inbound and source.address is None:
        raise InvalidRequestError(
            "Placing calls needs the carrier's address.",
            argument="source",
            hint="Give source=SipTrunk(address=…).",
        )
    if not inbound and assign_to is not None:
        raise InvalidRequestError(
            "A number that takes no calls cannot be assigned.", argument="assign_to"
        )
    if source.pin is not None and assign_to is None:
        raise InvalidRequestError(
            "At LiveKit a PIN belongs to what answers the number.",
            argument="source",
            hint="Give `assign_to` along with it.",
        )
    dials = outbound and source.address is not None
    return Plan(
        number,
        bodies.inbound_trunk(number, source, label) if inbound else None,
        bodies.outbound_trunk(number, source, label) if dials else None,
        assign_to,
        revealed(source.pin) if source.pin is not None else "",
        (_NO_OUTBOUND,) if outbound and not dials else (),
    )


def carry_out(trunks: Trunks, wanted: Plan, options: Options) -> Operation[TrunkNumber]:
    """Create the trunks and the rule of a plan, each once.

    Raises:
        ConflictError: a trunk in that direction carries the number already.
    """
    number = wanted.number
    there = yield from trunks.inbound(number)
    dialling = yield from trunks.outbound(number)
    if wanted.inbound is not None and there:
        raise _imported(f"inbound trunk {there[0].id}")
    if wanted.outbound is not None and dialling:
        raise _imported(f"outbound trunk {dialling[0].id}")
    # For a trunk that does not exist LiveKit returns the rules for all trunks.
    known = yield from trunks.rules({"trunk_ids": [one.id for one in there] or ["new"]})
    inbound = there[0] if there else None
    made: list[Inbound | Outbound] = []
    try:
        if wanted.inbound is not None:
            inbound = yield from trunks.create_inbound(number, wanted.inbound, options)
            made.append(inbound)
        if wanted.outbound is not None:
            own = {} if wanted.inbound is not None else options
            outbound = yield from trunks.create_outbound(number, wanted.outbound, own)
            made.append(outbound)
            dialling.append(outbound)
        if wanted.assign_to is not None and inbound is not None:
            rule = dispatch_rules.new_rule(
                wanted.assign_to,
                name=number,
                trunk_ids=[inbound.id],
                numbers=[],
                pin=wanted.pin,
            )
            known.append((yield from trunks.create_rule(rule)))
    except OutcomeUnknownError as lost:
        if made:
            lost.hint = (
                f"Created: {_names(made)}. Look with get_number(); to begin anew, release "
                "the number first."
            )
        raise
    except ProviderError as refused:
        yield from _undo(trunks, made, refused)
        if made:
            refused.hint = "Nothing was imported."
        raise
    return joined(number, inbound, dialling, known)


def release(trunks: Trunks, number: TrunkNumber, options: Options) -> Operation[None]:
    """Take a number off its trunks; trunks with other numbers stay.

    The trunk that identifies the number goes last, so that a failed release can be retried.
    """
    dialling = number.outbound
    if number.inbound is not None and dialling:
        taking = yield from trunks.inbound(number.number)
        if len(taking) > 1:
            # They go on placing calls for the number, which stays on its other trunk.
            dialling = ()
    try:
        yield from assignment.detach(trunks, number)
        for trunk in dialling:
            yield from trunks.drop_number(trunk, number.number, options)
        if number.inbound is not None:
            gone = yield from trunks.drop_number(number.inbound, number.number, options)
            if gone and number.shared:
                yield from _delete_rules_of(trunks, number.inbound.id)
    except ProviderError as failure:
        failure.hint = f"It may be released in part: release it again. {failure.hint}"
        raise


def _delete_rules_of(trunks: Trunks, trunk_id: str) -> Operation[None]:
    """Delete the rules of a shared trunk that lost its other numbers at the same moment."""
    for rule in (yield from trunks.rules({"trunk_ids": [trunk_id]})):
        if rule.info.trunk_ids == (trunk_id,):
            yield from trunks.delete_rule(rule, {})


def _undo(
    trunks: Trunks, made: list[Inbound | Outbound], refused: ProviderError
) -> Operation[None]:
    """Delete what was created, the last first.

    Raises:
        OutcomeUnknownError: something stays, so the import is partial.
    """
    left = list(made)
    try:
        while left:
            yield from trunks.delete_trunk(left[-1].id, {})
            left.pop()
    except ProviderError:
        raise reclassified(
            refused,
            OutcomeUnknownError,
            hint=f"Imported in part: delete {_names(left)} before you try again.",
        ) from refused


def _names(made: list[Inbound | Outbound]) -> str:
    return " and ".join(f"trunk {one.id}" for one in made)


def _imported(where: str) -> ConflictError:
    return ConflictError(
        f"The number is imported already: {where} carries it",
        hint="Use it as it is, or release it first.",
    )
