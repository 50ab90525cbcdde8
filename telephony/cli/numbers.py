"""``telephony numbers``: find, buy, import, label, route and release numbers."""

from __future__ import annotations

from typing import Annotated

import typer

from telephony import LinkedCarrier, PhoneNumber, SipTrunk, Source, TwilioAccount
from telephony.cli.options import (
    JsonOption,
    NumberArgument,
    OptionOption,
    ProviderOption,
    YesOption,
    confirm,
    confirm_by_typing,
    connect,
    vendor_options,
)
from telephony.cli.output import console, document, facts, moment, progress, said, table

app = typer.Typer(help="Find, buy, import, label, route and release numbers.", no_args_is_help=True)

LabelOption = Annotated[str | None, typer.Option(help="A name for people.")]
AssignOption = Annotated[
    str | None, typer.Option("--assign", metavar="TARGET", help="What shall answer it.")
]


@app.command("list")
def list_(
    provider: ProviderOption = None,
    limit: Annotated[int | None, typer.Option(help="The most to show.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Every number that the vendor holds or serves for you."""
    with connect(provider) as vendor:
        found = progress(vendor.list_numbers(limit=limit), "numbers")
    if as_json:
        document(found)
        return
    rows = [(n.number, n.label or "", n.status, said(n.assignment), n.id) for n in found]
    table(
        ("NUMBER", "LABEL", "STATUS", "ANSWERED BY", "ID"),
        rows,
        empty="There are no numbers yet: buy or import one.",
    )


@app.command()
def show(
    number: NumberArgument, provider: ProviderOption = None, as_json: JsonOption = False
) -> None:
    """One number as it is now."""
    with connect(provider) as vendor:
        _print(vendor.get_number(number), as_json)


@app.command()
def search(
    provider: ProviderOption = None,
    country: Annotated[str, typer.Option(help="ISO 3166 code.")] = "US",
    area_code: Annotated[str | None, typer.Option(help="As dialled nationally.")] = None,
    contains: Annotated[str | None, typer.Option(help="Digits the number must contain.")] = None,
    limit: Annotated[int, typer.Option(help="The most to show.")] = 20,
    as_json: JsonOption = False,
) -> None:
    """Numbers that could be bought now. Nothing is held for you."""
    with connect(provider) as vendor:
        found = vendor.search_numbers(
            country=country, area_code=area_code, contains=contains, limit=limit
        )
    if as_json:
        document(found)
        return
    rows = [
        (n.number, n.locality or "", n.region or "", ", ".join(sorted(n.channels))) for n in found
    ]
    table(("NUMBER", "LOCALITY", "REGION", "CARRIES"), rows, empty="Nothing fits: ask for less.")


@app.command()
def buy(
    number: Annotated[
        str | None, typer.Argument(metavar="NUMBER", help="Exactly this one, E.164.")
    ] = None,
    provider: ProviderOption = None,
    country: Annotated[str, typer.Option(help="ISO 3166 code.")] = "US",
    area_code: Annotated[str | None, typer.Option(help="As dialled nationally.")] = None,
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
    """Buy a number. This costs money at most vendors."""
    with connect(provider) as vendor:
        wanted = number or (f"a number in area code {area_code}" if area_code else "a number")
        confirm(f"Buy {wanted} at {vendor.name}? The vendor may charge for it.", yes)
        bought = vendor.provision_number(
            number=number,
            country=country,
            area_code=area_code,
            label=label,
            assign_to=assign,
            idempotency_key=key,
            options=vendor_options(option),
        )
    _print(bought, as_json)


@app.command("import")
def import_(
    number: Annotated[str, typer.Argument(metavar="NUMBER", help="E.164.")],
    provider: ProviderOption = None,
    carrier: Annotated[
        str | None, typer.Option(metavar="ID", help="The linked carrier account that holds it.")
    ] = None,
    twilio_account: Annotated[
        str | None, typer.Option(metavar="AC…", help="The linked Twilio account that holds it.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="That account's region: us1, ie1, au1.")
    ] = None,
    sip_address: Annotated[
        str | None, typer.Option(metavar="HOST", help="The SIP trunk that serves it.")
    ] = None,
    sip_username: Annotated[str | None, typer.Option(help="The trunk's user name.")] = None,
    sip_password: Annotated[
        str | None,
        typer.Option(envvar="TELEPHONY_SIP_PASSWORD", help="The trunk's password."),
    ] = None,
    label: LabelOption = None,
    assign: AssignOption = None,
    inbound: Annotated[bool, typer.Option(help="Whether it shall receive calls.")] = True,
    outbound: Annotated[bool, typer.Option(help="Whether it shall place calls.")] = True,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make a number that you hold at a carrier known to the vendor. Buys nothing."""
    source: Source | None = None
    if carrier is not None:
        source = LinkedCarrier(carrier)
    elif twilio_account is not None:
        source = TwilioAccount(twilio_account, region)
    elif sip_address is not None:
        source = SipTrunk(sip_address, sip_username, sip_password)
    with connect(provider) as vendor:
        imported = vendor.import_number(
            number,
            source=source,
            label=label,
            assign_to=assign,
            inbound=inbound,
            outbound=outbound,
            options=vendor_options(option),
        )
    _print(imported, as_json)


@app.command()
def label(
    number: NumberArgument,
    text: Annotated[str, typer.Argument(metavar="LABEL")],
    provider: ProviderOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Change the name that people see."""
    with connect(provider) as vendor:
        _print(vendor.update_number(number, label=text, options=vendor_options(option)), as_json)


@app.command()
def assign(
    number: NumberArgument,
    to: Annotated[
        str, typer.Argument(metavar="TARGET", help="An agent's id or name; at Twilio a URL or id.")
    ],
    provider: ProviderOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let an agent, webhook, application or trunk answer a number."""
    with connect(provider) as vendor:
        _print(vendor.assign_number(number, to, options=vendor_options(option)), as_json)


@app.command()
def unassign(
    number: NumberArgument,
    provider: ProviderOption = None,
    option: OptionOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let nothing answer a number."""
    with connect(provider) as vendor:
        _print(vendor.unassign_number(number, options=vendor_options(option)), as_json)


@app.command()
def release(
    number: NumberArgument,
    provider: ProviderOption = None,
    unassign: Annotated[
        bool, typer.Option("--unassign", help="Take it from what answers it first.")
    ] = False,
    option: OptionOption = None,
    yes: YesOption = False,
    as_json: JsonOption = False,
) -> None:
    """Give a number up at the vendor. At some vendors this cannot be undone."""
    with connect(provider) as vendor:
        confirm_by_typing(f"{number} will be released at {vendor.name}.", number, yes)
        released = vendor.release_number(number, unassign=unassign, options=vendor_options(option))
    if as_json:
        document(released)
        return
    undo = {True: "yes", False: "no", None: "the vendor does not say"}[released.reversible]
    facts(
        [
            ("number", released.number),
            ("at the carrier", released.at_carrier),
            ("can be undone", undo),
            ("until", moment(released.undo_until)),
            ("how", released.how_to_undo),
        ]
    )


def _print(number: PhoneNumber, as_json: bool) -> None:
    if as_json:
        document(number)
        return
    carrier = number.carrier
    facts(
        [
            ("number", number.number),
            ("id", number.id),
            ("label", number.label),
            ("status", number.status),
            ("carries", ", ".join(sorted(number.channels))),
            ("answered by", said(number.assignment) or "nothing"),
            ("answered before by", said(number.replaced)),
            ("carrier", f"{carrier.kind} {carrier.id or ''}".strip() if carrier else None),
            ("created", moment(number.created_at)),
        ]
    )
    for notice in number.notices:
        console.print(f"note: {notice}", style="yellow")
