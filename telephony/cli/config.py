"""``telephony config``: is the configuration right, and where does each setting come from?"""

from __future__ import annotations

import os
from typing import Annotated

import typer

import telephony
from telephony import config as configuration
from telephony import registry
from telephony.cli.options import JsonOption
from telephony.cli.output import document, table
from telephony.settings import Env

app = typer.Typer(help="Check the configuration.", no_args_is_help=True)


@app.command()
def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Profiles; default: all.")
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also make one cheap read at each vendor.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Report for each profile whether it is valid, or what to mend."""
    path = configuration.config_path()
    file = configuration.load(path) if path else configuration.ConfigFile()
    wanted = names or [*file.providers, *_from_environment(set(file.providers))]
    chosen = os.environ.get("TELEPHONY_PROVIDER") or file.default
    if not names and chosen and chosen not in wanted:
        wanted.append(chosen)
    reports = [_report(name, online=online) for name in wanted]
    if as_json:
        document({"file": str(path) if path else None, "profiles": reports})
    else:
        typer.echo(f"configuration file: {path or 'none'}")
        rows = [
            (
                str(r["profile"]),
                str(r["adapter"] or "?"),
                "ok" if r["ok"] else "mend",
                str(r["details"]),
            )
            for r in reports
        ]
        table(
            ("PROFILE", "ADAPTER", "STATE", "DETAILS"),
            rows,
            empty="No profile yet. Write telephony.toml, or set a vendor's variables "
            f"({', '.join(_required_variables())}).",
        )
    if not reports or not all(report["ok"] for report in reports):
        raise typer.Exit(2)


def _report(name: str, *, online: bool) -> dict[str, object]:
    """One profile: ``ok``, or its ``problem``; and where each setting came from."""
    report: dict[str, object] = {"profile": name, "adapter": None, "ok": False}
    try:
        found = configuration.resolve(name, {})
        origins = ", ".join(f"{setting} from {place}" for setting, place in found.origins.items())
        report |= {"adapter": found.adapter.vendor, "details": origins}
        if online:
            with telephony.connect(name) as provider:
                next(provider.list_numbers(limit=1), None)
            report["details"] = f"the vendor answers; {origins}"
        report["ok"] = True
    except telephony.TelephonyError as error:
        report["details"] = str(error)
    return report


def _from_environment(profiles: set[str]) -> list[str]:
    """Adapters that the environment alone speaks of."""
    found = []
    for name in registry.available():
        if name in profiles:
            continue
        try:
            fields = registry.load(name).Settings.model_fields
        except telephony.ConfigurationError:
            continue
        variables = {f"TELEPHONY_{name}_{setting}".upper() for setting in fields}
        for field in fields.values():
            variables |= {mark.name for mark in field.metadata if isinstance(mark, Env)}
        if variables & set(os.environ):
            found.append(name)
    return found


def _required_variables() -> list[str]:
    names = []
    for name in registry.available():
        try:
            fields = registry.load(name).Settings.model_fields.values()
        except telephony.ConfigurationError:
            continue
        names += [
            mark.name
            for field in fields
            if field.is_required()
            for mark in field.metadata
            if isinstance(mark, Env)
        ]
    return names
