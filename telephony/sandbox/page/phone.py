"""A phone: a conversation with one number, by text and by call."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from telephony.enums import CallStatus, Direction, Speaker
from telephony.model import Message, PhoneNumber
from telephony.sandbox.page.desk import TalkedCall, other_side
from telephony.sandbox.page.html import Html, joined, tag
from telephony.sandbox.page.numbers import get_number
from telephony.sandbox.page.parts import answer, button, clock, form, hidden, label, section, spaced
from telephony.sandbox.world import Answerer

_STATUS = {
    CallStatus.QUEUED: "Waiting",
    CallStatus.RINGING: "Ringing",
    CallStatus.IN_PROGRESS: "In progress",
    CallStatus.COMPLETED: "Ended",
    CallStatus.BUSY: "Busy",
    CallStatus.NO_ANSWER: "Not answered",
    CallStatus.FAILED: "Failed",
    CallStatus.CANCELED: "Canceled",
}
_PROGRESSING = frozenset({CallStatus.QUEUED, CallStatus.RINGING, CallStatus.IN_PROGRESS})
_EARLIEST = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Talk:
    """One number, seen by one person.

    Attributes:
        texts: of the number, with whomever; oldest first.
        elsewhere: who answers its calls, where they lead to another vendor.
        carries_texts: whether the vendor does at all.
    """

    vendor: str
    number: PhoneNumber
    person: str
    texts: Sequence[Message]
    calls: Sequence[TalkedCall]
    elsewhere: Answerer | None
    carries_texts: bool


def no_phone(vendors: Iterable[str], texting: Iterable[str]) -> Html:
    """Return the section while there is no number to talk to."""
    able = list(texting)
    return section(
        "phone",
        "Phone",
        tag(
            "div",
            {"class": "empty"},
            tag("h3", {}, "No numbers yet"),
            tag(
                "p",
                {},
                "Get one here, or let your application buy or import it. "
                "Nothing is real: it costs nothing, and nothing leaves this machine.",
            ),
            tag(
                "div",
                {"class": "choices"},
                *(
                    get_number(each, f"Get a number at {each}", prominent=True)
                    for each in able or list(vendors)[:1]
                ),
            ),
        ),
    )


def phone(talk: Talk) -> Html:
    """Return the section."""
    number = talk.number
    return section(
        "phone",
        "Phone",
        tag(
            "div",
            {"class": "ends"},
            tag(
                "p",
                {"class": "callee"},
                tag("strong", {}, spaced(number.number)),
                tag("span", {"class": "chip"}, talk.vendor),
                label(number),
            ),
            tag("p", {"class": "answer"}, answer(number, talk.elsewhere)),
            _person(talk),
        ),
        tag(
            "div",
            {
                "id": "conversation",
                "role": "log",
                "aria-label": f"Conversation with {spaced(number.number)}",
                "aria-relevant": "additions",
                "tabindex": "0",
                "data-key": f"{talk.vendor} {number.number} {talk.person}",
            },
            tag("ol", {}, joined(_entries(talk))),
        ),
        _composer(talk),
    )


def _person(talk: Talk) -> Html:
    """Return whose phone this is; the people who texted are offered."""
    others = sorted({other_side(each) or "" for each in talk.texts} - {"", talk.person})
    return tag(
        "form",
        {"method": "get", "action": "/#phone", "class": "person"},
        hidden("vendor", talk.vendor),
        hidden("number", talk.number.number),
        tag("label", {"for": "person"}, "Your number"),
        tag(
            "input",
            {
                "id": "person",
                "name": "person",
                "type": "tel",
                "value": talk.person,
                "required": True,
                "list": "people",
                "autocomplete": "off",
            },
        ),
        tag("datalist", {"id": "people"}, *(tag("option", {"value": each}) for each in others)),
        button("Use", {"class": "quiet", "aria-label": "Use this number as yours"}),
        tag("p", {"class": "others"}, "Also texting: ", ", ".join(map(spaced, others)))
        if others
        else None,
    )


def _entries(talk: Talk) -> list[Html]:
    texts = [each for each in talk.texts if other_side(each) in (None, talk.person)]
    # Of one moment, which may be a whole second, a reply is the later.
    entries = [(each.sent_at, each.direction is Direction.OUTBOUND, _text(each)) for each in texts]
    entries += [(each.at, not each.inbound, _call(talk, each)) for each in talk.calls]
    entries.sort(key=lambda entry: (entry[0] or _EARLIEST, entry[1]))
    if entries:
        return [entry for _, _, entry in entries]
    what = "Text or call it" if talk.carries_texts else "Call it"
    return [
        tag(
            "li",
            {"class": "nothing", "data-key": "nothing"},
            f"Nothing was said yet. {what}: your application's replies appear here.",
        )
    ]


def _text(message: Message) -> Html:
    mine = message.direction is Direction.INBOUND
    return tag(
        "li",
        {"class": "text mine" if mine else "text theirs", "data-key": f"text-{message.id}"},
        tag("span", {"class": "sr"}, "You: " if mine else "Reply: "),
        tag("p", {"class": "bubble"}, message.body),
        *(tag("p", {"class": "bubble media"}, url) for url in message.media),
        tag(
            "p",
            {"class": "meta"},
            clock(message.sent_at) if message.sent_at else None,
            "" if mine else f" {message.status}",
        ),
    )


def _call(talk: Talk, call: TalkedCall) -> Html:
    going = call.status in _PROGRESSING
    return tag(
        "li",
        {"class": "call going" if going else "call", "data-key": f"call-{call.id}"},
        tag(
            "p",
            {"class": "meta"},
            tag("strong", {}, "You called" if call.inbound else "Called you"),
            " ",
            clock(call.at) if call.at else None,
            " ",
            tag("span", {"class": "state"}, _state(talk.vendor, call)),
        ),
        *(
            tag(
                "p",
                {
                    "class": f"turn {turn.speaker}",
                    "data-key": f"{call.id}-{nth}",
                },
                tag("span", {}, "You" if turn.speaker is Speaker.CALLER else str(turn.speaker)),
                turn.text,
            )
            for nth, turn in enumerate(call.turns)
        ),
        form(
            "DELETE",
            f"/_sandbox/{talk.vendor}/calls/{call.id}",
            {},
            button("Hang up", {"class": "danger"}),
        )
        if call.can_end
        else None,
    )


def _state(vendor: str, call: TalkedCall) -> str:
    if call.status is None:
        return f"{vendor} reports nothing more about it"
    words = _STATUS.get(call.status, "State unknown")
    return f"{words}, {call.seconds:.0f} s" if call.seconds else words


def _composer(talk: Talk) -> Html:
    ends = (hidden("to", talk.number.number), hidden("from", talk.person))
    to = f"/_sandbox/{talk.vendor}"
    texting = form(
        "POST",
        f"{to}/messages",
        {"class": "composer", "data-clears": "body"},
        *ends,
        tag("label", {"for": "body", "class": "sr"}, "Text"),
        tag(
            "input",
            {
                "id": "body",
                "name": "body",
                "required": True,
                "maxlength": "1600",
                "autocomplete": "off",
                "placeholder": "Write a text",
            },
        ),
        button("Send", {"class": "primary"}),
    )
    return tag(
        "div",
        {"class": "compose", "data-key": f"to {talk.vendor} {talk.number.number}"},
        texting
        if talk.carries_texts
        else tag("p", {"class": "answer"}, f"{talk.vendor} carries no texts here, only calls."),
        form(
            "POST",
            f"{to}/calls",
            {},
            *ends,
            tag("input", {"type": "hidden", "name": "lasting", "value": "true", "data-json": True}),
            button("Call", {"class": "call-button"}),
        ),
    )
