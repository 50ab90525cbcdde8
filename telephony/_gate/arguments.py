"""Arguments in the form that one adapter takes: which number, whose webhook, what target.

All raise `InvalidRequestError`, which names the argument, or `UnsupportedOperationError` for what
the vendor does not support.
"""

from __future__ import annotations

from enum import StrEnum

from telephony import numbers
from telephony._gate import checks
from telephony.capabilities import Capability, Level, support_of
from telephony.errors import InvalidRequestError, UnsupportedOperationError
from telephony.model import (
    Agent,
    Call,
    CarrierAccount,
    LinkedCarrier,
    Message,
    PhoneNumber,
    Source,
    Target,
)
from telephony.protocols import Adapter
from telephony.wire import NumberRef


class Arguments:
    """Converts the arguments of one adapter's operations.

    Args:
        region: ISO 3166 code of the country whose national notation is accepted for numbers.
    """

    def __init__(self, adapter: Adapter, region: str | None) -> None:
        self._adapter = adapter
        self._region = region

    def owner(self, of: PhoneNumber | Agent | str | None) -> str | None:
        """Return the owner of a webhook, a number (E.164) or an id; None: the account."""
        if of is None or isinstance(of, Agent):
            return None if of is None else of.id
        ref = self.ref(of, "of")
        return ref.number or ref.id

    def e164(self, text: str, argument: str) -> str:
        """Return a telephone number as E.164."""
        return numbers.e164(checks.required(text, argument), region=self._region, argument=argument)

    def ref(self, number: PhoneNumber | str, argument: str = "number") -> NumberRef:
        """Return a reference to a number of the account, by its id, by E.164 or by both."""
        if isinstance(number, PhoneNumber):
            # Ids mean nothing at another vendor; E.164 does.
            ours = number.provider == self._adapter.name
            # One that is still being activated has an id only.
            return NumberRef(number.id if ours else None, number.number or None)
        text = checks.required(number, argument)
        if numbers.looks_written(text):
            return NumberRef(number=self.e164(text, argument))
        return NumberRef(id=text)

    def sender(self, number: PhoneNumber | str) -> NumberRef:
        """Return a reference to a sender: a number, or a short code where those can send."""
        text = number.strip() if isinstance(number, str) else ""
        if self._adapter.short_code_senders and numbers.is_short_code(text):
            return NumberRef(id=text)
        return self.ref(number)

    def id_of(self, result: Call | Message | str, argument: str) -> str:
        """Return the vendor's id of a call or a message."""
        if isinstance(result, str):
            return checks.required(result, argument)
        if not isinstance(result, Call | Message):
            raise checks.mistyped(result, argument, f"the vendor's id of the {argument}")
        if result.provider != self._adapter.name:
            raise InvalidRequestError(
                f"`{argument}` was read from the provider {result.provider!r}.",
                argument=argument,
                hint="Its id means nothing here: use that provider.",
            )
        return result.id

    def callee(self, to: str) -> str:
        """Return whom to call: E.164, or an address that the adapter takes as it is."""
        text = checks.required(to, "to")
        return text if text.startswith(self._adapter.address_schemes) else self.e164(text, "to")

    def recipient(self, to: str) -> str:
        """Return whom to text: E.164, a short code or another address of the vendor's."""
        text = checks.required(to, "to")
        written = numbers.looks_written(text) and not numbers.is_short_code(text)
        return self.e164(text, "to") if written else text

    def label(self, operation: Capability, label: str | None) -> str | None:
        """Return a label, at vendors whose numbers have one."""
        support = support_of(self._adapter.capabilities, Capability.UPDATE_NUMBER)
        if label is not None and support.level is Level.NONE:
            raise UnsupportedOperationError(
                self._adapter.name, f"{operation} with a label", support.note
            )
        return checks.text(label, "label")

    def optional_target(self, operation: Capability, to: Target | str | None) -> Target | None:
        """Return `assign_to` as a target."""
        return None if to is None else self.target(operation, to, "assign_to")

    def target(self, operation: Capability, to: Target | str, argument: str) -> Target:
        """Return a target of a kind that the vendor supports; a text is its most common kind."""
        target = self._adapter.target(checks.required(to, argument)) if isinstance(to, str) else to
        self.check_kind(operation, target, self._adapter.targets, argument)
        return target

    def source(
        self,
        operation: Capability,
        source: Source | CarrierAccount | None,
        kinds: tuple[type[Source], ...],
    ) -> Source | None:
        """Return a source that is one of `kinds`."""
        if source is None:
            return None
        if isinstance(source, CarrierAccount):
            source = LinkedCarrier(checks.carrier_id(source))
        self.check_kind(operation, source, kinds, "source")
        return source

    def check_directions(self, inbound: bool, outbound: bool) -> None:
        """Raise for an import for calls in one direction, where the vendor knows none."""
        checks.directions(inbound, outbound)
        if not ((inbound and outbound) or self._adapter.one_way_imports):
            raise UnsupportedOperationError(
                self._adapter.name,
                f"{Capability.IMPORT_NUMBER} for one direction",
                "An imported number works in each direction that its carrier does: limit it there.",
            )

    def check_filter(
        self, argument: str, wanted: frozenset[StrEnum], offered: frozenset[StrEnum]
    ) -> None:
        """Raise if a search cannot be limited to what is wanted."""
        missing = sorted(wanted - offered)
        if missing:
            raise UnsupportedOperationError(
                self._adapter.name,
                f"{Capability.SEARCH_NUMBERS} with {argument}={', '.join(missing)}",
                f"Here `{argument}` can be: {', '.join(sorted(offered))}."
                if offered
                else f"Leave `{argument}` out, and choose from the result.",
            )

    def check_carried(
        self, operation: Capability, carried: frozenset[str], **given: object
    ) -> None:
        """Raise for the first argument that is given and that the vendor has no field for."""
        for argument, value in given.items():
            if value is not None and argument not in carried:
                others = ", ".join(f"`{one}`" for one in given if one in carried)
                raise UnsupportedOperationError(
                    self._adapter.name,
                    f"{operation} with {argument}",
                    f"Leave `{argument}` out." + (f" Here it takes: {others}." if others else ""),
                )

    def check_kind(
        self, operation: Capability, value: object, kinds: tuple[type, ...], argument: str
    ) -> None:
        """Raise unless `value` is one of `kinds`."""
        if not isinstance(value, Target | Source):
            raise InvalidRequestError(
                f"`{argument}` is of type {type(value).__name__}.",
                argument=argument,
                hint=f"Give {' or '.join(kind.__name__ for kind in kinds)}.",
            )
        if not isinstance(value, kinds):
            wanted = " or ".join(kind.__name__ for kind in kinds)
            given = type(value).__name__
            raise UnsupportedOperationError(
                self._adapter.name,
                f"{operation} with {argument}={given}(…)",
                f"Here `{argument}` can be: {wanted}." if wanted else f"Leave `{argument}` out.",
            )
