"""telephony.toml: where it is found, whether it is trusted, and what it can contain.

The file is the one that ``TELEPHONY_CONFIG`` names, else the working directory's, else the one in
the user's configuration directory. A file in the working directory may have come with the checkout
of another project, so it is not trusted; see `telephony.config.trust`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from telephony.errors import ConfigurationError
from telephony.registry import suggestion

FILE_NAME = "telephony.toml"
_KEYS = ("default", "providers")


@dataclass(frozen=True)
class ConfigFile:
    """The contents of telephony.toml.

    Attributes:
        path: where it was read; None: there is none.
        trusted: whether the user named it, or it is in the user's configuration directory.
        default: the profile to use when none is named.
        providers: each profile as it is written; checked when it is used.
    """

    path: Path | None = None
    trusted: bool = True
    default: str | None = None
    providers: Mapping[str, object] = field(default_factory=dict, repr=False)


def find() -> ConfigFile:
    """Return the configuration file that applies, or an empty one.

    Raises:
        ConfigurationError: it cannot be read, or the one that is named does not exist.
    """
    path = named_path()
    if path is not None:
        if not _is_file(path):
            raise ConfigurationError(
                f"There is no file {path}, which --config or TELEPHONY_CONFIG names."
            )
        return load(path)
    here, users = Path(FILE_NAME), _of_the_user()
    if _is_file(here):
        return load(here, trusted=users is not None and _is_file(users) and here.samefile(users))
    return load(users) if users is not None and _is_file(users) else ConfigFile()


def named_path() -> Path | None:
    """Return the path that ``--config`` or ``TELEPHONY_CONFIG`` names, whether it exists or not."""
    text = os.environ.get("TELEPHONY_CONFIG", "").strip()
    # Path.expanduser raises where there is no home.
    return Path(os.path.expanduser(text)) if text else None  # noqa: PTH111


def load(path: Path, *, trusted: bool = True) -> ConfigFile:
    """Read a telephony.toml.

    Raises:
        ConfigurationError: it is not readable, not TOML, or has an unknown key.
    """
    import tomllib

    try:
        read = tomllib.loads(path.read_text("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"{path} is not UTF-8 text. Save it as UTF-8.") from error
    except OSError as error:
        raise ConfigurationError(f"{path} cannot be read: {error.strerror}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path} is not TOML: {error}") from error
    except RecursionError:
        raise ConfigurationError(f"{path} cannot be read: it is nested too deeply.") from None
    problems = [_unknown(key, read[key]) for key in read if key not in _KEYS]
    default, providers = read.get("default"), read.get("providers", {})
    if default is not None and not isinstance(default, str):
        problems.append("`default` is the name of a profile: write it in quotes.")
    if not isinstance(providers, dict):
        problems.append("`providers` holds the profiles: write each as a table [providers.NAME].")
    elif any(not name.strip() for name in providers):
        problems.append("a profile has no name: write [providers.NAME].")
    if problems:
        raise ConfigurationError(f"{path}: {' '.join(problems)}")
    return ConfigFile(path, trusted, default, providers)


def _unknown(key: str, value: object) -> str:
    meant = suggestion(key, _KEYS)
    if isinstance(value, dict) and not meant:
        return f"`[{key}]` is not a profile: write it as [providers.{key}]."
    return f"there is no key `{key}`.{meant} Known: `default`, `providers`."


def _of_the_user() -> Path | None:
    import platformdirs  # only needed where no file is named

    try:
        folder = platformdirs.user_config_path("telephony", appauthor=False)
    except (OSError, RuntimeError):
        return None
    # Without a home the path starts with "~" and would be looked for in the working directory.
    return folder / FILE_NAME if folder.is_absolute() else None


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a folder on the way may not be entered, such as another user's home
        return False
