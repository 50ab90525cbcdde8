"""From telephony.toml, the environment and arguments to a connected provider.

For each setting the first that has it wins: arguments, ``TELEPHONY_<PROFILE>_<SETTING>``, the
vendor's own environment variable, telephony.toml. The file is the one that ``TELEPHONY_CONFIG``
names, else the working directory's, else that of the user's configuration directory.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from telephony import registry
from telephony.errors import ConfigurationError
from telephony.protocols import Adapter
from telephony.redaction import Veiled, forgetful
from telephony.registry import suggestion
from telephony.settings import Env, ProviderSettings

if TYPE_CHECKING:
    from telephony.provider import AsyncProvider, Provider

FILE_NAME = "telephony.toml"


class ConfigFile(BaseModel):
    """telephony.toml: profiles by name, and the one used when none is named."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    default: str | None = None
    providers: dict[str, dict[str, object]] = Field(default_factory=dict, repr=False)


@dataclass(frozen=True)
class Resolved:
    """A profile ready to connect.

    Attributes:
        name: the profile's name.
        adapter: its adapter class.
        settings: validated.
        origins: where each setting came from, in words; settings left at their default are absent.
    """

    name: str
    adapter: type[Adapter]
    settings: ProviderSettings
    origins: Mapping[str, str]


def connect(name: str | None = None, /, **settings: object) -> Provider:
    """Connect to a vendor, blocking. Use it as a context manager, or close it yourself.

    Args:
        name: a profile of telephony.toml, or an adapter such as ``"cartesia"``; None: the default.
        settings: override the configuration, such as ``api_key="…"`` or ``timeout=10``.

    Raises:
        ConfigurationError: something is missing or wrong; the message says what to mend.
    """
    from telephony.provider import Provider  # loads httpx

    settings = Veiled(settings)
    found = resolve(name, settings)
    return Provider(found.adapter(found.settings, name=found.name), found.settings)


def connect_async(name: str | None = None, /, **settings: object) -> AsyncProvider:
    """Connect to a vendor, for asyncio: as `connect`, with ``async with`` or ``await close()``."""
    from telephony.provider import AsyncProvider  # loads httpx

    settings = Veiled(settings)
    found = resolve(name, settings)
    return AsyncProvider(found.adapter(found.settings, name=found.name), found.settings)


@forgetful()
def resolve(name: str | None, arguments: Mapping[str, object]) -> Resolved:
    """The profile or adapter called `name` with everything that configures it.

    Raises:
        ConfigurationError: as `connect`.
    """
    path = config_path()
    file = load(path) if path else ConfigFile()
    name = name or os.environ.get("TELEPHONY_PROVIDER") or _default(file)
    if name in file.providers:
        profile = dict(file.providers[name])
        adapter_name = profile.pop("adapter", None)
        if not isinstance(adapter_name, str):
            raise ConfigurationError(
                f"{path}: [providers.{name}] has no `adapter`. Add one of: "
                f"{', '.join(registry.available())}."
            )
    elif name in registry.available():
        profile, adapter_name = {}, name
    else:
        known = [*file.providers, *registry.available()]
        raise ConfigurationError(
            f"There is no profile or adapter {name!r}.{suggestion(name, known)} "
            f"Known: {', '.join(dict.fromkeys(known))}."
        )
    adapter = registry.load(adapter_name)
    values, origins = _layered(name, adapter.Settings, profile, str(path), arguments)
    return Resolved(name, adapter, _validated(name, adapter.Settings, values), origins)


def config_path() -> Path | None:
    """The configuration file in force, or None.

    Raises:
        ConfigurationError: ``TELEPHONY_CONFIG`` names a file that does not exist.
    """
    named = os.environ.get("TELEPHONY_CONFIG")
    if named:
        if not Path(named).is_file():
            raise ConfigurationError(f"TELEPHONY_CONFIG names {named}, which is not a file.")
        return Path(named)
    import platformdirs  # only needed where no file is named

    places = (Path(FILE_NAME), platformdirs.user_config_path("telephony") / FILE_NAME)
    return next((place for place in places if place.is_file()), None)


def load(path: Path) -> ConfigFile:
    """Read a telephony.toml. Raises `ConfigurationError` naming the line or the key."""
    import tomllib

    try:
        return ConfigFile.model_validate(tomllib.loads(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors(include_input=False, include_url=False)[0]
        key = ".".join(str(part) for part in first["loc"])
        known = () if first["type"] != "extra_forbidden" else ConfigFile.model_fields
        near = suggestion(str(first["loc"][0]), known)
        raise ConfigurationError(f"{path}: `{key}`: {first['msg']}.{near}") from error


def _default(file: ConfigFile) -> str:
    if file.default is not None:
        return file.default
    if len(file.providers) == 1:
        return next(iter(file.providers))
    raise ConfigurationError(
        "No provider is named and there is no default. Name one, set TELEPHONY_PROVIDER, or write "
        f'`default = "…"` in {FILE_NAME}. Adapters: {", ".join(registry.available())}.'
    )


def _layered(
    name: str,
    model: type[ProviderSettings],
    profile: Mapping[str, object],
    file: str,
    arguments: Mapping[str, object],
) -> tuple[dict[str, object], dict[str, str]]:
    """Every setting from the first place that has it, and which place that was."""
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    prefix = f"TELEPHONY_{re.sub(r'[^A-Z0-9]', '_', name.upper())}_"

    def take(setting: str, value: object, origin: str) -> None:
        if setting not in values:
            values[setting] = _dereferenced(setting, value, origin)
            origins[setting] = origin

    for setting, value in arguments.items():
        if value is not None:
            take(setting, value, "argument")
    for setting in model.model_fields:
        if prefix + setting.upper() in os.environ:
            take(setting, os.environ[prefix + setting.upper()], prefix + setting.upper())
    for setting, field in model.model_fields.items():
        for mark in field.metadata:
            if isinstance(mark, Env) and os.environ.get(mark.name):
                take(setting, os.environ[mark.name], mark.name)
    for setting, value in profile.items():
        take(setting, value, file)
    return values, origins


def _dereferenced(setting: str, value: object, origin: str) -> object:
    """``env:NAME`` and ``file:PATH`` replaced by what they name."""
    if not isinstance(value, str):
        return value
    kind, _, rest = value.partition(":")
    if kind == "env":
        if rest not in os.environ:
            raise ConfigurationError(
                f"{origin}: `{setting}` is read from the environment variable {rest}, which is not "
                f"set. Set it with: export {rest}=…"
            )
        return os.environ[rest]
    if kind == "file":
        try:
            return Path(rest).expanduser().read_text("utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not text"
            raise ConfigurationError(
                f"{origin}: `{setting}` is read from {rest}: {reason}."
            ) from error
    return value


def _validated(
    name: str, model: type[ProviderSettings], values: Mapping[str, object]
) -> ProviderSettings:
    try:
        return model.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(
            _problem(name, model, str(e["loc"][0]) if e["loc"] else "", e["type"], e["msg"])
            for e in error.errors(include_input=False, include_url=False, include_context=False)
        )
        # Without the chain: pydantic's own text could show what was given.
        raise ConfigurationError(f"{name}: {problems}") from None


def _problem(
    name: str, model: type[ProviderSettings], setting: str, kind: str, message: str
) -> str:
    if kind == "missing":
        marks = model.model_fields[setting].metadata
        names = [mark.name for mark in marks if isinstance(mark, Env)]
        or_env = f", or set {names[0]}" if names else ""
        return f"`{setting}` is missing: add it to [providers.{name}] in {FILE_NAME}{or_env}."
    if kind == "extra_forbidden":
        near = suggestion(setting, model.model_fields)
        known = ", ".join(model.model_fields)
        return f"there is no setting `{setting}`.{near or f' Known: {known}.'}"
    text = message.removeprefix("Value error, ")
    return f"`{setting}`: {text}." if setting else f"{text}."
