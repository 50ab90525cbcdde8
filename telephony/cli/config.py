"""``telephony config``: write the configuration, and check it."""

from __future__ import annotations

import os
import re
from typing import Annotated

import typer
from pydantic import JsonValue

import telephony
from telephony import config as configuration
from telephony import registry
from telephony.cli import config_init
from telephony.cli.examples import examples
from telephony.cli.options import JsonOption
from telephony.cli.output import document, missing_vendors, plain
from telephony.config.layers import is_secret, own_variables
from telephony.redaction import MASK

app: typer.Typer = typer.Typer(
    help="Write a telephony.toml, or check the configuration.",
    no_args_is_help=True,
    epilog=examples(
        "telephony config init",
        "telephony config check --online",
        "telephony --config desk.toml config check support",
    ),
)
app.command("init", epilog=config_init.EXAMPLES)(config_init.init)


@app.command(
    epilog=examples(
        "telephony config check",
        "telephony config check support --online",
        "telephony config check --json",
    )
)
def check(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME", help="Profiles; default: all.")
    ] = None,
    online: Annotated[
        bool, typer.Option("--online", help="Also send each vendor one cheap read.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Check each profile, and show where its settings come from."""
    file = configuration.find()
    reports = [_report(name, file, online=online) for name in names or _profiles(file)]
    if as_json:
        path = str(file.path) if file.path else None
        document({"file": path, "trusted": file.trusted, "profiles": reports})
    else:
        _print(file, reports)
    if not names:
        missing_vendors()
    if not reports or not all(report["ok"] for report in reports):
        raise typer.Exit(2)


def _profiles(file: configuration.ConfigFile) -> list[str]:
    """Return the profiles of the file and the default; without any, the environment's."""
    chosen = (os.environ.get("TELEPHONY_PROVIDER") or file.default or "").strip()
    found = [*file.providers]
    if chosen and chosen not in found:
        found.append(chosen)
    return found or [name for name in registry.available() if config_init.in_environment(name)]


def _report(name: str, file: configuration.ConfigFile, *, online: bool) -> dict[str, JsonValue]:
    try:
        found = configuration.examine(name, {}, file=file)
    except telephony.ConfigurationError as error:
        found = configuration.Examined(name)
        problems = [str(error)]
    else:
        problems = [problem.text for problem in found.problems]
    responded = False
    if online and not problems:
        try:
            with telephony.connect(name) as provider:
                next(provider.list_numbers(limit=1), None)
            responded = True
        except telephony.TelephonyError as error:
            problems = [str(error)]
    return {
        "profile": name,
        "adapter": found.adapter.vendor if found.adapter else None,
        "ok": not problems,
        "responded": responded if online else None,
        "settings": _settings(found),
        "problems": [*problems],
        "notes": [*found.notes],
    }


def _settings(found: configuration.Examined) -> dict[str, JsonValue]:
    """Return each setting: its value, unless it may be secret, and where it came from."""
    shown: dict[str, JsonValue] = {}
    for setting, origin in found.layers.origins.items():
        info = found.adapter.Settings.model_fields.get(setting) if found.adapter else None
        open_ = info is not None and not is_secret(info) and setting not in found.layers.references
        value = str(found.layers.values.get(setting, MASK)) if open_ else MASK
        if setting not in found.layers.values:
            value = "not set"
        shown[setting] = {"value": re.sub(r"//[^/]*@", f"//{MASK}@", value), "from": origin}
    return shown


def _print(file: configuration.ConfigFile, reports: list[dict[str, JsonValue]]) -> None:
    trust = "" if file.trusted else " (found in the working directory, so not trusted)"
    typer.echo(f"configuration file: {file.path or 'none'}{trust}")
    for report in reports:
        state = "ok" if report["ok"] else "not valid"
        if report["responded"]:
            state = "ok, the vendor responds"
        lines = [f"\n{report['profile']} ({report['adapter'] or 'no adapter'}): {state}"]
        settings = report["settings"]
        if isinstance(settings, dict):
            rows = [
                (k, f"{v['value']}", v["from"]) for k, v in settings.items() if isinstance(v, dict)
            ]
            wide = [max(map(len, column)) for column in zip(*rows, strict=True)]
            lines += [f"  {k:{wide[0]}}  {v:{wide[1]}}  from {origin}" for k, v, origin in rows]
        for word, key in (("problem", "problems"), ("note", "notes")):
            said = report[key]
            lines += [f"  {word}: {text}" for text in (said if isinstance(said, list) else [])]
        typer.echo(plain("\n".join(lines)))
    if not reports:
        variables = ", ".join(_required_variables())
        typer.echo(
            "No profile yet. Run `telephony config init`, or set a vendor's variables "
            f"({variables}).",
            err=True,
        )


def _required_variables() -> list[str]:
    return [
        variable
        for name in registry.available()
        for model in config_init.models(name)
        for info in model.model_fields.values()
        if info.is_required()
        for variable in own_variables(info)
    ]
