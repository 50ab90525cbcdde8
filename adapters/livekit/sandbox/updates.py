"""Changes of trunks and rules, whole or in part, as livekit-server 1.13.5 takes them."""

from __future__ import annotations

from collections.abc import MutableSequence
from typing import TypeAlias, TypeVar

from google.protobuf.message import Message
from livekit.protocol.models import ListUpdate
from livekit.protocol.sip import SIPDispatchRuleInfo, SIPInboundTrunkInfo, SIPOutboundTrunkInfo

from .refusals import invalid

Info: TypeAlias = SIPInboundTrunkInfo | SIPOutboundTrunkInfo | SIPDispatchRuleInfo
I = TypeVar("I", bound=Info)  # noqa: E741


def check(request: Message, thing: str, given_id: str, replaced_id: str) -> None:
    """Return what every update must have."""
    if not given_id:
        raise invalid(f"{thing} id must be set")
    if request.WhichOneof("action") is None:
        raise invalid("missing or unsupported update action")
    if replaced_id and replaced_id != given_id:
        raise invalid(f"{thing} id in the info must be empty or match the id in the update")


def check_lists(changes: Message) -> None:
    """Each list that a partial update changes."""
    for _, value in changes.ListFields():
        if isinstance(value, ListUpdate):
            _check_list(value)


def _check_list(change: ListUpdate) -> None:
    parts = (change.set, change.add, change.remove)
    if not change.clear and not any(parts):
        raise invalid("unsupported list update operation")
    if change.clear and any(parts):
        raise invalid("cannot clear and change the list at the same time")
    if change.set and (change.add or change.remove):
        raise invalid("cannot set and change the list at the same time")
    if any(not text for part in parts for text in part):
        raise invalid("empty element in the list")


def _change_list(values: MutableSequence[str], change: ListUpdate) -> None:
    """Apply a list update in place."""
    kept = [] if change.clear else [*change.set] or [t for t in values if t not in change.remove]
    kept += [text for text in change.add if text not in kept]
    values[:] = kept


def upgrade(info: Info) -> None:
    """Carry the old field for encryption over into the new one."""
    info.media.SetInParent()
    if not info.media.HasField("encryption") and info.media_encryption:
        info.media.encryption = info.media_encryption


def partial(info: I, changes: Message) -> I:
    """`info` after a partial update, which keeps both fields for encryption alike."""
    apply(info, changes)
    upgrade(info)
    info.media_encryption = info.media.encryption
    return info


def apply(info: I, changes: Message) -> I:
    """`info` with the fields that another message sets, which may say how lists change."""
    for field, value in changes.ListFields():
        if isinstance(value, ListUpdate):
            _change_list(getattr(info, field.name), value)
        elif field.name == "attributes":
            held = getattr(info, field.name)
            for key, text in value.items():
                if text:
                    held[key] = text
                else:
                    held.pop(key, None)
        elif isinstance(value, Message):
            getattr(info, field.name).CopyFrom(value)
        elif field.is_repeated:
            getattr(info, field.name)[:] = value
        else:
            setattr(info, field.name, value)
    return info
