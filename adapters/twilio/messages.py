"""Messages, with the URLs of their media.

Source: twilio.com/docs/messaging/api/message-resource.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from operator import attrgetter

from telephony.errors import InvalidRequestError, NotFoundError
from telephony.model import Channel, Message
from telephony.wire import Batch, Json, Listing, Operation, Options, Request, merged, path

from . import addresses, bodies
from .paging import Pages
from .timeline import Timeline

_MEDIA = 10


class Messages:
    """The messages of one account.

    Args:
        account: its path.
        base_url: what the vendor's links to further pages are relative to.
        provider: the name that results carry.
    """

    def __init__(self, account: str, *, base_url: str, provider: str) -> None:
        self._path = f"{account}/Messages.json"
        self._account, self._base_url, self._provider = account, base_url, provider

    def timeline(
        self,
        address: str | None,
        after: datetime | None,
        before: datetime | None,
        limit: int | None,
    ) -> Timeline[Message]:
        """Return the messages of a number or another sender, or of all, newest first.

        Raises:
            InvalidRequestError: it is a Messaging Service, which Twilio cannot list by.
        """
        if address is not None and addresses.is_service(address):
            raise InvalidRequestError(
                "Twilio does not list the messages of a Messaging Service.",
                argument="number",
                hint="List those of each of its senders.",
            )
        # Twilio's filters include both ends, and know whole seconds only.
        period = {"DateSent>": _second(after), "DateSent<": _second(before)}
        sides = [{}] if address is None else [{"To": address}, {"From": address}]
        listings = [
            Pages(
                self._path,
                {**side, **period},
                size=limit,
                base_url=self._base_url,
                read=lambda page, response: bodies.messages(
                    page, response, self._provider, address
                ),
                id_of=attrgetter("id"),
            )
            for side in sides
        ]
        return Timeline(listings, attrgetter("sent_at"), after, before)

    def listed(self, timeline: Timeline[Message]) -> Listing[Message]:
        """List messages, each with the URLs of its media."""
        plain = Channel.SMS
        while timeline.more:
            batch: list[Message] = []
            for message in (yield from timeline.fetch()):
                if message.channel is not plain and bodies.has_media(message):
                    # Earlier ones are handed out first: the caller may not need this one.
                    yield Batch(batch)
                    batch = [(yield from self._with_media(message))]
                else:
                    batch.append(message)
            yield Batch(batch)

    def get(self, message: str) -> Operation[Message]:
        response = yield Request.get(self._account + path("/Messages/{}.json", message))
        found = bodies.message(response, self._provider)
        return (yield from self._with_media(found)) if bodies.has_media(found) else found

    def send(
        self, address: str, to: str, body: str, media: Sequence[str], options: Options
    ) -> Operation[Message]:
        sender = "MessagingServiceSid" if addresses.is_service(address) else "From"
        fields: Json = {
            "To": to,
            sender: address,
            "Body": body or None,
            "MediaUrl": [*media] or None,
        }
        response = yield Request.post_form(self._path, merged(fields, options))
        sent = bodies.message(response, self._provider, address)
        return sent.model_copy(update={"media": tuple(media)})

    def _with_media(self, message: Message) -> Operation[Message]:
        try:
            response = yield Request.get(
                self._account + path("/Messages/{}/Media.json", message.id)
            )
        except NotFoundError:
            # Deleted since it was read.
            return message
        media = bodies.media(response, self._base_url)
        return message.model_copy(update={"media": tuple(media)})


def check_media(media: Sequence[str]) -> None:
    """Raise `InvalidRequestError` for more media than a message can have."""
    if len(media) > _MEDIA:
        raise InvalidRequestError(
            f"`media` has more than {_MEDIA} URLs.", argument="media", hint="Send several."
        )


def _second(moment: datetime | None) -> str | None:
    return None if moment is None else f"{moment.replace(tzinfo=None, microsecond=0).isoformat()}Z"
