"""Find a profile or an adapter by name, with all of its settings."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from telephony import registry
from telephony.config.file import FILE_NAME, ConfigFile, find
from telephony.config.layers import Layers, Problem, layered
from telephony.config.validation import problems_of
from telephony.errors import ConfigurationError
from telephony.protocols import Adapter
from telephony.redaction import clearing_frames
from telephony.registry import suggestion
from telephony.settings import ProviderSettings


@dataclass(frozen=True)
class Resolved:
    """A profile whose settings are valid.

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


@dataclass(frozen=True)
class Examined:
    """A profile with its settings and all that is wrong with them.

    Attributes:
        adapter: None where it is not known which.
        settings: None where there are problems.
        layers: the settings as they were found.
        problems: all that is wrong.
        notes: what is valid, but perhaps not what was meant.
    """

    name: str
    adapter: type[Adapter] | None = None
    settings: ProviderSettings | None = None
    layers: Layers = field(default_factory=Layers)
    problems: tuple[Problem, ...] = ()
    notes: tuple[str, ...] = ()


@clearing_frames()
def resolve(
    name: str | None, arguments: Mapping[str, object], *, adapter: str | None = None
) -> Resolved:
    """Return what `connect` connects with.

    Raises:
        ConfigurationError: as `connect`.
    """
    found = examine(name, arguments, adapter=adapter)
    if found.adapter is None or found.settings is None:
        first, *rest = (problem.text for problem in found.problems)
        said = " ".join((first, *(f"{text[:1].upper()}{text[1:]}" for text in rest)))
        raise ConfigurationError(f"{found.name}: {said}" if found.name else said)
    return Resolved(found.name, found.adapter, found.settings, found.layers.origins)


@clearing_frames()
def examine(
    name: str | None,
    arguments: Mapping[str, object],
    *,
    adapter: str | None = None,
    file: ConfigFile | None = None,
) -> Examined:
    """Return how a profile is configured, without raising for what is wrong with it.

    Args:
        name: the profile or adapter; None: the default.
        arguments: settings that override all others.
        adapter: the adapter to use under this name; no telephony.toml is read then.
        file: used instead of the telephony.toml that would be found.


    Raises:
        ConfigurationError: the configuration file cannot be read, no name is given and there is no
            default, or the adapter's package is not installed.
    """
    name, adapter = _given(name), _given(adapter)
    if adapter is not None:
        return _examined(name or adapter, adapter, {}, ConfigFile(), arguments)
    file = find() if file is None else file
    name = name or _given(os.environ.get("TELEPHONY_PROVIDER")) or _default(file)
    if name not in file.providers:
        if registry.is_available(name):
            return _examined(name, name, {}, file, arguments)
        known = [*file.providers, *registry.available()]
        raise ConfigurationError(
            f"There is no profile or adapter {name!r}.{suggestion(name, known)} "
            f"Known: {', '.join(dict.fromkeys(known))}."
        )
    profile = file.providers[name]
    if not isinstance(profile, dict):
        return _broken(name, file, "is not a table. Write its settings below [providers.NAME].")
    used = profile.get("adapter")
    if not isinstance(used, str) or not used.strip():
        return _broken(
            name, file, f"has no `adapter`. Add one of: {', '.join(registry.available())}."
        )
    rest = {setting: value for setting, value in profile.items() if setting != "adapter"}
    return _examined(name, used, rest, file, arguments)


def variable_prefix(name: str) -> str:
    """Return the prefix of a profile's variables: ``TELEPHONY_BURO_2_`` for ``büro-2``."""
    plain = unicodedata.normalize("NFKD", name)
    letters = "".join(char for char in plain if not unicodedata.combining(char))
    return f"TELEPHONY_{re.sub('[^A-Z0-9]', '_', letters.upper())}_"


def _given(text: str | None) -> str | None:
    if text is not None and not isinstance(text, str):
        raise ConfigurationError(f"The name of a profile or an adapter is a text, not {text!r}.")
    return text if text and text.strip() else None


def _default(file: ConfigFile) -> str:
    if _given(file.default) is not None:
        return str(file.default)
    if len(file.providers) == 1:
        return next(iter(file.providers))
    raise ConfigurationError(
        "No provider is named and there is no default. Name one, set TELEPHONY_PROVIDER, or write "
        f'`default = "…"` in {FILE_NAME}. Adapters: {", ".join(registry.available())}.'
    )


def _broken(name: str, file: ConfigFile, text: str) -> Examined:
    return Examined("", problems=(Problem("", f"{file.path}: [providers.{name}] {text}"),))


def _examined(
    name: str,
    adapter_name: str,
    profile: Mapping[str, object],
    file: ConfigFile,
    arguments: Mapping[str, object],
) -> Examined:
    adapter = registry.load(adapter_name)
    model = adapter.Settings
    layers = layered(
        model, prefix=variable_prefix(name), profile=profile, file=file, arguments=arguments
    )
    settings, wrong = problems_of(name, model, layers.values)
    mixed = _mixed(name, model, layers, wrong)
    problems = [*layers.problems, *_shared_variables(name, model, file)]
    already = {problem.setting for problem in layers.problems}
    if mixed is not None:
        problems.append(mixed)
    else:
        # Settings that are validated together are validated once each can be read.
        problems += [
            one for one in wrong if one.setting not in already and (one.setting or not already)
        ]
    return Examined(
        name,
        adapter,
        None if problems else settings,
        layers,
        tuple(problems),
        tuple(_notes(name, model, layers, file)),
    )


def _mixed(
    name: str, model: type[ProviderSettings], layers: Layers, wrong: list[Problem]
) -> Problem | None:
    """Return the problem that only variables of what may be another account would solve."""
    given = {setting: os.environ[name] for setting, name in layers.unused.items()}
    if not wrong or not given:
        return None
    remaining = {one.setting for one in problems_of(name, model, {**layers.values, **given})[1]}
    if all(one.setting in remaining for one in wrong):
        return None
    first = next(setting for setting in model.account if setting in layers.origins)
    lacking = {one.setting for one in wrong} - remaining
    needed = [s for s in layers.unused if s in lacking] or list(layers.unused)
    ambient = ", ".join(f"`{setting}` from {layers.unused[setting]}" for setting in needed)
    write = ", ".join(f'{setting} = "env:{layers.unused[setting]}"' for setting in needed)
    return Problem(
        needed[0],
        f"`{first}` comes from {layers.origins[first]}, but {ambient}: they may belong to "
        f"different accounts. Give all of them as arguments or in [providers.{name}], where "
        f"{write} refers to the environment.",
    )


def _shared_variables(name: str, model: type[ProviderSettings], file: ConfigFile) -> list[Problem]:
    """Return variables that two profiles share: ``a-b`` and ``a_b`` have the same prefix."""
    prefix = variable_prefix(name)
    names = (prefix + setting.upper() for setting in model.model_fields)
    return [
        Problem("", f"{variable} could be meant for {name!r} or for {one!r}. Rename one of them.")
        for variable in names
        if _given(os.environ.get(variable))
        for one, profile in file.providers.items()
        if one != name and variable.startswith(variable_prefix(one))
        if variable.removeprefix(variable_prefix(one)).lower() in _settings_of(profile)
    ]


def _settings_of(profile: object) -> Mapping[str, object]:
    adapter = profile.get("adapter") if isinstance(profile, dict) else None
    if not isinstance(adapter, str) or not registry.is_available(adapter):
        return {}
    return registry.load(adapter).Settings.model_fields


def _notes(name: str, model: type[ProviderSettings], layers: Layers, file: ConfigFile) -> list[str]:
    notes = [
        f"{variable} is set but not used: the account is configured elsewhere."
        for variable in layers.unused.values()
    ]
    prefix = variable_prefix(name)
    others = [variable_prefix(one) for one in file.providers if one != name]
    known = [prefix + setting.upper() for setting in model.model_fields]
    for variable in os.environ:
        near = suggestion(variable, known) if variable.startswith(prefix) else ""
        if near and variable not in known and not variable.startswith(tuple(others)):
            notes.append(f"{variable} is set, but there is no such setting.{near}")
    return notes
