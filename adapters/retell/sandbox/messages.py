"""Chats by SMS, which hold the texts."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from .account import Account, milliseconds
from .input import ChatListing, lets, page, reader

_ENDS = ("agent_number", "user_number")
_TEXTS = "message_with_tool_calls"


async def listed(account: Account, request: Request) -> Response:
    """List chats without what was written in them."""
    wanted = await reader.body(ChatListing, request)
    rows = [chat for chat in account.chats.values() if lets(wanted.filter_criteria, chat)]
    rows.sort(key=lambda chat: str(chat["start_timestamp"]), reverse=True)
    shown = page([_shown(chat, _TEXTS) for chat in rows], wanted, lambda chat: str(chat["chat_id"]))
    return JSONResponse(shown)


async def fetch(account: Account, request: Request) -> Response:
    return JSONResponse(_shown(account.chats.find(request.path_params["chat"])))


def receive(account: Account, number: Json, sender: str, body: str, at: datetime | None) -> str:
    """Add a text to the chat of the two numbers; return its id."""
    moment = milliseconds(at or account.state.now())
    chat = _between(account, str(number["phone_number"]), sender, moment)
    texts = chat[_TEXTS]
    entry: dict[str, JsonValue] = {
        "role": "user",
        "content": body,
        "created_timestamp": moment,
        "message_id": account.state.id("msg_"),
    }
    if isinstance(texts, list):
        texts.append(entry)
    return str(entry["message_id"])


def _between(account: Account, own: str, other: str, moment: int) -> Json:
    for chat in account.chats.values():
        if (chat["agent_number"], chat["user_number"]) == (own, other):
            return chat
    number = account.numbers[own]
    made: Json = {
        "chat_id": account.state.id("chat_"),
        "agent_id": account.drawn(number, "inbound_sms_agents") or "agent_texts",
        "agent_number": own,
        "user_number": other,
        "chat_status": "ongoing",
        "chat_type": "sms_chat",
        "start_timestamp": moment,
        _TEXTS: [],
    }
    account.chats[str(made["chat_id"])] = made
    return made


def _shown(chat: Json, *hidden: str) -> Json:
    return {name: value for name, value in chat.items() if name not in {*_ENDS, *hidden}}
