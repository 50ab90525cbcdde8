"""Trunks, inbound and outbound, as livekit-server keeps them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from livekit.protocol import sip

from . import checks, updates
from .account import Account
from .paging import chosen, meet, page
from .refusals import invalid

T = TypeVar("T", sip.SIPInboundTrunkInfo, sip.SIPOutboundTrunkInfo)


def create_inbound(
    account: Account, request: sip.CreateSIPInboundTrunkRequest
) -> sip.SIPInboundTrunkInfo:
    trunk = request.trunk
    _without_id(request.HasField("trunk"), trunk.sip_trunk_id)
    checks.inbound(trunk)
    checks.inbound_conflict([*_carrying(account, trunk.numbers).values(), trunk])
    trunk.sip_trunk_id = account.id("ST_")
    with _counted(account, trunk.sip_trunk_id):
        account.inbound[trunk.sip_trunk_id] = trunk
    return trunk


def create_outbound(
    account: Account, request: sip.CreateSIPOutboundTrunkRequest
) -> sip.SIPOutboundTrunkInfo:
    trunk = request.trunk
    _without_id(request.HasField("trunk"), trunk.sip_trunk_id)
    checks.outbound(trunk)
    trunk.sip_trunk_id = account.id("ST_")
    with _counted(account, trunk.sip_trunk_id):
        account.outbound[trunk.sip_trunk_id] = trunk
    return trunk


def fetch_inbound(
    account: Account, request: sip.GetSIPInboundTrunkRequest
) -> sip.GetSIPInboundTrunkResponse:
    checks.id_given(request.sip_trunk_id, "trunk ID is required")
    return sip.GetSIPInboundTrunkResponse(trunk=account.inbound.find(request.sip_trunk_id))


def fetch_outbound(
    account: Account, request: sip.GetSIPOutboundTrunkRequest
) -> sip.GetSIPOutboundTrunkResponse:
    checks.id_given(request.sip_trunk_id, "trunk ID is required")
    return sip.GetSIPOutboundTrunkResponse(trunk=account.outbound.find(request.sip_trunk_id))


def listed_inbound(
    account: Account, request: sip.ListSIPInboundTrunkRequest
) -> sip.ListSIPInboundTrunkResponse:
    named = chosen(account.inbound, request.trunk_ids)
    carrying = _carrying(account, request.numbers)
    found = {key: trunk for key, trunk in carrying.items() if key in named}
    return sip.ListSIPInboundTrunkResponse(items=page(account, found, request.page))


def listed_outbound(
    account: Account, request: sip.ListSIPOutboundTrunkRequest
) -> sip.ListSIPOutboundTrunkResponse:
    found = {
        key: trunk
        for key, trunk in chosen(account.outbound, request.trunk_ids).items()
        if meet(set(request.numbers), set(trunk.numbers))
    }
    return sip.ListSIPOutboundTrunkResponse(items=page(account, found, request.page))


def update_inbound(
    account: Account, request: sip.UpdateSIPInboundTrunkRequest
) -> sip.SIPInboundTrunkInfo:
    updates.check(request, "trunk", request.sip_trunk_id, request.replace.sip_trunk_id)
    if request.HasField("replace"):
        checks.inbound(request.replace)
    updates.check_lists(request.update)
    trunk = sip.SIPInboundTrunkInfo()
    trunk.CopyFrom(account.inbound.find(request.sip_trunk_id))
    if request.HasField("replace"):
        trunk.CopyFrom(request.replace)
        trunk.sip_trunk_id = request.sip_trunk_id
    else:
        checks.inbound(updates.partial(trunk, request.update), updated=True)
    # The server checks the trunk again only where it keeps a number.
    known = _carrying(account, trunk.numbers)
    checks.inbound_conflict(
        [trunk if key == trunk.sip_trunk_id else one for key, one in known.items()]
    )
    _renamed(account, account.inbound[trunk.sip_trunk_id], trunk)
    with _counted(account, trunk.sip_trunk_id):
        account.inbound[trunk.sip_trunk_id] = trunk
    return trunk


def update_outbound(
    account: Account, request: sip.UpdateSIPOutboundTrunkRequest
) -> sip.SIPOutboundTrunkInfo:
    updates.check(request, "trunk", request.sip_trunk_id, request.replace.sip_trunk_id)
    if request.HasField("replace"):
        checks.outbound(request.replace)
    updates.check_lists(request.update)
    trunk = sip.SIPOutboundTrunkInfo()
    trunk.CopyFrom(account.outbound.find(request.sip_trunk_id))
    if request.HasField("replace"):
        trunk.CopyFrom(request.replace)
        trunk.sip_trunk_id = request.sip_trunk_id
    else:
        checks.outbound(updates.partial(trunk, request.update), updated=True)
    _renamed(account, account.outbound[trunk.sip_trunk_id], trunk)
    with _counted(account, trunk.sip_trunk_id):
        account.outbound[trunk.sip_trunk_id] = trunk
    return trunk


def delete(account: Account, request: sip.DeleteSIPTrunkRequest) -> sip.SIPTrunkInfo:
    checks.id_given(request.sip_trunk_id, "trunk ID is required")
    with _counted(account, request.sip_trunk_id):
        account.inbound.pop(request.sip_trunk_id, None)
        account.outbound.pop(request.sip_trunk_id, None)
    return sip.SIPTrunkInfo(sip_trunk_id=request.sip_trunk_id)


def _carrying(account: Account, numbers: Iterable[str]) -> dict[str, sip.SIPInboundTrunkInfo]:
    """Return the trunks that carry some of the numbers, or any number, by their ids, in order."""
    wanted = {checks.normalized(text) for text in numbers}
    return {
        key: trunk
        for key, trunk in sorted(account.inbound.items())
        if meet(wanted, {checks.normalized(text) for text in trunk.numbers})
    }


@contextmanager
def _counted(account: Account, trunk_id: str) -> Iterator[None]:
    """Record an import when the first trunk carries a number, a release when the last goes."""
    before = _carried(account)
    yield
    after = _carried(account)
    for number in sorted(after - before):
        account.state.record("import", trunk_id, number)
    for number in sorted(before - after):
        account.state.record("release", trunk_id, number)


def _carried(account: Account) -> set[str]:
    written = [text for trunk in account.inbound.values() for text in trunk.numbers]
    written += [text for trunk in account.outbound.values() for text in trunk.numbers]
    return {checks.normalized(text) for text in written}


def _renamed(account: Account, before: T, after: T) -> None:
    if before.name != after.name:
        account.state.record("label", after.sip_trunk_id)


def _without_id(given: bool, trunk_id: str) -> None:
    if not given:
        raise invalid("missing trunk")
    if trunk_id:
        raise invalid("trunk id must not be set")
