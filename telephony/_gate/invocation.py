"""An operation that is about to run, and the gate that it passes first."""

from __future__ import annotations

import functools
from collections.abc import Callable, Generator
from dataclasses import dataclass, field, replace
from typing import Concatenate, Generic, ParamSpec, Protocol, TypeVar

from telephony.capabilities import Capability, Level, support_of
from telephony.errors import ProviderError, UnsupportedOperationError
from telephony.protocols import Adapter
from telephony.wire import Response

P = ParamSpec("P")
R = TypeVar("R")
Y = TypeVar("Y")


class _OfAdapter(Protocol):
    adapter: Adapter


O = TypeVar("O", bound=_OfAdapter)  # noqa: E741 - of operations


@dataclass(frozen=True, slots=True)
class Invocation(Generic[Y, R]):
    """An operation that a driver can run.

    Attributes:
        steps: the adapter's generator.
        secrets: new credentials, which must not show in an error.
        texts: bodies of messages, which an error must not repeat.
        limit: the most items to hand out, for listings.
        name: the public method's name.
    """

    steps: Generator[Y, Response, R] = field(repr=False)
    secrets: tuple[str, ...] = field(default=(), repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)
    limit: int | None = None
    name: str = ""


def gated(
    capability: Capability,
) -> Callable[
    [Callable[Concatenate[O, P], Invocation[Y, R]]],
    Callable[Concatenate[O, P], Invocation[Y, R]],
]:
    """Raise what the vendor does not support, and add to every error where it happened."""

    def decorate(
        check: Callable[Concatenate[O, P], Invocation[Y, R]],
    ) -> Callable[Concatenate[O, P], Invocation[Y, R]]:
        @functools.wraps(check)
        def gate(self: O, /, *args: P.args, **kwargs: P.kwargs) -> Invocation[Y, R]:
            support = support_of(self.adapter.capabilities, capability)
            if support.level is Level.NONE:
                raise UnsupportedOperationError(self.adapter.name, capability, support.note)
            try:
                return replace(check(self, *args, **kwargs), name=capability)
            except ProviderError as refusal:
                refusal.add_context(self.adapter.name, capability, ())
                raise

        return gate

    return decorate
