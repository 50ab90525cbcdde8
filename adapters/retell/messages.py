"""Texts, out of the chats that Retell AI's agents have by SMS.

A chat does not say with whom it is, nor whether its texts were delivered. What was written in it
takes a request of its own: the vendor's client says that listings of chats leave it out.
Source: retell-sdk 6.2, `chat.list`, `chat.retrieve`; docs.retellai.com/deploy/enable-sms.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from datetime import datetime

from telephony.model import Channel, Direction, Message, MessageStatus
from telephony.reading import LATEST, Body, Id, Rows, Time, moment, read, rows, sent_between
from telephony.wire import Batch, Json, Listing, Operation, Request, Response, collect, path

from . import paging, secrets

# Of a text exchanged beside a call, nothing says who sent it.
_DIRECTIONS = {
    "user": Direction.INBOUND,
    "agent": Direction.OUTBOUND,
    "sms": Direction.UNKNOWN,
}


class Chat(Body, kw_only=True):
    chat_id: Id
    start_timestamp: Time = None
    end_timestamp: Time = None
    message_with_tool_calls: Rows = None

    @property
    def until(self) -> datetime:
        """When its last text can have been sent."""
        return moment(self.end_timestamp) or LATEST


class _Medium(Body):
    url: str | None = None


class _Text(Body, kw_only=True):
    """An entry of a chat: a text, or what a tool was asked or answered."""

    role: str = ""
    message_id: str | None = None
    content: str | None = None
    created_timestamp: Time = None
    multimedia: list[_Medium] | None = None


def listing(
    number: str, provider: str, *, after: datetime | None, before: datetime | None
) -> Listing[Message]:
    """List the texts of a number, newest first.

    A chat that began earlier may have the newer texts, so all chats are listed first; then they are
    read in the order in which they ended, and only as far as texts are wanted.
    """
    criteria: Json = {
        "chat_type": {"type": "enum", "op": "in", "value": ["sms_chat"]},
        "agent_number": {"type": "string", "op": "eq", "value": number},
    }
    wanted: Json = {"filter_criteria": criteria, "limit": paging.PAGE}
    chats = yield from collect(
        paging.pages(
            paging.by_body("/v3/list-chats", wanted), Chat, lambda row, _: row, lambda r: r.chat_id
        )
    )
    chats = [chat for chat in chats if after is None or chat.until >= after]
    chats.sort(key=lambda chat: chat.until, reverse=True)
    waiting: list[tuple[float, int, Message]] = []
    count = 0
    for chat in chats:
        newer: list[Message] = []
        # What was sent after this chat's end can no longer be preceded by anything.
        while waiting and -waiting[0][0] > _seconds(chat.until):
            newer.append(heapq.heappop(waiting)[2])
        if newer:
            yield Batch(sent_between(newer, after, before))
        for text in (yield from _texts(chat, number, provider)):
            count += 1
            heapq.heappush(waiting, (-_seconds(text.sent_at), -count, text))
    rest = [heapq.heappop(waiting)[2] for _ in range(len(waiting))]
    yield Batch(sent_between(rest, after, before))


def _texts(chat: Chat, number: str, provider: str) -> Operation[Sequence[Message]]:
    """Return the texts of a chat, oldest first."""
    response = yield Request.get(path("/get-chat/{}", chat.chat_id))
    found = read(Chat, response.content, response)
    return _read(found, number, provider, response)


def _read(chat: Chat, number: str, provider: str, response: Response) -> list[Message]:
    return [
        _message(text, f"{chat.chat_id}:{nth}", number, provider, raw)
        for nth, (text, raw) in enumerate(rows(_Text, chat.message_with_tool_calls, response))
        if text.role in _DIRECTIONS
    ]


def _message(text: _Text, named: str, number: str, provider: str, raw: bytes) -> Message:
    direction = _DIRECTIONS[text.role]
    inbound = direction is Direction.INBOUND
    media = tuple(medium.url for medium in text.multimedia or () if medium.url)
    found = Message(
        id=text.message_id or named,
        provider=provider,
        number=number,
        sender=number if direction is Direction.OUTBOUND else None,
        recipient=number if inbound else None,
        body=text.content or "",
        direction=direction,
        status=MessageStatus.RECEIVED if inbound else MessageStatus.UNKNOWN,
        channel=Channel.MMS if media else Channel.SMS,
        sent_at=moment(text.created_timestamp),
        media=media,
    )
    return secrets.kept_out(found, raw)


def _seconds(time: datetime | None) -> float:
    return (time or LATEST).timestamp()
