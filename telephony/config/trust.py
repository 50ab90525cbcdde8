"""The limits of a telephony.toml that was only found in the working directory.

Running a command in another project's checkout does not mean trusting its telephony.toml. That file
must not send credentials to a host of its choice, weaken the connection, or read other files.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

from telephony.settings import ProviderSettings, is_loopback

# Each of these decides who can read or change what is sent.
_CONNECTION = ("allow_insecure_http", "proxy", "verify", "client_certificate")


def advice(path: Path) -> str:
    """Return how to trust a file."""
    return (
        "The file was only found in the working directory. If you trust it, name it: "
        f"set TELEPHONY_CONFIG={path}, or run telephony --config {path} …"
    )


def refused_setting(
    model: type[ProviderSettings], setting: str, value: object, path: Path
) -> str | None:
    """Return why an untrusted file may not set this, or None."""
    if setting in _CONNECTION:
        return f"`{setting}` may not be set in {path}. {advice(path)}"
    if setting == "base_url" and isinstance(value, str) and not _is_own(model, value):
        own = ", ".join(_hosts(model))
        return (
            f"`base_url` in {path} may only name the vendor's own hosts ({own}) or this machine. "
            f"{advice(path)}"
        )
    return None


def is_inside(target: Path, folder: Path) -> bool:
    """Return whether a file is in a folder, with links followed."""
    return target.resolve().is_relative_to(folder.resolve())


def _hosts(model: type[ProviderSettings]) -> list[str]:
    default = model.model_fields["base_url"].default
    own = urlsplit(default).hostname if isinstance(default, str) else None
    return [*([own] if own else []), *model.hosts]


def _is_own(model: type[ProviderSettings], url: str) -> bool:
    try:
        host = urlsplit(url).hostname
    except ValueError:
        return False
    if host is None or is_loopback(url):
        return True  # without a host it is no URL, and refused as such
    # Only plain names: URL parsers disagree about everything else.
    return re.fullmatch(r"[a-z0-9.-]+", host) is not None and any(
        host.endswith(own[1:]) if own.startswith("*.") else host == own for own in _hosts(model)
    )
