"""Settings collected from every place that can have them, the first one winning."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import get_args

from pydantic import SecretStr
from pydantic.fields import FieldInfo

from telephony.config.file import FILE_NAME, ConfigFile
from telephony.config.shell import exported
from telephony.config.trust import advice, is_inside, refused_setting
from telephony.redaction import HiddenDict
from telephony.registry import suggestion
from telephony.settings import Env, ProviderSettings, is_blank


@dataclass(frozen=True)
class Problem:
    """A sentence about what is wrong with a setting.

    Attributes:
        setting: its name; empty where several are wrong together.
        unset: the environment variable that has to be set, where that is all.
    """

    setting: str
    text: str
    unset: str | None = None


@dataclass
class Layers:
    """The settings as they were found.

    Attributes:
        values: the settings, with references replaced.
        origins: where each came from, in words.
        problems: references that cannot be read, and what an untrusted file may not set.
        unused: the vendor's variables that are set but not used, since they may belong to another
            account than the one that is configured; by setting.
        references: the settings that were written as ``env:`` or ``file:``.
    """

    values: dict[str, object] = field(default_factory=HiddenDict)
    origins: dict[str, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    unused: dict[str, str] = field(default_factory=dict)
    references: set[str] = field(default_factory=set)

    def missing(self, setting: str) -> bool:
        return setting not in self.origins

    def put(self, setting: str, value: object, origin: str) -> None:
        self.values[setting] = value
        self.origins[setting] = origin


def layered(
    model: type[ProviderSettings],
    *,
    prefix: str,
    profile: Mapping[str, object],
    file: ConfigFile,
    arguments: Mapping[str, object],
) -> Layers:
    """Collect from arguments, ``TELEPHONY_<PROFILE>_…``, the profile and the vendor's variables."""
    found = Layers()
    for setting, value in arguments.items():
        if value is None and not _can_be_none(model.model_fields.get(setting)):
            continue
        if not is_blank(value):
            _add_argument(found, setting, value)
    for setting in model.model_fields:
        variable = prefix + setting.upper()
        value = os.environ.get(variable)
        if value is not None and not is_blank(value) and found.missing(setting):
            _add_written(found, setting, value, variable, Path())
    for setting, value in profile.items():
        if not is_blank(value) and found.missing(setting):
            _add_profile(found, model, setting, value, file)
    _add_vendor_variables(found, model)
    return found


def own_variables(info: FieldInfo) -> Iterator[str]:
    """Return the environment variables from which the vendor's own tools read a setting."""
    return (mark.name for mark in info.metadata if isinstance(mark, Env))


def is_secret(info: FieldInfo) -> bool:
    return SecretStr in _types(info)


def _types(info: FieldInfo) -> tuple[object, ...]:
    return (info.annotation, *get_args(info.annotation))


def _can_be_none(info: FieldInfo | None) -> bool:
    """Return whether None is a value of this setting, rather than its absence."""
    return (
        info is not None
        and info.default is not None
        and not info.is_required()
        and type(None) in _types(info)
    )


def _add_argument(found: Layers, setting: str, value: object) -> None:
    found.put(setting, value, "argument")
    if isinstance(value, str) and value.startswith(("env:", "file:")):
        # Arguments may come from an application's own users, who must not read its files.
        found.problems.append(
            Problem(
                setting,
                f"`{setting}` begins with {value.partition(':')[0]}:, which only telephony.toml "
                "and TELEPHONY_… variables may. Pass the value itself.",
            )
        )


def _add_profile(
    found: Layers,
    model: type[ProviderSettings],
    setting: str,
    value: object,
    file: ConfigFile,
) -> None:
    path = file.path or Path(FILE_NAME)
    info = model.model_fields.get(setting)
    _add_written(found, setting, value, str(path), path.parent, None if file.trusted else path)
    if isinstance(value, str) and info and Path in _types(info) and setting not in found.references:
        # expanduser of Path raises where there is no home.
        found.values[setting] = path.parent / os.path.expanduser(value)  # noqa: PTH111
    own = [f"env:{name}" for name in own_variables(info)] if info else []
    if file.trusted or value in own or setting not in found.values:
        return
    refused = refused_setting(model, setting, found.values[setting], path)
    if refused:
        del found.values[setting]
        found.problems.append(Problem(setting, refused))


def _add_written(
    found: Layers,
    setting: str,
    value: object,
    origin: str,
    folder: Path,
    untrusted: Path | None = None,
) -> None:
    """Add the value of a file or a variable, with ``env:NAME`` and ``file:PATH`` replaced."""
    kind, colon, name = value.partition(":") if isinstance(value, str) else ("", "", "")
    if not colon or kind not in ("env", "file"):
        found.put(setting, value, origin)
        return
    found.references.add(setting)
    found.origins[setting] = f"{origin} ({value})"
    name = name.strip()
    if kind == "env":
        read: str | Problem = _variable(setting, name, origin)
    else:
        read = _content(setting, name, origin, folder, untrusted)
    if isinstance(read, Problem):
        found.problems.append(read)
    else:
        found.values[setting] = read


def _variable(setting: str, name: str, origin: str) -> str | Problem:
    value = os.environ.get(name)
    if value is not None and not is_blank(value):
        return value
    if not name:
        return Problem(setting, f"`{setting}` in {origin} is `env:` without a name.")
    state = "is not set" if value is None else "is empty"
    near = suggestion(name, os.environ) if value is None else ""
    text = (
        f"`{setting}` in {origin} is read from the environment variable {name}, which {state}."
        f"{near} Set it with: {exported(name)}"
    )
    return Problem(setting, text, unset=name)


def _content(
    setting: str, name: str, origin: str, folder: Path, untrusted: Path | None
) -> str | Problem:
    if not name:
        return Problem(setting, f"`{setting}` in {origin} is `file:` without a path.")
    where = f"`{setting}` in {origin} is read from the file {name}"
    try:
        path = folder / Path(name).expanduser()
        if untrusted is not None and not is_inside(path, folder):
            return Problem(setting, f"{where}, which is outside its folder. {advice(untrusted)}")
        text = path.read_text("utf-8-sig").strip()
    except OSError as error:
        return Problem(setting, f"{where}: {error.strerror}.")
    except UnicodeDecodeError:
        return Problem(setting, f"{where}: it is not text.")
    except (ValueError, RuntimeError):
        return Problem(setting, f"{where}: that is not a path.")
    return text or Problem(setting, f"{where}: it is empty.")


def _add_vendor_variables(found: Layers, model: type[ProviderSettings]) -> None:
    chosen = any(not found.missing(setting) for setting in model.account)
    for setting, info in model.model_fields.items():
        for variable in own_variables(info):
            value = os.environ.get(variable)
            if value is None or is_blank(value) or not found.missing(setting):
                continue
            if chosen and (setting in model.account or is_secret(info)):
                found.unused.setdefault(setting, variable)
            else:
                found.put(setting, value, variable)
