"""The messages of one number. Twilio lists what it received and what it sent apart.

Source: twilio.com/docs/messaging/api/message-resource, reading multiple messages.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from datetime import datetime

from telephony.model import Channel, Message
from telephony.reading import EARLIEST, LATEST, sent_between
from telephony.wire import Batch, Listing, Operation

from . import bodies
from .pages import Pages


class Timeline:
    """Several listings, each newest first, as one; a page is fetched only when its turn comes."""

    def __init__(self, sides: Sequence[Pages[Message]]) -> None:
        self._sides = sides
        self._reached = [LATEST] * len(sides)
        self._waiting: list[Message] = []
        self._to_itself: set[str] = set()
        self.empty: bool = True

    def messages(
        self,
        after: datetime | None,
        before: datetime | None,
        with_media: Callable[[Message], Operation[Message]],
    ) -> Listing[Message]:
        """Those sent at `after` or later and before `before`, completed where they have media."""
        while any(pages.more for pages in self._sides):
            batch: list[Message] = []
            for message in sent_between((yield from self._fetch()), after, before):
                if message.channel is not Channel.SMS and bodies.has_media(message.raw):
                    # What comes before it is handed out first: the caller may not go on.
                    yield Batch(batch)
                    batch = [(yield from with_media(message))]
                else:
                    batch.append(message)
            yield Batch(batch)

    def _fetch(self) -> Operation[list[Message]]:
        """Fetch one page; those messages than which no page still to be read can hold newer."""
        unread = [side for side, pages in enumerate(self._sides) if pages.more]
        side = max(unread, key=lambda index: self._reached[index])
        found = yield from self._sides[side].fetch()
        if found:
            self.empty = False
            self._reached[side] = min(map(_moment, found))
            self._waiting += [message for message in found if not self._again(message)]
            self._waiting.sort(key=_moment, reverse=True)
        horizon = max(
            (self._reached[side] for side in unread if self._sides[side].more), default=EARLIEST
        )
        ready = bisect_left(self._waiting, True, key=lambda message: _moment(message) < horizon)
        messages, self._waiting = self._waiting[:ready], self._waiting[ready:]
        return messages

    def _again(self, message: Message) -> bool:
        """Whether it was on the other side too: what a number sent to itself is on both."""
        if message.sender != message.recipient:
            return False
        again = message.id in self._to_itself
        self._to_itself.add(message.id)
        return again


def bounds(after: datetime | None, before: datetime | None) -> dict[str, str | int | None]:
    """Twilio's filters for a period. They take both ends in, and whole seconds only."""
    return {"DateSent>": _second(after), "DateSent<": _second(before)}


def _moment(message: Message) -> datetime:
    return message.sent_at or LATEST


def _second(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
