"""Where the messages are: kept in order of time, paged by time, grouped into conversations."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from telephony.sandbox.vendor import Json, iso

from .input import MessagePaging


@dataclass(frozen=True, slots=True)
class Text:
    """One message; `data` is what every endpoint shows of it, whatever its spelling."""

    at: datetime
    number: str
    conversation: str
    sender: str
    recipient: str
    direction: str
    data: Json

    def in_number(self) -> Json:
        """As a number's messages show it, the underscore of ``from_`` included."""
        return {**self._common(), "from_": self.sender, "to": self.recipient}

    def in_conversation(self) -> Json:
        return {**self._common(), "fromNumber": self.sender, "toNumber": self.recipient}

    def _common(self) -> Json:
        # Whole seconds have no fraction, others do: both occur.
        shown = iso(self.at).replace(".000000", "")
        return {**self.data, "direction": self.direction, "receivedAt": shown}


@dataclass
class Mailbox:
    """Every message of the account, oldest first; those of one moment in the order they came."""

    texts: list[Text] = field(default_factory=list)
    threads: dict[tuple[str, str], str] = field(default_factory=dict)

    def add(self, text: Text) -> None:
        bisect.insort(self.texts, text, key=lambda each: each.at)

    def thread(self, number_id: str, other: str) -> str:
        """Return the id of a number's conversation with one other side."""
        return self.threads.setdefault((number_id, other), f"conv_{len(self.threads):04x}")

    def of_number(self, number_id: str) -> list[Text]:
        return [text for text in self.texts if text.number == number_id]

    def conversations(self) -> dict[str, list[Text]]:
        """Return the messages of each conversation, the most recently active conversation first."""
        found: dict[str, list[Text]] = {}
        for text in reversed(self.texts):
            found.setdefault(text.conversation, []).append(text)
        return {conversation: texts[::-1] for conversation, texts in found.items()}


def summary(texts: Sequence[Text], number: Json) -> Json:
    """Return a conversation as listings show it."""
    first, last = texts[0], texts[-1]
    return {
        "id": last.conversation,
        "agentId": number["agentId"],
        "phoneNumberId": number["id"],
        "phoneNumber": number["phoneNumber"],
        "participant": last.sender if last.direction == "inbound" else last.recipient,
        "lastMessageAt": last.in_number()["receivedAt"],
        "lastMessagePreview": last.data["body"],
        "messageCount": len(texts),
        "createdAt": first.in_number()["receivedAt"],
        "metadata": None,
        "isGroup": False,
    }


def pages(
    found: Sequence[Text], wanted: MessagePaging, *, inclusive: bool
) -> tuple[list[Text], bool]:
    """Return the newest texts within the bounds, newest first, and whether older ones follow."""
    earlier, later = bisect.bisect_left, bisect.bisect_right
    start, end = 0, len(found)
    if wanted.before is not None:
        cut = later if inclusive else earlier
        end = cut(found, _utc(wanted.before), key=lambda each: each.at)
    if wanted.after is not None:
        cut = earlier if inclusive else later
        start = cut(found, _utc(wanted.after), key=lambda each: each.at)
    return list(found[max(start, end - wanted.limit) : end])[::-1], end - start > wanted.limit


def _utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
