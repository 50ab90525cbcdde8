"""What both drivers are: a named adapter with its settings."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.capabilities import Capability, Level, Support
from telephony.errors import ProviderError
from telephony.operations import Operations
from telephony.protocols import Adapter
from telephony.redaction import chain, forget, secrets_of
from telephony.settings import ProviderSettings
from telephony.transport.watch import Watch


class Connected:
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
    def capabilities(self) -> Mapping[Capability, Support]:
        return self._adapter.capabilities

    def supports(self, capability: Capability) -> bool:
        return self._adapter.capabilities[capability].level is not Level.NONE

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} ({self._adapter.vendor})>"

    def _watch(self, operation: str) -> Watch:
        return Watch(self.name, operation, self._settings)

    def _failed(
        self, error: BaseException, operation: str, private: tuple[str, ...], watch: Watch
    ) -> None:
        for one in chain(error, watch.amid):
            if isinstance(one, ProviderError):
                one.located(self.name, operation, (*self._secrets, *private))
        forget(error, watch.amid)
        watch.end(error)
