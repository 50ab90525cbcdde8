"""Pages as Butter AI sends them, each with the cursor of the next."""

from __future__ import annotations

import base64

from starlette.requests import Request

from telephony.sandbox.vendor import Json

from .refusals import invalid


def page(found: list[Json], request: Request, size: int, *, total: int | None = None) -> Json:
    cursor, start = request.query_params.get("cursor"), 0
    if cursor is not None:
        try:
            start = int(base64.b64decode(cursor, validate=True))
        except ValueError:
            raise invalid("query", "cursor", "Input is not a cursor") from None
    end = start + size
    more = end < len(found)
    return {
        "success": True,
        "data": list(found[start:end]),
        "pagination": {
            "next_cursor": base64.b64encode(str(end).encode()).decode() if more else None,
            "has_more": more,
            "page_size": len(found[start:end]),
            **({} if total is None else {"total_count": total}),
        },
    }
