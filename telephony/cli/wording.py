"""Translate the library's messages from Python into flags and commands."""

from __future__ import annotations

import re

from telephony.capabilities import Capability

COMMANDS: dict[str, str] = {
    Capability.LIST_NUMBERS: "numbers list",
    Capability.GET_NUMBER: "numbers show",
    Capability.SEARCH_NUMBERS: "numbers search",
    Capability.PROVISION_NUMBER: "numbers buy",
    Capability.IMPORT_NUMBER: "numbers import",
    Capability.UPDATE_NUMBER: "numbers update",
    Capability.LIST_TARGETS: "targets",
    Capability.ASSIGN_NUMBER: "numbers assign",
    Capability.UNASSIGN_NUMBER: "numbers unassign",
    Capability.RELEASE_NUMBER: "numbers release",
    Capability.LIST_MESSAGES: "messages list",
    Capability.LIST_ALL_MESSAGES: "messages list",
    Capability.GET_MESSAGE: "messages show",
    Capability.SEND_MESSAGE: "messages send",
    Capability.PLACE_CALL: "call",
    Capability.LIST_CALLS: "calls list",
    Capability.GET_CALL: "calls show",
    Capability.END_CALL: "calls end",
    Capability.GET_TRANSCRIPT: "calls transcript",
    Capability.GET_RECORDING: "calls recording",
    Capability.LIST_CARRIERS: "carriers list",
    Capability.LINK_CARRIER: "carriers link",
    Capability.ROTATE_CARRIER: "carriers rotate",
    Capability.UNLINK_CARRIER: "carriers unlink",
    Capability.PARSE_WEBHOOK: "webhooks verify",
    Capability.GET_WEBHOOK: "webhooks get",
    Capability.SET_WEBHOOK: "webhooks set",
}
"""The command of each operation."""

_SOURCES = "--carrier, --twilio-account or --sip-address"
_ACCOUNTS = "--twilio-account or --sip-address"
FLAGS: dict[str, str] = {
    "account": _ACCOUNTS,
    "address": "--sip-address",
    "after": "--after",
    "agent": "--agent",
    "api_key_secret": "--api-key-secret",
    "api_key_sid": "--api-key-sid",
    "area_code": "--area-code",
    "assign_to": "--assign",
    "auth_token": "--auth-token",
    "before": "--before",
    "body": "TEXT",
    "call": "ID",
    "carrier": "ID",
    "channels": "--channel",
    "contains": "--contains",
    "country": "--country",
    "credentials": _ACCOUNTS,
    "idempotency_key": "--key",
    "inbound": "--inbound",
    "kind": "--kind",
    "label": "--label",
    "limit": "--limit",
    "media": "--media",
    "message": "ID",
    "metadata": "--metadata",
    "number": "NUMBER",
    "of": "--of",
    "option": "--option",
    "options": "--option",
    "outbound": "--outbound",
    "password": "--sip-password",
    "region": "--region",
    "replace": "--replace",
    "sender": "--from",
    "source": _SOURCES,
    "text": "TEXT",
    "timeout": "--timeout",
    "to": "TO",
    "unassign": "--unassign",
    "url": "--url",
    "username": "--sip-username",
}
"""The flag or the place on the command line of each argument."""

_KINDS = {
    "LinkedCarrier": "--carrier ID",
    "TwilioAccount": "--twilio-account AC…",
    "VonageAccount": "--vonage-account KEY",
    "TelnyxAccount": "--telnyx",
    "SipTrunk": "--sip-address HOST",
    "CarrierAccount": "--carrier ID",
    "Agent": "an agent",
    "Webhook": "a URL",
    "Application": "an application",
    "Trunk": "a trunk",
    "Room": "a room",
    "Split": "separate targets of calls and texts",
}
# Most of them are English words, too: those are Python only where something is in brackets.
_KIND = (
    r"\b(?:(LinkedCarrier|TwilioAccount|VonageAccount|TelnyxAccount|SipTrunk|CarrierAccount)\b(?:\([^()]*\))?"
    r"|(Agent|Webhook|Application|Trunk|Room|Split)\([^()]*\))"
)
_LIST = rf"(?:{'|'.join(_KINDS)})(?:(?: or |, )(?:{'|'.join(_KINDS)}))*"
_INNER = r"(?:[^()]|\([^()]*\))*"


def flag_of(argument: str | None, operation: str) -> str | None:
    """Return the flag or the place on the command line of an operation's argument."""
    if argument == "url" and operation == Capability.SET_WEBHOOK:
        return "URL"
    return FLAGS.get(argument or "", argument)


def on_the_command_line(text: str) -> str:
    """Return a message of the library with flags and commands in place of Python."""
    text = re.sub(r"get_number\(\)\.raw", "`telephony numbers show --json`", text)
    text = re.sub(rf"\b({'|'.join(COMMANDS)})\(({_INNER})\)", _command, text)
    text = re.sub(rf"Here `(\w+)` can be: ({_LIST})\.", _choice, text)
    text = re.sub(rf"\b(?:source|account|credentials)=(?={_KIND})", "", text)
    text = re.sub(rf"\b(?:to|assign_to)=(?={_KIND})", "TARGET ", text)
    text = re.sub(_KIND, _kind, text)
    text = _flags(text)
    text = re.sub(r"(?:\ban )?`?\bidempotency_key\b`?", FLAGS["idempotency_key"], text)
    text = re.sub(r"`(\w+)`(?! setting)", lambda found: FLAGS.get(found[1], found[0]), text)
    text = re.sub(
        r"\b(place_call|send_message) with (\w+)",
        lambda found: f"{found[1]} with {FLAGS.get(found[2], found[2])}",
        text,
    )
    # "import_number with …" at the start of a refusal
    return re.sub(rf"\b({'|'.join(COMMANDS)})\b", lambda found: COMMANDS[found[1]], text)


def _command(found: re.Match[str]) -> str:
    """Return the command that does what the call of a method does."""
    given = _flags(re.sub(rf"source=(?={_KIND})", "", found[2]))
    given = FLAGS.get(given, re.sub(_KIND, _kind, given))
    return f"`{' '.join(('telephony', COMMANDS[found[1]], given)).strip()}`"


def _kind(found: re.Match[str]) -> str:
    return _KINDS[found[1] or found[2]]


def _choice(found: re.Match[str]) -> str:
    wanted = re.sub(r"\w+", lambda word: _KINDS.get(word[0], word[0]), found[2])
    return f"TARGET can be: {wanted}." if found[1] in {"to", "assign_to"} else f"Give {wanted}."


def _flags(text: str) -> str:
    text = re.sub(r"\boptions=\{'(\w+)': ([^}]*)\}", r"--option \1=\2", text)
    text = re.sub(r"\b(inbound|outbound)=False\b", r"--no-\1", text)
    text = re.sub(r"\b(inbound|outbound|unassign|replace)=True\b", r"--\1", text)

    def flag(found: re.Match[str]) -> str:
        return f"{FLAGS[found[1]]} {found[2]}" if found[1] in FLAGS else found[0]

    return re.sub(r"(?<![\w'\"/?&-])(\w+)=([\w'…]+)", flag, text)
