"""Messages: sent, received, and listed by number and by conversation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pydantic import JsonValue
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json, Refusal

from . import webhooks
from .account import Account
from .input import MessagePaging, Outgoing, Paging, page, reader
from .mailbox import Text, pages, summary
from .refusals import missing, refusal


async def of_number(account: Account, request: Request) -> Response:
    number = account.numbers.find(request.path_params["id"])
    found = account.mailbox.of_number(str(number["id"]))
    return _page(account, request, found)


async def conversations(account: Account, request: Request) -> Response:
    found = [_summary(account, talk) for talk in account.mailbox.conversations().values()]
    return JSONResponse(page(found, reader.query(Paging, request)))


async def conversation(account: Account, request: Request) -> Response:
    texts = _conversation(account, request)
    shown: list[JsonValue] = [text.in_conversation() for text in texts[-50:]]
    return JSONResponse({**_summary(account, texts), "messages": shown})


async def send(account: Account, request: Request) -> Response:
    wanted = await reader.body(Outgoing, request)
    number = account.held_number(wanted.number_id)
    if number["country"] == "US" and account.campaign != "approved":
        raise refusal(403, "10DLC registration is required to text from this number")
    channel = "mms" if wanted.media_urls else "sms"
    sender, media = str(number["phoneNumber"]), list[JsonValue](wanted.media_urls or ())
    data: Json = {"body": wanted.body, "channel": channel, "mediaUrls": media, "status": "sent"}
    text = _add(account, number, sender, wanted.to_number, "outbound", data, None)
    account.state.record("message", str(text.data["id"]), sender)
    if account.unconfirmed is not None:
        body, account.unconfirmed = account.unconfirmed, None
        raise Refusal(409, body)
    return JSONResponse(
        {
            "id": text.data["id"],
            "status": "sent",
            "channel": channel,
            "from_number": sender,
            "to_number": wanted.to_number,
            "conversation_id": text.conversation,
            "media_urls": media,
            "reply_to_message_id": wanted.reply_to_message_id,
            "reply_parent_unresolved": None,
        }
    )


def receive(account: Account, number: Json, sender: str, body: str, at: datetime | None) -> str:
    data: Json = {"body": body, "channel": "sms", "mediaUrls": []}
    text = _add(account, number, sender, str(number["phoneNumber"]), "inbound", data, at)
    webhooks.received(account, text, number["agentId"])
    return str(text.data["id"])


def _add(
    account: Account,
    number: Json,
    sender: str,
    recipient: str,
    direction: str,
    data: Json,
    at: datetime | None,
) -> Text:
    number_id = str(number["id"])
    other = sender if direction == "inbound" else recipient
    talk = account.mailbox.thread(number_id, other)
    body = {"id": account.state.id("msg_"), **data}
    moment = at or account.state.now()
    text = Text(moment, number_id, talk, sender, recipient, direction, body)
    account.mailbox.add(text)
    return text


def _page(account: Account, request: Request, found: Sequence[Text]) -> Response:
    wanted = reader.query(MessagePaging, request)
    if account.coarse_bounds:
        wanted = wanted.model_copy(
            update={
                name: bound and bound.replace(microsecond=0)
                for name, bound in (("before", wanted.before), ("after", wanted.after))
            }
        )
    taken, more = pages(found, wanted, inclusive=account.before_is_inclusive)
    if account.oldest_first:
        taken.reverse()
    shown = [text.in_number() for text in taken]
    if account.whole_seconds:
        for each in shown:
            each["receivedAt"] = f"{str(each['receivedAt'])[:19]}Z"
    return JSONResponse({"data": list[JsonValue](shown), "hasMore": more})


def _conversation(account: Account, request: Request) -> Sequence[Text]:
    texts = account.mailbox.conversations().get(request.path_params["talk"])
    if texts is None:
        raise missing("Conversation")
    return texts


def _summary(account: Account, texts: Sequence[Text]) -> Json:
    return summary(texts, account.numbers[texts[-1].number])
