"""Pages as Cartesia cuts them: before or after an id."""

from __future__ import annotations

from collections.abc import Mapping

from telephony.sandbox.vendor import Json

from .refusals import invalid


def page(found: list[Json], query: Mapping[str, str]) -> tuple[list[Json], bool]:
    """What the query asks for, and whether there is more that way."""
    try:
        limit = int(query.get("limit", "10"))
    except ValueError:
        raise invalid("limit must be a number") from None
    if not 1 <= limit <= 100:
        raise invalid("limit must be between 1 and 100")
    ids = [number["id"] for number in found]
    for cursor in ("starting_after", "ending_before"):
        if cursor in query and query[cursor] not in ids:
            raise invalid(f"{cursor} is not an id of this list")
    if "ending_before" in query:
        end = ids.index(query["ending_before"])
        return found[max(0, end - limit) : end], end > limit
    start = ids.index(query["starting_after"]) + 1 if "starting_after" in query else 0
    return found[start : start + limit], start + limit < len(found)
