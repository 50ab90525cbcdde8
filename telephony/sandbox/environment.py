"""The environment variables that point clients at a running sandbox."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from telephony import config, registry
from telephony.config.layers import own_variables
from telephony.errors import ConfigurationError
from telephony.registry import suggestion


def of_profile(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return ``TELEPHONY_<PROFILE>_<SETTING>`` of these settings."""
    prefix = config.variable_prefix(name)
    return {prefix + setting.upper(): value for setting, value in settings.items()}


def of_vendor(name: str, settings: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the vendor's own tools read, such as ``LIVEKIT_URL``."""
    return {
        variable: settings[setting]
        for setting, info in registry.load(name).Settings.model_fields.items()
        if setting in settings
        for variable in own_variables(info)
    }


def adapters_of(profiles: Iterable[str] | None, served: Iterable[str]) -> dict[str, str]:
    """Return the adapter of each of these profiles of telephony.toml.

    Args:
        profiles: None: every profile whose adapter is served.
        served: the vendors that the sandbox serves.

    Raises:
        ConfigurationError: there is no such profile, or the sandbox does not serve its adapter.
    """
    found = {
        name: str(values.get("adapter"))
        for name, values in config.find().providers.items()
        if isinstance(values, Mapping)
    }
    known = set(served)
    if profiles is None:
        return {name: adapter for name, adapter in found.items() if adapter in known}
    wanted: dict[str, str] = {}
    for name in profiles:
        if name not in found:
            raise ConfigurationError(
                f"There is no profile {name!r} in telephony.toml.{suggestion(name, found)}"
            )
        if found[name] not in known:
            raise ConfigurationError(f"The sandbox does not serve {found[name]!r}.")
        wanted[name] = found[name]
    return wanted
