"""The parts that both drivers share."""

from __future__ import annotations

from collections.abc import Mapping
from types import EllipsisType
from typing import TypeVar

from pydantic import ValidationError

from telephony._gate.invocation import Invocation
from telephony._gate.operations import Operations
from telephony._transport.instrumentation import OperationTrace, log
from telephony.capabilities import LOOK_IN, Capability, Level, Support, support_of
from telephony.errors import (
    InvalidRequestError,
    NotFoundError,
    OutcomeUnknownError,
    ProviderError,
    TelephonyError,
)
from telephony.protocols import Adapter
from telephony.redaction import chain, clear_frames, secrets_of
from telephony.settings import ProviderSettings
from telephony.wire import Safety

Y = TypeVar("Y")
R = TypeVar("R")

_MISSING: Mapping[str, str] = {
    Capability.GET_TRANSCRIPT: "Check the id; some vendors transcribe a call only after its end.",
    Capability.GET_RECORDING: "Check the id; a recording is there only after the end of the call, "
    "and where the account or the agent records calls.",
}


class BaseProvider:
    """A named adapter with its settings and checked operations."""

    def __init__(self, adapter: Adapter, settings: ProviderSettings) -> None:
        self._adapter = adapter
        self._settings = settings
        self._secrets = secrets_of(settings)
        self._operations = Operations(adapter, settings)

    @property
    def name(self) -> str:
        return self._adapter.name

    @property
    def adapter(self) -> Adapter:
        return self._adapter

    @property
    def account(self) -> str:
        return self._settings.account_id

    @property
    def capabilities(self) -> Mapping[Capability, Support]:
        declared = self._adapter.capabilities
        return {capability: support_of(declared, capability) for capability in Capability}

    def supports(self, capability: Capability) -> bool:
        return support_of(self._adapter.capabilities, capability).level is not Level.NONE

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} ({self._adapter.vendor})>"

    def _settings_with(
        self, timeout: float | None, retries: int | None, deadline: float | EllipsisType | None
    ) -> ProviderSettings:
        """Return the settings with those given to `with_options`."""
        given = {"timeout": timeout, "retries": retries}
        changes: dict[str, object] = {key: one for key, one in given.items() if one is not None}
        if not isinstance(deadline, EllipsisType):
            changes["deadline"] = deadline
        known = {name: getattr(self._settings, name) for name in self._settings.model_fields_set}
        try:
            return type(self._settings).model_validate(known | changes)
        except ValidationError as wrong:
            first = wrong.errors(include_input=False, include_url=False)[0]
            name = str(first["loc"][0])
            raise InvalidRequestError(f"{name}: {first['msg']}", argument=name) from None

    def _trace(self, operation: str) -> OperationTrace:
        return OperationTrace(self.name, operation, self._settings)

    def _where_to_look(self, operation: str) -> str:
        """Return where to see whether an operation was done."""
        listing, call = LOOK_IN.get(Capability(operation), (None, ""))
        if listing is None or not self.supports(listing):
            return OutcomeUnknownError.default_hint
        return f"It may have been done: look in {call} before you repeat it."

    def _error_for_caller(
        self, error: BaseException, invocation: Invocation[Y, R], trace: OperationTrace
    ) -> BaseException:
        """Return what the caller gets: `error`, or an error that the outcome is unknown."""
        outcome, changing = error, trace.changing
        if changing is not None and not isinstance(error, Exception):
            note = (
                f"{self.name}: {invocation.name} was interrupted after {changing.method} was sent. "
                f"{self._where_to_look(invocation.name)}"
            )
            error.add_note(note)
            if not isinstance(error, KeyboardInterrupt):  # its traceback shows the note
                log.warning(note)
        elif changing is not None and not isinstance(error, TelephonyError):
            outcome = OutcomeUnknownError(
                f"The response could not be handled ({type(error).__name__})",
                retry_safe=changing.safety is Safety.IDEMPOTENT,
            )
            outcome.__cause__ = error
        if isinstance(outcome, OutcomeUnknownError) and outcome.hint == outcome.default_hint:
            outcome.hint = self._where_to_look(invocation.name)
        if isinstance(outcome, NotFoundError) and outcome.hint == outcome.default_hint:
            outcome.hint = _MISSING.get(invocation.name, outcome.hint)
        for one in chain(outcome, trace.around):
            if isinstance(one, ProviderError):
                one.add_context(
                    self.name,
                    invocation.name,
                    (*self._secrets, *invocation.secrets),
                    invocation.texts,
                )
        clear_frames(outcome, trace.around)
        trace.end(outcome)
        return outcome
