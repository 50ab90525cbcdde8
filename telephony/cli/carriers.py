"""``telephony carriers``: link the carrier accounts that numbers are imported from."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from telephony import CarrierAccount
from telephony.cli.changes import carry_out, confirmed
from telephony.cli.examples import examples
from telephony.cli.options import (
    JsonOption,
    OptionOption,
    ProviderOption,
    YesOption,
    connect,
    vendor_options,
)
from telephony.cli.output import document, facts, say, table
from telephony.cli.sources import (
    AccountOption,
    KeySecretOption,
    KeySidOption,
    RegionOption,
    SipAddressOption,
    SipNameOption,
    SipPasswordOption,
    SipUserOption,
    TelnyxKeyOption,
    TelnyxOption,
    TokenOption,
    VonageOption,
    VonageSecretOption,
    credentials,
)

app: typer.Typer = typer.Typer(
    help="Link the carrier accounts that numbers are imported from.\n\n"
    "Secrets are read from the environment, so they do not stay in the shell's history.",
    no_args_is_help=True,
    epilog=examples(
        "telephony carriers list",
        "telephony carriers link --twilio-account AC0f…",
        "telephony carriers unlink ca_123",
    ),
)

CarrierArgument = Annotated[str, typer.Argument(metavar="ID", help="See `carriers list`.")]


@app.command(
    "list",
    epilog=examples(
        "telephony carriers list",
        "telephony carriers list --provider cartesia",
        "telephony carriers list --json",
    ),
)
def list_(profile: ProviderOption = None, as_json: JsonOption = False) -> None:
    """List the carrier accounts linked at the vendor."""
    with connect(profile) as provider:
        found = list(provider.list_carriers())
    if as_json:
        document(found)
        return
    rows = [(c.id or "", c.kind, c.account or "", c.region or "", c.label or "") for c in found]
    table(
        ("ID", "KIND", "ACCOUNT", "REGION", "LABEL"),
        rows,
        empty="No carrier account is linked: see `telephony carriers link --help`.",
    )


@app.command(
    epilog=examples(
        "telephony carriers link --twilio-account AC0f… --label Main",
        "telephony carriers link --twilio-account AC0f… --region ie1",
        "telephony carriers link --vonage-account a1b2c3d4 --provider vapi",
        "telephony carriers link --sip-address sip.example.com --sip-username desk",
    )
)
def link(
    context: typer.Context,
    profile: ProviderOption = None,
    label: Annotated[str | None, typer.Option(help="Its display name.")] = None,
    twilio_account: AccountOption = None,
    region: RegionOption = None,
    api_key_sid: KeySidOption = None,
    api_key_secret: KeySecretOption = None,
    auth_token: TokenOption = None,
    vonage_account: VonageOption = None,
    vonage_secret: VonageSecretOption = None,
    telnyx: TelnyxOption = False,
    telnyx_key: TelnyxKeyOption = None,
    sip_address: SipAddressOption = None,
    sip_username: SipUserOption = None,
    sip_password: SipPasswordOption = None,
    sip_name: SipNameOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Link an account at a carrier, or a SIP trunk, to import from."""
    account = credentials(
        context, twilio_account, region, api_key_sid, api_key_secret, auth_token,
        vonage_account, vonage_secret, telnyx, telnyx_key,
        sip_address, sip_username, sip_password, sip_name,
    )  # fmt: skip
    fields = vendor_options(option)
    with connect(profile) as provider:
        linked = carry_out(
            provider, partial(provider.link_carrier, account, label=label, options=fields)
        )
        _print(linked, f"Linked a carrier account at {provider.name}.", as_json)


@app.command(
    epilog=examples(
        "telephony carriers rotate ca_123 --twilio-account AC0f…",
        "telephony carriers rotate ca_123 --twilio-account AC0f… --api-key-sid SK1a…",
        "telephony carriers rotate ca_456 --sip-address sip.example.com",
    )
)
def rotate(
    context: typer.Context,
    carrier: CarrierArgument,
    profile: ProviderOption = None,
    twilio_account: AccountOption = None,
    region: RegionOption = None,
    api_key_sid: KeySidOption = None,
    api_key_secret: KeySecretOption = None,
    auth_token: TokenOption = None,
    vonage_account: VonageOption = None,
    vonage_secret: VonageSecretOption = None,
    telnyx: TelnyxOption = False,
    telnyx_key: TelnyxKeyOption = None,
    sip_address: SipAddressOption = None,
    sip_username: SipUserOption = None,
    sip_password: SipPasswordOption = None,
    sip_name: SipNameOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Replace the credentials of a linked account. Its numbers stay as they are."""
    account = credentials(
        context, twilio_account, region, api_key_sid, api_key_secret, auth_token,
        vonage_account, vonage_secret, telnyx, telnyx_key,
        sip_address, sip_username, sip_password, sip_name,
    )  # fmt: skip
    fields = vendor_options(option)
    with connect(profile) as provider:
        changed = carry_out(
            provider, partial(provider.rotate_carrier, carrier, account, options=fields)
        )
        _print(changed, f"Replaced the credentials of {carrier} at {provider.name}.", as_json)


@app.command(
    epilog=examples(
        "telephony carriers unlink ca_123",
        "telephony carriers unlink ca_123 --yes",
        "telephony carriers unlink ca_123 --provider cartesia --yes --json",
    )
)
def unlink(
    carrier: CarrierArgument,
    profile: ProviderOption = None,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Remove a linked account. Refused while numbers depend on it."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        unlinked = carry_out(
            provider,
            partial(provider.unlink_carrier, carrier, options=fields),
            confirmed(f"Unlink the carrier account {carrier} at {provider.name}?", yes),
        )
        _print(unlinked, f"Unlinked {carrier} at {provider.name}.", as_json)


def _print(carrier: CarrierAccount, done: str, as_json: bool) -> None:
    if as_json:
        document(carrier)
        return
    say(done)
    facts(
        [
            ("id", carrier.id),
            ("kind", carrier.kind),
            ("account", carrier.account),
            ("region", carrier.region),
            ("label", carrier.label),
        ]
    )
