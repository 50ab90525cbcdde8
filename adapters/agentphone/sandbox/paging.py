"""Pages by offset, as everything but messages has them."""

from __future__ import annotations

from collections.abc import Sequence

from telephony.sandbox.vendor import Json

from .input import Paging


def page(found: Sequence[Json], wanted: Paging) -> Json:
    end = wanted.offset + wanted.limit
    return {
        "data": list(found[wanted.offset : end]),
        "hasMore": end < len(found),
        "total": len(found),
    }
