"""``telephony config init``: write a telephony.toml that names variables, never secrets."""

from __future__ import annotations

import json
import os
import re
import sys
import tempfile
from pathlib import Path
from typing import Annotated

import typer

import telephony
from telephony import config as configuration
from telephony import registry
from telephony.cli.examples import examples
from telephony.cli.options import JsonOption
from telephony.cli.output import document, note
from telephony.config.layers import is_secret, own_variables
from telephony.config.shell import exported
from telephony.settings import ProviderSettings, is_blank

EXAMPLES = examples(
    "telephony config init",
    "telephony config init --from-env",
    "telephony --config desk.toml config init --force",
)
Profiles = dict[str, dict[str, str]]


def init(
    from_env: Annotated[
        bool,
        typer.Option(
            "--from-env",
            help="Do not ask: write a profile for each vendor whose variables are set.",
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite the file.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Write a telephony.toml, asking which vendors to use. Secrets stay in the environment.

    Writes the file that --config or TELEPHONY_CONFIG names, else telephony.toml in this folder.
    """
    path = configuration.named_path() or Path(configuration.FILE_NAME)
    if path.exists() and not force:
        raise telephony.ConfigurationError(f"{path} exists. Add --force to overwrite it.")
    profiles = _from_environment() if from_env else _asked()
    text = _toml(profiles)
    unset = _write(path, text, profiles)
    if as_json:
        document({"file": str(path), "profiles": list(profiles), "unset": unset})
        return
    typer.echo(f"Wrote {path} with {', '.join(profiles)}. Next:")
    for variable in unset:
        typer.echo(f"  {exported(variable)}")
    typer.echo("  telephony config check --online")
    typer.echo(f"  telephony numbers list --provider {next(iter(profiles))}")


def models(name: str) -> list[type[ProviderSettings]]:
    """Return the settings of an adapter; an empty list where its package is not installed."""
    try:
        return [registry.load(name).Settings]
    except telephony.ConfigurationError:
        return []


def in_environment(name: str) -> bool:
    """Return whether the environment alone configures an adapter."""
    return any(models(name)) and not _problems(name)


def _problems(name: str) -> list[str]:
    found = configuration.examine(name, {}, file=configuration.ConfigFile())
    return [problem.text for problem in found.problems]


def _from_environment() -> Profiles:
    profiles = {}
    for name in registry.available():
        settings = {
            # TELEPHONY_… variables are read beside the file.
            setting: f"env:{variable}"
            for model in models(name)
            for setting, info in model.model_fields.items()
            for variable in own_variables(info)
            if not is_blank(os.environ.get(variable, ""))
        }
        if in_environment(name):
            profiles[name] = {"adapter": name, **settings}
        elif settings:
            note(f"Left out: {name}: {' '.join(_problems(name))}")
    if not profiles:
        raise telephony.ConfigurationError(
            "The environment configures no vendor. Set its variables, or run `telephony config "
            "init` without --from-env."
        )
    return profiles


def _asked() -> Profiles:
    if not sys.stdin.isatty():
        raise telephony.ConfigurationError(
            "There is no terminal to ask at. Add --from-env to use what the environment has."
        )
    profiles: Profiles = {}
    while True:
        adapter = _adapter()
        name = typer.prompt("Name of the profile", default=adapter, err=True).strip()
        if name in profiles and not typer.confirm(f"Replace {name}?", err=True):
            continue
        profiles[name] = {"adapter": adapter, **_references(adapter)}
        if not typer.confirm("Another one?", default=False, err=True):
            return profiles


def _adapter() -> str:
    known = ", ".join(registry.available())
    while True:
        answer = typer.prompt(f"Vendor ({known})", err=True).strip()
        try:
            registry.load(answer)
        except telephony.ConfigurationError as error:
            typer.echo(str(error), err=True)
        else:
            return str(answer)


def _references(adapter: str) -> dict[str, str]:
    """Ask which variable each setting of the account is read from."""
    model = registry.load(adapter).Settings
    typer.echo("Name the environment variable of each setting; `-` leaves it out.", err=True)
    asked = {
        setting: variable
        for setting, info in model.model_fields.items()
        if setting in model.account
        for variable in own_variables(info)
    }
    exported = {name for name, variable in asked.items() if variable in os.environ}
    secrets = [name for name in asked if is_secret(model.model_fields[name])]
    # Where a vendor takes one of several secrets and none is set yet, the first is the usual one.
    usual = set() if exported.intersection(secrets) else set(secrets[:1])
    written = {}
    for setting, variable in asked.items():
        used = model.model_fields[setting].is_required() or setting in exported | usual
        answer = _variable(setting, variable if used else "-")
        if answer != "-":
            written[setting] = f"env:{answer}"
    return written


def _variable(setting: str, default: str) -> str:
    while True:
        answer = typer.prompt(f"  {setting}", default=default, err=True).strip()
        name: str = answer.removeprefix("env:").removeprefix("$")
        if name == "-" or re.fullmatch("[A-Z_][A-Z0-9_]*", name):
            return name
        # Most likely the secret itself, which is not for a file.
        typer.echo("  That is not a variable's name, such as ACME_API_KEY.", err=True)


def _toml(profiles: Profiles) -> str:
    # A JSON text is a TOML text, once it holds no character that only JSON may write as it is.
    lines = [f"default = {_text(next(iter(profiles)))}"]
    for name, settings in profiles.items():
        lines += ["", f"[providers.{_text(name)}]" if not _bare(name) else f"[providers.{name}]"]
        lines += [f"{setting} = {_text(value)}" for setting, value in settings.items()]
    return "\n".join(lines) + "\n"


def _bare(name: str) -> bool:
    return name.isascii() and name.replace("-", "").replace("_", "").isalnum()


def _text(value: str) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _write(path: Path, text: str, profiles: Profiles) -> list[str]:
    """Check the file, write it, and return the variables that are still to be set."""
    folder = path.parent
    try:
        with tempfile.NamedTemporaryFile(
            "w", encoding="utf-8", dir=folder, prefix=f".{path.name}.", delete=False
        ) as written:
            written.write(text)
    except OSError as error:
        raise telephony.ConfigurationError(
            f"{path} cannot be written: {error.strerror}."
        ) from error
    draft = Path(written.name)
    try:
        file = configuration.load(draft)
        unset: list[str] = []
        for name in profiles:
            for problem in configuration.examine(name, {}, file=file).problems:
                if problem.unset is None:
                    raise telephony.ConfigurationError(
                        f"{name}: {problem.text} Nothing was written."
                    )
                unset.append(problem.unset)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return list(dict.fromkeys(unset))
