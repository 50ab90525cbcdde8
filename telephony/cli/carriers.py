"""``telephony carriers``: carrier accounts that a vendor imports numbers from."""

from __future__ import annotations

from typing import Annotated

import typer
from pydantic import SecretStr

from telephony import (
    CarrierAccount,
    ConfigurationError,
    SipTrunk,
    TwilioAccount,
)
from telephony.cli.options import (
    JsonOption,
    OptionOption,
    ProviderOption,
    YesOption,
    confirm,
    connect,
    vendor_options,
)
from telephony.cli.output import document, facts, table
from telephony.model import CarrierCredentials

app = typer.Typer(
    help="Carrier accounts that a vendor imports numbers from. Secrets are read from the "
    "environment, so that they do not stay in the shell's history.",
    no_args_is_help=True,
)

CarrierArgument = Annotated[str, typer.Argument(metavar="ID", help="See `carriers list`.")]
AccountOption = Annotated[str | None, typer.Option("--twilio-account", metavar="AC…")]
RegionOption = Annotated[str | None, typer.Option(help="us1, ie1 or au1.")]
KeySidOption = Annotated[
    str | None, typer.Option("--api-key-sid", metavar="SK…", envvar="TWILIO_API_KEY")
]
KeySecretOption = Annotated[
    str | None, typer.Option("--api-key-secret", envvar="TWILIO_API_SECRET", show_envvar=True)
]
TokenOption = Annotated[
    str | None, typer.Option("--auth-token", envvar="TWILIO_AUTH_TOKEN", show_envvar=True)
]
SipAddressOption = Annotated[str | None, typer.Option("--sip-address", metavar="HOST")]
SipUserOption = Annotated[str | None, typer.Option("--sip-username")]
SipPasswordOption = Annotated[
    str | None, typer.Option("--sip-password", envvar="TELEPHONY_SIP_PASSWORD", show_envvar=True)
]


@app.command("list")
def list_(provider: ProviderOption = None, as_json: JsonOption = False) -> None:
    """The carrier accounts linked at the vendor."""
    with connect(provider) as vendor:
        found = list(vendor.list_carriers())
    if as_json:
        document(found)
        return
    rows = [(c.id or "", c.kind, c.account or "", c.region or "", c.label or "") for c in found]
    table(
        ("ID", "KIND", "ACCOUNT", "REGION", "LABEL"),
        rows,
        empty="No carrier account is linked: see `telephony carriers link --help`.",
    )


@app.command()
def link(
    context: typer.Context,
    provider: ProviderOption = None,
    label: Annotated[str | None, typer.Option(help="A name for people.")] = None,
    twilio_account: AccountOption = None,
    region: RegionOption = None,
    api_key_sid: KeySidOption = None,
    api_key_secret: KeySecretOption = None,
    auth_token: TokenOption = None,
    sip_address: SipAddressOption = None,
    sip_username: SipUserOption = None,
    sip_password: SipPasswordOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Link a Twilio account or a SIP trunk, so that its numbers can be imported."""
    account = _credentials(
        context, twilio_account, region, api_key_sid, api_key_secret, auth_token,
        sip_address, sip_username, sip_password,
    )  # fmt: skip
    with connect(provider) as vendor:
        _print(vendor.link_carrier(account, label=label, options=vendor_options(option)), as_json)


@app.command()
def rotate(
    context: typer.Context,
    carrier: CarrierArgument,
    provider: ProviderOption = None,
    twilio_account: AccountOption = None,
    region: RegionOption = None,
    api_key_sid: KeySidOption = None,
    api_key_secret: KeySecretOption = None,
    auth_token: TokenOption = None,
    sip_address: SipAddressOption = None,
    sip_username: SipUserOption = None,
    sip_password: SipPasswordOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace the credentials of a linked account; its numbers stay as they are."""
    credentials = _credentials(
        context, twilio_account, region, api_key_sid, api_key_secret, auth_token,
        sip_address, sip_username, sip_password,
    )  # fmt: skip
    with connect(provider) as vendor:
        changed = vendor.rotate_carrier(carrier, credentials, options=vendor_options(option))
    _print(changed, as_json)


@app.command()
def unlink(
    carrier: CarrierArgument,
    provider: ProviderOption = None,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a linked account. Refused while numbers depend on it."""
    with connect(provider) as vendor:
        confirm(f"Unlink the carrier account {carrier} at {vendor.name}?", yes)
        _print(vendor.unlink_carrier(carrier, options=vendor_options(option)), as_json)


def _written(context: typer.Context, option: str) -> bool:
    """Whether an option is on the command line, not from the environment."""
    source = context.get_parameter_source(option)
    return source is not None and source.name == "COMMANDLINE"


def _credentials(
    context: typer.Context,
    account: str | None,
    region: str | None,
    key_sid: str | None,
    key_secret: str | None,
    token: str | None,
    address: str | None,
    username: str | None,
    password: str | None,
) -> CarrierCredentials:
    if account is not None:
        # A vendor takes a key or a token: the one that is written out, else the key.
        if key_sid is None or _written(context, "auth_token"):
            return TwilioAccount(account, region, None, None, _secret(token))
        return TwilioAccount(account, region, key_sid, _secret(key_secret), None)
    if address is not None:
        return SipTrunk(address, username, _secret(password))
    raise ConfigurationError("Name the account: --twilio-account AC… or --sip-address HOST.")


def _secret(value: str | None) -> SecretStr | None:
    return None if value is None else SecretStr(value)


def _print(carrier: CarrierAccount, as_json: bool) -> None:
    if as_json:
        document(carrier)
        return
    facts(
        [
            ("id", carrier.id),
            ("kind", carrier.kind),
            ("account", carrier.account),
            ("region", carrier.region),
            ("label", carrier.label),
        ]
    )
