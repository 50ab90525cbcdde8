"""The options of a source: a linked carrier account, one at a carrier, or a SIP trunk."""

from __future__ import annotations

from typing import Annotated, TypeAlias

import typer

from telephony import (
    InvalidRequestError,
    LinkedCarrier,
    SipTrunk,
    Source,
    TelnyxAccount,
    TwilioAccount,
    VonageAccount,
)
from telephony.model import CarrierCredentials

CarrierOption: TypeAlias = Annotated[
    str | None,
    typer.Option(metavar="ID", help="The linked carrier account that holds it."),
]
HolderOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--twilio-account", metavar="AC…", help="The Twilio account that holds it."),
]
AccountOption: TypeAlias = Annotated[
    str | None, typer.Option("--twilio-account", metavar="AC…", help="A Twilio account.")
]
RegionOption: TypeAlias = Annotated[
    str | None, typer.Option(help="The Twilio account's region: us1, ie1 or au1.")
]
KeySidOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--api-key-sid",
        metavar="SK…",
        envvar="TWILIO_API_KEY",
        help="The sid of an API key of the account.",
    ),
]
KeySecretOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--api-key-secret", envvar="TWILIO_API_SECRET", help="The secret of that API key."
    ),
]
TokenOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--auth-token", envvar="TWILIO_AUTH_TOKEN", help="The account's auth token."),
]
VonageOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--vonage-account", metavar="KEY", help="A Vonage account, by its API key."),
]
VonageSecretOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--vonage-secret", envvar="VONAGE_API_SECRET", help="The secret of that API key."),
]
TelnyxOption: TypeAlias = Annotated[bool, typer.Option("--telnyx", help="A Telnyx account.")]
TelnyxKeyOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--telnyx-key", envvar="TELNYX_API_KEY", help="The Telnyx account's API key."),
]
SipAddressOption: TypeAlias = Annotated[
    str | None,
    typer.Option(
        "--sip-address", metavar="HOST", help="A SIP trunk: the host that outbound calls go to."
    ),
]
SipUserOption: TypeAlias = Annotated[
    str | None, typer.Option("--sip-username", help="The trunk's user name.")
]
SipPasswordOption: TypeAlias = Annotated[
    str | None,
    typer.Option("--sip-password", envvar="TELEPHONY_SIP_PASSWORD", help="The trunk's password."),
]
SipNameOption: TypeAlias = Annotated[
    str | None, typer.Option("--sip-name", help="The trunk's display name.")
]


def source(
    context: typer.Context,
    carrier: str | None,
    account: str | None,
    region: str | None,
    key_sid: str | None,
    key_secret: str | None,
    token: str | None,
    address: str | None,
    username: str | None,
    password: str | None,
    name: str | None,
) -> Source | None:
    """Return the source of a number, or None where none is given."""
    _one_of({"--carrier": carrier, "--twilio-account": account, "--sip-address": address})
    _belongs({"--region": region}, "--twilio-account", account)
    _belongs({"--sip-username": username, "--sip-name": name}, "--sip-address", address)
    if carrier is not None:
        return LinkedCarrier(carrier)
    if account is not None:
        return _twilio(context, account, region, key_sid, key_secret, token)
    if address is not None:
        return SipTrunk(address, username, password, name=name)
    return None


def credentials(
    context: typer.Context,
    account: str | None,
    region: str | None,
    key_sid: str | None,
    key_secret: str | None,
    token: str | None,
    vonage: str | None,
    vonage_secret: str | None,
    telnyx: bool,
    telnyx_key: str | None,
    address: str | None,
    username: str | None,
    password: str | None,
    name: str | None,
) -> CarrierCredentials:
    """Return the credentials of an account to link."""
    _one_of(
        {
            "--twilio-account": account,
            "--vonage-account": vonage,
            "--telnyx": "yes" if telnyx else None,
            "--sip-address": address,
        }
    )
    _belongs({"--region": region}, "--twilio-account", account)
    _belongs({"--sip-username": username, "--sip-name": name}, "--sip-address", address)
    if account is not None:
        return _twilio(context, account, region, key_sid, key_secret, token)
    if vonage is not None:
        return VonageAccount(vonage, _needed(vonage_secret, "--vonage-secret"))
    if telnyx:
        return TelnyxAccount(_needed(telnyx_key, "--telnyx-key"))
    if address is not None:
        return SipTrunk(address, username, password, name=name)
    raise InvalidRequestError(
        "No account is named.",
        argument="account",
        hint="Give --twilio-account AC…, --vonage-account KEY, --telnyx or --sip-address HOST.",
    )


def _twilio(
    context: typer.Context,
    account: str,
    region: str | None,
    key_sid: str | None,
    key_secret: str | None,
    token: str | None,
) -> TwilioAccount:
    # A vendor takes a key or a token: the one on the command line, else the key.
    if key_sid is None or _written(context, "auth_token"):
        return TwilioAccount(account, region, auth_token=token)
    return TwilioAccount(account, region, key_sid, key_secret)


def _needed(secret: str | None, flag: str) -> str:
    if secret is None:
        raise InvalidRequestError(
            f"{flag} is missing.",
            argument="account",
            hint="Set its environment variable, so that it does not stay in the shell's history.",
        )
    return secret


def _one_of(given: dict[str, str | None]) -> None:
    flags = [flag for flag, value in given.items() if value is not None]
    if len(flags) > 1:
        raise InvalidRequestError(
            f"{' and '.join(flags)} are given together.",
            argument="source",
            hint="Give one of them.",
        )


def _belongs(options: dict[str, str | None], owner: str, value: str | None) -> None:
    for flag, given in options.items():
        if given is not None and value is None:
            raise InvalidRequestError(
                f"{flag} is given without {owner}.", argument="source", hint=f"Add {owner}."
            )


def _written(context: typer.Context, option: str) -> bool:
    """Return whether an option is on the command line, not from the environment."""
    found = context.get_parameter_source(option)
    return found is not None and found.name == "COMMANDLINE"
