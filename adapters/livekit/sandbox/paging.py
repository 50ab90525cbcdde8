"""How trunks and rules are listed: filtered, and in pages by id."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TypeVar

from livekit.protocol.models import Pagination
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo

from .account import Account

T = TypeVar("T", SIPInboundTrunkInfo, SIPOutboundTrunkInfo, SIPDispatchRuleInfo)


def chosen(kept: Mapping[str, T], ids: Sequence[str]) -> dict[str, T]:
    """Those of the ids, or all."""
    return {key: one for key, one in kept.items() if not ids or key in ids}


def meet(filters: Iterable[str], has: set[str]) -> bool:
    """Return a filter lets through what it does not name, and what holds for everything."""
    wanted = set(filters)
    return not wanted or not has or bool(wanted & has)


def page(account: Account, found: Mapping[str, T], wanted: Pagination) -> list[T]:
    return [found[key] for key in sorted(found) if key > wanted.after_id][: account.page_cap]
