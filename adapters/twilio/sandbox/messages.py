"""Messages and their media."""

from __future__ import annotations

import re
from datetime import datetime
from functools import partial
from xml.etree import ElementTree as ET

from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

from . import webhooks
from .account import Account, Text, rfc2822
from .input import E164, ParsedRequest, http_url, period
from .paging import page
from .refusals import invalid, missing, refusal

_SHORT_CODE = re.compile(r"\d{3,6}", re.ASCII)
_NAME = re.compile(r"(?=.*[A-Za-z])[A-Za-z0-9 ]{1,11}")
# twilio.com/docs/iam/test-credentials
_SENDERS = {
    "+15005550001": (21212, "is not a valid phone number"),
    "+15005550007": (21606, "is not a message-capable number of yours"),
    "+15005550008": (21611, "has a full queue"),
}
_RECIPIENTS = {
    "+15005550001": (21211, "is not a valid phone number"),
    "+15005550002": (21612, "cannot be reached from this sender"),
    "+15005550003": (21408, "is in a region that is not enabled"),
    "+15005550004": (21610, "has opted out of this sender"),
    "+15005550009": (21614, "cannot receive SMS messages"),
}


def listed(account: Account, request: ParsedRequest) -> Response:
    """Newest first. `DateSent` is a day or a moment, with ``<`` or ``>`` an inclusive bound."""
    to, sender = request.filter("To"), request.filter("From")
    low, high = period(request, "DateSent")
    rows = [
        text
        for text in reversed(account.texts.values())
        if to in (None, text.body["to"])
        and sender in (None, text.body["from"])
        and (low is None or text.at >= low)
        and (high is None or text.at < high)
    ]
    rows.sort(key=lambda text: text.at, reverse=True)
    return page(request, "messages", [text.body for text in rows])


def fetch(account: Account, request: ParsedRequest) -> Response:
    return JSONResponse(_text(account, request).body)


def delete(account: Account, request: ParsedRequest) -> Response:
    del account.texts[str(_text(account, request).body["sid"])]
    return Response(status_code=204)


def redact(account: Account, request: ParsedRequest) -> Response:
    text = _text(account, request)
    if request.field("Body") != "":
        raise invalid("Body can only be emptied")
    text.body["body"] = ""
    return JSONResponse(text.body)


def send(account: Account, request: ParsedRequest) -> Response:
    """Send at once; the response shows the message as Twilio accepted it."""
    to, sender, words = request.field("To"), request.field("From"), request.field("Body") or ""
    media = request.fields("MediaUrl")
    if not to:
        raise refusal(400, 21604, "A 'To' phone number is required.")
    service = request.field("MessagingServiceSid")
    if not sender and not service:
        raise refusal(400, 21603, "A 'From' phone number is required.")
    if not words and not media:
        raise refusal(400, 21602, "Message body is required.")
    if len(words) > 1600:
        raise refusal(400, 21617, "The message exceeds the 1600 character limit.")
    if len(media) > 10:
        raise refusal(400, 21623, "There are more than 10 media.")
    for url in media:
        http_url("MediaUrl", url)
    number = to.removeprefix("whatsapp:")
    if to in _RECIPIENTS or not (E164.fullmatch(number) or _SHORT_CODE.fullmatch(to)):
        code, text = _RECIPIENTS.get(to, (21211, "is not a valid phone number"))
        raise refusal(400, code, f"The 'To' number {to} {text}.")
    if service and service not in account.services:
        raise missing(f"/Services/{service}")
    if sender:
        _may_send(account, sender, to)
    else:
        sender = _chosen(account, to)
    sent = add(account, sender, to, words, "outbound-api", account.state.now(), media)
    sent.body["messaging_service_sid"] = service
    account.state.record("message", str(sent.body["sid"]), sender)
    if callback := request.field("StatusCallback"):
        webhooks.status(account, callback, sent.body)
    early: Json = {"status": "queued", "date_sent": None, "price": None, "price_unit": None}
    if not request.field("From"):
        early |= {"status": "accepted", "from": None, "num_segments": "0"}
    return JSONResponse(sent.body | early, 201)


def receive(account: Account, number: Json, to: str, sender: str, words: str, at: datetime) -> str:
    """Let a number receive a text; `to` is it as its channel writes it. Return the text's sid."""
    text = add(account, sender, to, words, "inbound", at)
    webhooks.received(account, number, text, partial(_reply, account, text))
    return str(text.body["sid"])


def _reply(account: Account, text: Text, twiml: bytes) -> None:
    """Send what the response to a webhook says in ``<Message>``."""
    try:
        verbs = ET.fromstring(twiml)  # noqa: S314 - of an application on this machine
    except ET.ParseError:
        return
    ours, other = str(text.body["to"]), str(text.body["from"])
    for verb in verbs.iter("Message"):
        words = (verb.text or "") + "".join(body.text or "" for body in verb.iter("Body"))
        sent = add(account, ours, other, words.strip(), "outbound-reply", account.state.now())
        account.state.record("message", str(sent.body["sid"]), ours)


def media_list(account: Account, request: ParsedRequest) -> Response:
    return page(request, "media_list", list(_text(account, request).media.values()))


def media(account: Account, request: ParsedRequest) -> Response:
    text = _text(account, request)
    if request.ids["media"] not in text.media:
        raise missing(request.path)
    return JSONResponse(text.media[request.ids["media"]])


def delete_media(account: Account, request: ParsedRequest) -> Response:
    text = _text(account, request)
    if text.media.pop(request.ids["media"], None) is None:
        raise missing(request.path)
    text.body["num_media"] = str(len(text.media))
    return Response(status_code=204)


def add(
    account: Account,
    sender: str,
    to: str,
    words: str,
    direction: str,
    at: datetime,
    media: list[str] | None = None,
) -> Text:
    """Keep a message as it is once it has arrived."""
    urls = media or []
    state, sid = account.state, account.state.id("MM" if urls else "SM", 32)
    date, place = rfc2822(at), account.uri(f"Messages/{sid}")
    text = Text(
        at.replace(microsecond=0),
        {
            "sid": sid,
            "account_sid": account.sid,
            "from": sender,
            "to": to,
            "body": words,
            "status": "received" if direction == "inbound" else "delivered",
            "direction": direction,
            "num_segments": str(max(1, -(-len(words) // 160))),
            "num_media": str(len(urls)),
            "price": "-0.00790",
            "price_unit": "USD",
            "error_code": None,
            "error_message": None,
            "messaging_service_sid": None,
            "api_version": "2010-04-01",
            "date_created": date,
            "date_sent": date,
            "date_updated": date,
            "subresource_uris": {"media": f"{place}/Media.json"},
            "uri": f"{place}.json",
        },
    )
    for _ in urls:
        media_sid = state.id("ME", 32)
        text.media[media_sid] = {
            "sid": media_sid,
            "account_sid": account.sid,
            "parent_sid": sid,
            "content_type": "image/jpeg",
            "date_created": date,
            "date_updated": date,
            "uri": f"{place}/Media/{media_sid}.json",
        }
    account.texts[sid] = text
    return text


def _text(account: Account, request: ParsedRequest) -> Text:
    if request.ids["sid"] not in account.texts:
        raise missing(request.path)
    return account.texts[request.ids["sid"]]


def _may_send(account: Account, sender: str, to: str) -> None:
    """Return a number of the account, on WhatsApp too, a short code, or a name."""
    on_whatsapp = sender.startswith("whatsapp:")
    if on_whatsapp != to.startswith("whatsapp:"):
        raise refusal(400, 21910, "'From' and 'To' must be on the same channel.")
    if sender in account.short_codes or (_NAME.fullmatch(sender) and not on_whatsapp):
        return
    held = account.holds(sender.removeprefix("whatsapp:"))
    if held is None and on_whatsapp:
        raise refusal(400, 63007, "There is no channel with the 'From' address.")
    if held is None:
        code, text = _SENDERS.get(sender, (21606, "is not a message-capable number of yours"))
        raise refusal(429 if code == 21611 else 400, code, f"The 'From' number {sender} {text}.")
    if not on_whatsapp and not _can_text(held):
        raise refusal(400, 21661, f"The 'From' number {sender} is not SMS-capable.")


def _chosen(account: Account, to: str) -> str:
    """Return the sender that a Messaging Service takes."""
    held = next(iter(account.numbers.values()), None)
    if held is None:
        raise refusal(400, 21703, "The Messaging Service has no senders.")
    number = str(held["phone_number"])
    return f"whatsapp:{number}" if to.startswith("whatsapp:") else number


def _can_text(number: Json) -> bool:
    can = number["capabilities"]
    return isinstance(can, dict) and can["sms"] is True
