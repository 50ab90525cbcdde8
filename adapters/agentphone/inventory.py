"""Searching for numbers to buy. Source: the Python SDK 0.20.3; the documents do not have it."""

from __future__ import annotations

from telephony.errors import ProviderError, UnsupportedOperationError
from telephony.model import AvailableNumber
from telephony.wire import Json, Operation, Options, Request, merged

from . import bodies, paging


def search(
    provider: str, country: str, area_code: str | None, limit: int, options: Options
) -> Operation[list[AvailableNumber]]:
    """Return numbers that can be bought, but not ordered: AgentPhone picks the one it sells."""
    wanted: Json = {
        "areaCode": area_code,
        "country": country,
        "limit": min(limit, paging.LARGEST),
    }
    filters = {
        key: str(value) for key, value in merged(wanted, options).items() if value is not None
    }
    try:
        response = yield Request.get("/v1/numbers/available", filters)
    except ProviderError as failure:
        if failure.status not in {404, 405}:
            raise
        raise UnsupportedOperationError(
            provider,
            "search_numbers",
            "This API has no search: call provision_number() with an `area_code`.",
        ) from failure
    return bodies.available(response, provider)[:limit]
