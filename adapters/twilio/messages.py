"""The messages of one number: Twilio lists those received and those sent separately.

Source: twilio.com/docs/messaging/api/message-resource, reading multiple messages.
"""

from __future__ import annotations

from bisect import bisect_left
from datetime import datetime

from telephony.errors import NotFoundError
from telephony.model import Channel, Message
from telephony.reading import EARLIEST, LATEST, sent_between
from telephony.wire import Batch, Listing, Operation, Request, path

from . import bodies
from .paging import Pages


class Timeline:
    """The received and the sent messages of one number, newest first.

    A page is fetched only when its messages are the next ones.

    Args:
        account: its path.
        address: the number, or another sender.
        after: the earliest time of sending.
        before: the time before which they were sent.
        limit: how many the caller wants.
        base_url: what the vendor's links to further pages are relative to.
        provider: the name that results carry.

    Attributes:
        empty: whether no message was listed so far.
    """

    def __init__(
        self,
        account: str,
        address: str,
        *,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
        base_url: str,
        provider: str,
    ) -> None:
        # Twilio's filters include both ends, and know whole seconds only.
        period = {"DateSent>": _second(after), "DateSent<": _second(before)}
        self._account, self._base_url = account, base_url
        self._after, self._before = after, before
        self._listings = [
            Pages(
                f"{account}/Messages.json",
                {side: address, **period},
                size=limit,
                base_url=base_url,
                read=lambda page, response: bodies.messages(page, response, provider, address),
                id_of=lambda message: message.id,
            )
            for side in ("To", "From")
        ]
        self._reached = [LATEST] * len(self._listings)
        self._waiting: list[Message] = []
        self._to_itself: set[str] = set()
        self.empty: bool = True

    def messages(self) -> Listing[Message]:
        """List the messages, each with the URLs of its media."""
        plain = Channel.SMS
        while any(pages.more for pages in self._listings):
            batch: list[Message] = []
            for message in sent_between((yield from self._fetch()), self._after, self._before):
                if message.channel is not plain and bodies.has_media(message):
                    # Earlier ones are handed out first: the caller may not need this one.
                    yield Batch(batch)
                    batch = [(yield from self._with_media(message))]
                else:
                    batch.append(message)
            yield Batch(batch)

    def _with_media(self, message: Message) -> Operation[Message]:
        try:
            response = yield Request.get(
                self._account + path("/Messages/{}/Media.json", message.id)
            )
        except NotFoundError:
            # Deleted since it was listed.
            return message
        media = bodies.media(response, self._base_url)
        return message.model_copy(update={"media": tuple(media)})

    def _fetch(self) -> Operation[list[Message]]:
        """Fetch one page; return the messages that are newer than any on unread pages."""
        unread = [index for index, pages in enumerate(self._listings) if pages.more]
        latest = max(unread, key=lambda index: self._reached[index])
        found = yield from self._listings[latest].fetch()
        if found:
            self.empty = False
            self._reached[latest] = min([message.sent_at or LATEST for message in found])
            self._waiting += [
                message
                for message in found
                if message.sender != message.recipient or not self._again(message)
            ]
            self._waiting.sort(key=_moment, reverse=True)
        horizon = max(
            (self._reached[index] for index in unread if self._listings[index].more),
            default=EARLIEST,
        )
        ready = bisect_left(self._waiting, True, key=lambda message: _moment(message) < horizon)
        messages, self._waiting = self._waiting[:ready], self._waiting[ready:]
        return messages

    def _again(self, message: Message) -> bool:
        """Return whether a message of the number to itself was in the other list already."""
        again = message.id in self._to_itself
        self._to_itself.add(message.id)
        return again


def _moment(message: Message) -> datetime:
    return message.sent_at or LATEST


def _second(moment: datetime | None) -> str | None:
    return None if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
