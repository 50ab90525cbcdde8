"""Acme's pages."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from telephony.sandbox.vendor import Json

_PAGE = 50


def page(name: str, rows: Sequence[Json], request: Request) -> Response:
    ids = [row["id"] for row in rows]
    after = request.query_params.get("after")
    start = ids.index(after) + 1 if after else 0
    more = ids[start + _PAGE - 1] if start + _PAGE < len(ids) else None
    return JSONResponse({name: rows[start : start + _PAGE], "next": more})
