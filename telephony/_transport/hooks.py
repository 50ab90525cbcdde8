"""Call the user's hooks for every HTTP attempt; a hook that fails does not break one."""

from __future__ import annotations

import inspect
import logging
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from telephony.errors import ConfigurationError

if TYPE_CHECKING:
    from telephony.settings import Hook, HttpEvent, ProviderSettings

log: logging.Logger = logging.getLogger("telephony")

_NAMES = ("on_request", "on_response", "on_retry")


class Hooks:
    """Calls hooks, and logs the first exception of each."""

    def __init__(self, provider: str) -> None:
        self._provider = provider
        self._reported: set[Hook] = set()

    def call(self, hook: Hook | None, event: HttpEvent) -> None:
        if hook is None:
            return
        try:
            result = hook(event)
            if isinstance(result, Coroutine):
                result.close()
                raise TypeError("it must be awaited, which only an AsyncProvider does")
        except Exception as error:
            self._report(hook, error)

    async def acall(self, hook: Hook | None, event: HttpEvent) -> None:
        if hook is None:
            return
        try:
            result = hook(event)
            if inspect.isawaitable(result):
                await result
        except Exception as error:
            self._report(hook, error)

    def _report(self, hook: Hook, error: Exception) -> None:
        if hook not in self._reported:
            self._reported.add(hook)
            log.error(
                "%s: the hook %s failed; the operation goes on. "
                "Further failures of this hook are not logged.",
                self._provider, getattr(hook, "__qualname__", hook), exc_info=error,
            )  # fmt: skip


def refuse_async_hooks(provider: str, settings: ProviderSettings) -> None:
    """Raise `ConfigurationError` if a hook needs an event loop."""
    for name in _NAMES:
        hook = getattr(settings, name)
        if hook is not None and any(map(inspect.iscoroutinefunction, (hook, hook.__call__))):
            raise ConfigurationError(
                f"{provider}: `{name}` is an async function, which a blocking provider cannot "
                "await. Give a plain function, or use connect_async()."
            )
