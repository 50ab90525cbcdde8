"""One face for both drivers, so that every test of the suite runs blocking and asyncio."""

from __future__ import annotations

import asyncio
import functools
import inspect
from collections.abc import AsyncIterator, Callable
from types import TracebackType
from typing import Self, TypeVar, cast

import telephony
from telephony.protocols import PhoneNumberProvider

T = TypeVar("T")


def connect(mode: str, adapter: str, **settings: object) -> Client:
    """Connect ``"blocking"`` or ``"asyncio"``; either way the result is called without await."""
    return Client(mode, adapter, settings)


class Client:
    """A context manager around a connected provider.

    Attributes:
        provider: what the tests call; with asyncio each call runs the event loop until it is done,
            and listings become lists.
    """

    def __init__(self, mode: str, adapter: str, settings: dict[str, object]) -> None:
        self._runner = asyncio.Runner() if mode == "asyncio" else None
        if self._runner is None:
            self._blocking = telephony.connect(adapter, settings=settings)
            self.provider: PhoneNumberProvider = self._blocking
        else:
            self._async = telephony.connect_async(adapter, settings=settings)
            self.provider = cast("PhoneNumberProvider", _Awaited(self._async, self._runner))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._runner is None:
            self._blocking.close()
        else:
            self._runner.run(self._async.close())
            self._runner.close()


class _Awaited:
    def __init__(self, provider: telephony.AsyncProvider, runner: asyncio.Runner) -> None:
        self._provider = provider
        self._runner = runner

    def __getattr__(self, name: str) -> object:
        member = getattr(self._provider, name)
        return functools.partial(self._call, member) if callable(member) else member

    def _call(self, method: Callable[..., object], *args: object, **kwargs: object) -> object:
        result = method(*args, **kwargs)
        if inspect.iscoroutine(result):
            return self._runner.run(result)
        if isinstance(result, AsyncIterator):
            return iter(self._runner.run(_collected(result)))
        return result


async def _collected(items: AsyncIterator[T]) -> list[T]:
    return [item async for item in items]
