"""``telephony sandbox``: the vendors' APIs on loopback."""

from __future__ import annotations

import shlex
from typing import Annotated

import typer

from telephony import ConfigurationError


def sandbox(
    vendors: Annotated[
        list[str] | None, typer.Argument(metavar="[VENDOR]...", help="Default: all installed.")
    ] = None,
    port: Annotated[int, typer.Option(help="0 picks a free one.", min=0, max=65535)] = 4010,
) -> None:
    """Serve the vendors' documented APIs on loopback, for developing and testing.

    Nothing leaves this machine and nothing costs money; all is forgotten when it stops.
    """
    try:
        from telephony.sandbox import Sandbox
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"The sandbox needs the package {missing.name!r}. "
            "Install it with: pip install 'telephony[sandbox]'"
        ) from missing
    server = Sandbox(vendors or None, port=port)
    typer.echo(f"# The telephony sandbox, for developing and testing: {server.url}")
    for vendor in server.vendors:
        typer.echo(f"#   {vendor:<12} {server.base_url(vendor)}")
    typer.echo("# Point `telephony` at it from another terminal:")
    for name, value in server.environment().items():
        typer.echo(f"export {name}={shlex.quote(value)}")
    typer.echo("# Let a number receive a text:")
    typer.echo(
        f"#   curl {server.url}/_sandbox/VENDOR/messages -d "
        """'{"to": "+1…", "from": "+1…", "body": "hello"}'"""
    )
    typer.echo("# Ctrl-C stops it.")
    server.run()
