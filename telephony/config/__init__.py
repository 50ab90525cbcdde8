"""Connect with settings from arguments, the environment and telephony.toml.

For each setting the first source that has it wins: arguments,
``TELEPHONY_<PROFILE>_<SETTING>``, the profile in telephony.toml, the vendor's own variable. An
empty value counts as unset.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Unpack

from telephony.config.file import FILE_NAME, ConfigFile, find, load, named_path
from telephony.config.keywords import Settings
from telephony.config.profiles import Examined, Resolved, examine, resolve, variable_prefix
from telephony.redaction import HiddenDict

if TYPE_CHECKING:
    from telephony.provider import AsyncProvider, Provider

__all__ = [
    "FILE_NAME",
    "ConfigFile",
    "Examined",
    "Resolved",
    "Settings",
    "connect",
    "connect_async",
    "examine",
    "find",
    "load",
    "named_path",
    "resolve",
    "variable_prefix",
]


def connect(
    name: str | None = None,
    /,
    *,
    adapter: str | None = None,
    settings: Mapping[str, object] | None = None,
    **keywords: Unpack[Settings],
) -> Provider:
    """Connect to a vendor, blocking. Use it as a context manager, or close it yourself.

    Args:
        name: a profile of telephony.toml, or an adapter such as ``"cartesia"``; None: the default.
        adapter: the adapter to use under this name; no telephony.toml is read then.
        settings: settings as a mapping, also those of adapters from other packages.
        keywords: settings that override the configuration, such as ``api_key="…"`` or
            ``timeout=10``.

    Raises:
        ConfigurationError: something is missing or wrong; the message says what to change.

    Example:
        with telephony.connect("cartesia", timeout=10) as provider:
            print(provider.get_number("+14155550123").assignment)
    """
    from telephony.provider import Provider  # loads httpx

    given = HiddenDict({**(settings or {}), **keywords})
    del settings, keywords  # tracebacks show local variables
    found = resolve(name, given, adapter=adapter)
    return Provider(found.adapter(found.settings, name=found.name), found.settings)


def connect_async(
    name: str | None = None,
    /,
    *,
    adapter: str | None = None,
    settings: Mapping[str, object] | None = None,
    **keywords: Unpack[Settings],
) -> AsyncProvider:
    """Connect to a vendor, for asyncio. Use it with ``async with``, or await its `close`.

    Args:
        name: a profile of telephony.toml, or an adapter such as ``"cartesia"``; None: the default.
        adapter: the adapter to use under this name; no telephony.toml is read then.
        settings: settings as a mapping, also those of adapters from other packages.
        keywords: settings that override the configuration, such as ``api_key="…"`` or
            ``timeout=10``.

    Raises:
        ConfigurationError: something is missing or wrong; the message says what to change.

    Example:
        async with telephony.connect_async("cartesia") as provider:
            number = await provider.get_number("+14155550123")
    """
    from telephony.provider import AsyncProvider  # loads httpx

    given = HiddenDict({**(settings or {}), **keywords})
    del settings, keywords
    found = resolve(name, given, adapter=adapter)
    return AsyncProvider(found.adapter(found.settings, name=found.name), found.settings)
