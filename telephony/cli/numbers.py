"""``telephony numbers``: find, buy, import, update, route and release numbers."""

from __future__ import annotations

from functools import partial
from itertools import islice
from typing import Annotated

import typer

from telephony import Channel, NumberKind, PhoneNumber
from telephony.cli.changes import carry_out, confirmed, confirmed_by_typing
from telephony.cli.examples import examples
from telephony.cli.options import (
    JsonOption,
    NumberArgument,
    OptionOption,
    ProviderOption,
    YesOption,
    connect,
    vendor_options,
)
from telephony.cli.output import document, progress, say, table
from telephony.cli.printed import print_number, print_release
from telephony.cli.sources import (
    CarrierOption,
    HolderOption,
    KeySecretOption,
    KeySidOption,
    RegionOption,
    SipAddressOption,
    SipNameOption,
    SipPasswordOption,
    SipUserOption,
    TokenOption,
    source,
)
from telephony.numbers import looks_written
from telephony.targets import target_text

app: typer.Typer = typer.Typer(
    help="Find, buy, import, update, route and release numbers.",
    no_args_is_help=True,
    epilog=examples(
        "telephony numbers list",
        "telephony numbers buy --area-code 415 --label 'Front desk'",
        "telephony numbers assign +14155550123 agent_reception",
    ),
)

LabelOption = Annotated[str | None, typer.Option(help="Its display name.")]
AssignOption = Annotated[
    str | None,
    typer.Option("--assign", metavar="TARGET", help="The agent or other target that answers it."),
]
CountryOption = Annotated[str, typer.Option(help="ISO 3166 code.")]
AreaCodeOption = Annotated[str | None, typer.Option(help="Such as 415.")]


@app.command(
    "list",
    epilog=examples(
        "telephony numbers list",
        "telephony numbers list --provider twilio --limit 10",
        "telephony numbers list --carrier twilio --json",
    ),
)
def list_(
    profile: ProviderOption = None,
    carrier: Annotated[
        str | None,
        typer.Option(
            metavar="CARRIER",
            help="Only numbers of this kind of carrier, or of this linked account.",
        ),
    ] = None,
    limit: Annotated[int | None, typer.Option(help="Show at most this many.", min=1)] = None,
    as_json: JsonOption = False,
) -> None:
    """List the numbers that the vendor holds or serves for you."""
    with connect(profile) as provider:
        if carrier is None:
            listed = provider.list_numbers(limit=limit)
            found = progress(listed, "numbers")
        else:
            fitting = (n for n in provider.list_numbers() if _is_of(n, carrier))
            found = progress(islice(fitting, limit), "numbers")
    if as_json:
        document(found)
        return
    rows = [(n.number, n.label or "", n.status, target_text(n.assignment), n.id) for n in found]
    table(
        ("NUMBER", "LABEL", "STATUS", "ANSWERED BY", "ID"),
        rows,
        empty="There are no numbers of this carrier."
        if carrier
        else "There are no numbers: buy or import one.",
    )


@app.command(
    epilog=examples(
        "telephony numbers show +14155550123",
        "telephony numbers show +14155550123 --json",
        "telephony numbers show ap_123 --provider cartesia",
    )
)
def show(
    number: NumberArgument, profile: ProviderOption = None, as_json: JsonOption = False
) -> None:
    """Show one number as it is now."""
    with connect(profile) as provider:
        print_number(provider.get_number(number), "", as_json)


@app.command(
    epilog=examples(
        "telephony numbers search --area-code 415",
        "telephony numbers search --country GB --kind mobile --channel sms",
        "telephony numbers search --contains 2255 --limit 5 --json",
    )
)
def search(
    profile: ProviderOption = None,
    country: CountryOption = "US",
    area_code: AreaCodeOption = None,
    contains: Annotated[str | None, typer.Option(help="Digits the number contains.")] = None,
    kind: Annotated[NumberKind | None, typer.Option(help="Only numbers of this kind.")] = None,
    channel: Annotated[
        list[Channel] | None,
        typer.Option(help="Only numbers with this channel, such as sms. Repeatable."),
    ] = None,
    limit: Annotated[int, typer.Option(help="Show at most this many.", min=1)] = 20,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search for numbers that can be bought. Nothing is reserved."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        found = provider.search_numbers(
            country=country,
            area_code=area_code,
            contains=contains,
            kind=kind,
            channels=channel or (),
            limit=limit,
            options=fields,
        )
    if as_json:
        document(found)
        return
    rows = [
        (n.number, n.kind or "", n.locality or "", n.region or "", ", ".join(sorted(n.channels)))
        for n in found
    ]
    table(
        ("NUMBER", "KIND", "LOCALITY", "REGION", "CARRIES"),
        rows,
        empty="No number matches: search with fewer filters.",
    )


@app.command(
    epilog=examples(
        "telephony numbers buy --area-code 415 --label 'Front desk'",
        "telephony numbers buy +14155550123 --yes",
        "telephony numbers buy --key order-17 --assign agent_reception --yes --json",
    )
)
def buy(
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help="Buy exactly this number, E.164.")
    ] = None,
    profile: ProviderOption = None,
    country: CountryOption = "US",
    area_code: AreaCodeOption = None,
    label: LabelOption = None,
    assign: AssignOption = None,
    key: Annotated[
        str | None,
        typer.Option("--key", help="Your name for this purchase: the same key never buys twice."),
    ] = None,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Buy a number. Most vendors charge for it."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        wanted = number or (f"a number in area code {area_code}" if area_code else "a number")
        bought = carry_out(
            provider,
            partial(
                provider.provision_number,
                number=number,
                country=country,
                area_code=area_code,
                label=label,
                assign_to=assign,
                idempotency_key=key,
                options=fields,
            ),
            confirmed(f"Buy {wanted} at {provider.name}? The vendor may charge for it.", yes),
        )
        print_number(bought, f"Bought {bought.number} at {provider.name}.", as_json)


@app.command(
    "import",
    epilog=examples(
        "telephony numbers import +14155550123",
        "telephony numbers import +14155550123 --carrier ca_123 --label 'Front desk'",
        "telephony numbers import +14155550123 --sip-address sip.example.com",
    ),
)
def import_(
    context: typer.Context,
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="E.164, such as +14155550123.")],
    profile: ProviderOption = None,
    carrier: CarrierOption = None,
    twilio_account: HolderOption = None,
    region: RegionOption = None,
    api_key_sid: KeySidOption = None,
    api_key_secret: KeySecretOption = None,
    auth_token: TokenOption = None,
    sip_address: SipAddressOption = None,
    sip_username: SipUserOption = None,
    sip_password: SipPasswordOption = None,
    sip_name: SipNameOption = None,
    label: LabelOption = None,
    assign: AssignOption = None,
    inbound: Annotated[bool, typer.Option(help="Whether it receives calls.")] = True,
    outbound: Annotated[bool, typer.Option(help="Whether it places calls.")] = True,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Import a number that you hold at a carrier. Buys nothing.

    Give one source: --carrier, --twilio-account or --sip-address.
    """
    origin = source(
        context, carrier, twilio_account, region, api_key_sid, api_key_secret, auth_token,
        sip_address, sip_username, sip_password, sip_name,
    )  # fmt: skip
    fields = vendor_options(option)
    with connect(profile) as provider:
        imported = carry_out(
            provider,
            partial(
                provider.import_number,
                number,
                source=origin,
                label=label,
                assign_to=assign,
                inbound=inbound,
                outbound=outbound,
                options=fields,
            ),
        )
        print_number(imported, f"Imported {imported.number} at {provider.name}.", as_json)


@app.command(
    epilog=examples(
        "telephony numbers update +14155550123 --label 'Front desk'",
        "telephony numbers update +14155550123 --carrier ca_456",
        "telephony numbers update +14155550123 --label Sales --json",
    )
)
def update(
    context: typer.Context,
    number: NumberArgument,
    profile: ProviderOption = None,
    label: LabelOption = None,
    carrier: CarrierOption = None,
    twilio_account: HolderOption = None,
    region: RegionOption = None,
    api_key_sid: KeySidOption = None,
    api_key_secret: KeySecretOption = None,
    auth_token: TokenOption = None,
    sip_address: SipAddressOption = None,
    sip_username: SipUserOption = None,
    sip_password: SipPasswordOption = None,
    sip_name: SipNameOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the label of a number, or the account it comes from.

    Give --label, one source (--carrier, --twilio-account or --sip-address), or both.
    """
    origin = source(
        context, carrier, twilio_account, region, api_key_sid, api_key_secret, auth_token,
        sip_address, sip_username, sip_password, sip_name,
    )  # fmt: skip
    fields = vendor_options(option)
    with connect(profile) as provider:
        updated = carry_out(
            provider,
            partial(provider.update_number, number, label=label, source=origin, options=fields),
        )
        print_number(updated, f"Updated {updated.number} at {provider.name}.", as_json)


@app.command(
    epilog=examples(
        "telephony numbers assign +14155550123 agent_reception",
        "telephony numbers assign +14155550123 https://example.com/voice -p twilio",
        "telephony numbers assign +14155550123 concierge --provider livekit --json",
    )
)
def assign(
    number: NumberArgument,
    to: Annotated[
        str, typer.Argument(metavar="TARGET", help="An agent's id or name; at Twilio a URL or id.")
    ],
    profile: ProviderOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Choose the agent, webhook, application or trunk of a number."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        assigned = carry_out(provider, partial(provider.assign_number, number, to, options=fields))
        print_number(assigned, f"Assigned {assigned.number} at {provider.name}.", as_json)


@app.command(
    epilog=examples(
        "telephony numbers unassign +14155550123",
        "telephony numbers unassign +14155550123 --provider twilio",
        "telephony numbers unassign +14155550123 --json",
    )
)
def unassign(
    number: NumberArgument,
    profile: ProviderOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Remove what answers a number."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        changed = carry_out(provider, partial(provider.unassign_number, number, options=fields))
        print_number(changed, f"Unassigned {changed.number} at {provider.name}.", as_json)


@app.command(
    epilog=examples(
        "telephony numbers release +14155550123",
        "telephony numbers release +14155550123 --unassign --yes",
        "telephony numbers release +14155550123 --provider twilio --yes --json",
    )
)
def release(
    number: NumberArgument,
    profile: ProviderOption = None,
    unassign: Annotated[
        bool, typer.Option("--unassign", help="Unassign the number first.")
    ] = False,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Release a number. At some vendors this cannot be undone."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        # People recognise a number, not an id; and the id may be that of a protected number.
        meant = number if yes or looks_written(number) else provider.get_number(number)
        shown = meant if isinstance(meant, str) else meant.number
        released = carry_out(
            provider,
            partial(provider.release_number, meant, unassign=unassign, options=fields),
            confirmed_by_typing(f"{shown} will be released at {provider.name}.", shown, yes),
        )
        if as_json:
            document(released)
            return
        say(f"Released {released.number or released.id} at {provider.name}.")
        print_release(released)


def _is_of(number: PhoneNumber, carrier: str) -> bool:
    return number.carrier is not None and carrier in (number.carrier.kind, number.carrier.id)
