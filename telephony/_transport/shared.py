"""What all users of one provider's transport share."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Generic, TypeAlias, TypeVar

from telephony._transport.hooks import Hooks
from telephony._transport.request_builder import RequestBuilder
from telephony._transport.retry import Policy
from telephony._transport.routes import Routes
from telephony.errors import ProviderError, UnavailableError
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings

P = TypeVar("P")
NewPool: TypeAlias = Callable[[int, Routes], P]


class Shared(Generic[P]):
    """The state that all users of one provider share.

    Args:
        new_pool: makes the connections, for so many requests at once.
    """

    def __init__(self, adapter: Adapter, settings: ProviderSettings, new_pool: NewPool[P]) -> None:
        self.builder = RequestBuilder(adapter)
        self.hooks = Hooks(adapter.name)
        self.closed = False
        self._routes = Routes(settings, self.builder.origins)
        self._process = os.getpid()
        self._begin(adapter, settings, new_pool)

    def _begin(self, adapter: Adapter, settings: ProviderSettings, new_pool: NewPool[P]) -> None:
        self._of = adapter, settings, new_pool
        self.policy = Policy(settings, adapter.error, ambiguous=adapter.ambiguous_statuses)
        self.pool: P = new_pool(settings.max_concurrency, self._routes)

    def after_fork(self) -> None:
        # The parent's sockets must not be used by two processes; it will close them itself.
        # Its requests in flight never end here: the rate limit would wait for them for ever.
        if self._process != os.getpid():
            self._process = os.getpid()
            self._begin(*self._of)


def closed() -> ProviderError:
    """Return the error of a provider that was closed."""
    return UnavailableError("This provider is closed", hint="Connect again.")
