"""One thing by its id.

Vapi's ids are UUIDs. What it responds to another text is not documented, and such servers refuse
one as malformed: since only the id can be wrong in these requests, there is no such thing then.
"""

from __future__ import annotations

from typing import TypeVar

from telephony.errors import InvalidRequestError, NotFoundError, reclassified
from telephony.wire import Operation, Request, Response, path

T = TypeVar("T")


def fetched(template: str, id_: str) -> Operation[Response]:
    """Return the response with the thing of this id.

    Raises:
        NotFoundError: there is none.
    """

    def fetch() -> Operation[Response]:
        return (yield Request.get(path(template, id_)))

    return (yield from found(fetch()))


def found(look: Operation[T]) -> Operation[T]:
    """Run `look`, which needs nothing but an id."""
    try:
        return (yield from look)
    except InvalidRequestError as malformed:
        raise reclassified(malformed, NotFoundError) from None
