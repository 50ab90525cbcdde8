"""What livekit-server 1.13.5 refuses of trunks and rules, in its words."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable

from livekit.protocol.sip import (
    SIPDispatchRuleInfo,
    SIPInboundTrunkInfo,
    SIPMediaConfig,
    SIPOutboundTrunkInfo,
)

from telephony.sandbox.vendor import Refusal

from .refusals import WRAPPED, invalid, refusal

_WRITTEN = re.compile(r"\+?[\d\- ()]+", re.ASCII)
_PUNCTUATION = re.compile(r"[- ()]")
_LONGEST_MEDIA_TIMEOUT = 600


def normalized(number: str) -> str:
    if not _WRITTEN.fullmatch(number):
        return number
    return "+" + _PUNCTUATION.sub("", number).removeprefix("+")


def inbound(trunk: SIPInboundTrunkInfo, *, updated: bool = False) -> None:
    if not (trunk.auth_username or trunk.auth_password or trunk.allowed_addresses or trunk.numbers):
        said = (
            "for security, one of the fields must be set: AuthUsername+AuthPassword, "
            "AllowedAddresses or Numbers"
        )
        raise invalid(WRAPPED + said if updated else said)
    _media(trunk.media, updated)


def outbound(trunk: SIPOutboundTrunkInfo, *, updated: bool = False) -> None:
    if not trunk.numbers:
        raise _broken("no trunk numbers specified", updated)
    if not trunk.address:
        raise _broken("no outbound address specified", updated)
    _host(trunk.address, "trunk address", updated)
    _host(trunk.from_host, "from_host", updated)
    _media(trunk.media, updated)


def rule(info: SIPDispatchRuleInfo, *, updated: bool = False) -> None:
    if not info.HasField("rule"):
        raise _broken("missing rule", updated)
    _media(info.media, updated)
    if info.rule.WhichOneof("rule") is None:
        raise invalid(f"{WRAPPED}unsupported SIP Dispatch Rule: <nil>")


def _broken(message: str, updated: bool) -> Refusal:
    """Return a plain error where an update leads to what could not have been created."""
    return refusal("unknown", message) if updated else invalid(message)


def _host(value: str, name: str, updated: bool) -> None:
    if "transport=" in value:
        raise _broken(f"{name} should not contain transport parameter", updated)
    if set("@;") & set(value) or value.startswith(("sip:", "sips:")):
        raise _broken(f"{name} should be a hostname or IP, not SIP URI", updated)


def _media(media: SIPMediaConfig, updated: bool) -> None:
    for codec in media.codecs:
        if not codec.name:
            raise _broken("missing codec name", updated)
        if set(" \t\n\r") & set(codec.name):
            raise _broken("invalid codec name", updated)
    if media.media_timeout.seconds < 0:
        raise _broken("media_timeout must not be negative", updated)
    if media.media_timeout.seconds > _LONGEST_MEDIA_TIMEOUT:
        raise _broken("media_timeout must not exceed 10m0s", updated)


def inbound_conflict(trunks: Iterable[SIPInboundTrunkInfo]) -> None:
    """Two trunks must not take the same calls; addresses and passwords do not count."""
    seen: dict[tuple[str, str], SIPInboundTrunkInfo] = {}
    for trunk in trunks:
        for number, caller in itertools.product(
            trunk.numbers or [""], trunk.allowed_numbers or [""]
        ):
            key = normalized(number), normalized(caller)
            other = seen.setdefault(key, trunk)
            if other is trunk:
                continue
            numbers = " ".join(json.dumps(text) for text in trunk.numbers)
            how = (
                f"and AllowedNumber {json.dumps(caller)}"
                if caller
                else "without AllowedNumbers set"
            )
            raise invalid(
                f'Conflicting inbound SIP Trunks: "{trunk.sip_trunk_id or "<new>"}" and '
                f'"{other.sip_trunk_id}", using the same number(s) '
                f"{f'[{numbers}]' if numbers else '<any>'} {how}"
            )


def rule_conflict(rules: Iterable[SIPDispatchRuleInfo]) -> None:
    """No trunk, caller, called number and PIN may come twice, not even in one rule."""
    seen: dict[tuple[str, ...], SIPDispatchRuleInfo] = {}
    for rule in rules:
        for key in _keys(rule):
            if other := seen.get(key):
                raise invalid(
                    "Dispatch rule for the same trunk, inbound number, number, and PIN combination "
                    f'already exists in dispatch rule "{other.sip_dispatch_rule_id or "<new>"}" '
                    f'"{other.name or "<blank name>"}"'
                )
            seen[key] = rule


def pin(info: SIPDispatchRuleInfo) -> str:
    kind = info.rule.WhichOneof("rule")
    return str(getattr(info.rule, kind).pin) if kind else ""


def _keys(info: SIPDispatchRuleInfo) -> Iterable[tuple[str, ...]]:
    callers = [normalized(text) for text in info.inbound_numbers] or [""]
    called = [normalized(text) for text in info.numbers] or [""]
    return itertools.product([pin(info)], info.trunk_ids or [""], callers, called)


def id_given(value: str, message: str) -> None:
    if not value:
        raise invalid(message)
