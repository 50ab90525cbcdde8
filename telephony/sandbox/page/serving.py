"""The routes of the page: itself, its files, and what only it asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from telephony.capabilities import Capability
from telephony.errors import TelephonyError
from telephony.sandbox.page.activity import activity
from telephony.sandbox.page.desk import Desk, Holding
from telephony.sandbox.page.html import Html
from telephony.sandbox.page.layout import STATIC, document
from telephony.sandbox.page.numbers import numbers
from telephony.sandbox.page.parts import spaced
from telephony.sandbox.page.phone import Talk, no_phone, phone
from telephony.sandbox.page.switches import faults, webhook
from telephony.sandbox.vendor import Refusal

if TYPE_CHECKING:
    from telephony.model import PhoneNumber
    from telephony.sandbox.server import Sandbox
    from telephony.sandbox.world import Answerer

PERSON = "+14155550199"
"""Whose phone it is, until another number is given: one kept for fiction."""
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
        "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
_TYPES = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Page:
    """The page of one sandbox."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        self._desk = Desk(sandbox)

    def routes(self) -> list[Route]:
        return [
            Route("/", self._show, methods=["GET"]),
            Route(f"{STATIC}/{{name}}", self._file, methods=["GET"]),
            Route("/_sandbox/{vendor}/numbers", self._obtain, methods=["POST"]),
            Route("/_sandbox/{vendor}/calls/{call:path}", self._hang_up, methods=["DELETE"]),
        ]

    def close(self) -> None:
        self._desk.close()

    def reset(self) -> None:
        self._desk.forget()

    # These are run in threads, since they wait for the vendors, whom the server's own loop serves.
    def _show(self, request: Request) -> Response:
        shown = self._document(request)
        tag = f'"{hashlib.sha256(shown.encode()).hexdigest()[:32]}"'
        headers = {**_HEADERS, "etag": tag}
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(shown, headers=headers, media_type="text/html")

    def _document(self, request: Request) -> str:
        sandbox, desk = self._sandbox, self._desk
        person = request.query_params.get("person", PERSON)
        holdings = desk.holdings()
        chosen = self._chosen(request, holdings)
        if chosen is None:
            texting = [v for v in sandbox.vendors if desk.offers(v, Capability.SEND_MESSAGE)]
            talk = no_phone(sandbox.vendors, texting)
            marked, title = ("", ""), "Telephony sandbox"
        else:
            holding, number = chosen
            elsewhere = holding.answerers.get(number.number)
            talk = phone(self._talk(holding.vendor, number, elsewhere, person))
            marked = holding.vendor, number.number
            title = f"{spaced(number.number)} · Telephony sandbox"
        columns: Sequence[Sequence[Html]] = (
            (numbers(holdings, marked, person),),
            (talk,),
            (
                webhook(sandbox.webhook),
                faults(sandbox.faults(), list(sandbox.vendors)),
                activity(sandbox.exchanges(), sandbox.delivered_so_far()),
            ),
        )
        return document(sandbox.url, title, columns)

    def _chosen(
        self, request: Request, holdings: Sequence[Holding]
    ) -> tuple[Holding, PhoneNumber] | None:
        """Return the number that is asked for, else the first, of one that texts if possible."""
        wanted = request.query_params.get("vendor"), request.query_params.get("number")
        found = [(each, number) for each in holdings for number in each.numbers]
        for holding, number in found:
            if (holding.vendor, number.number) == wanted:
                return holding, number
        texting = (
            each for each in found if self._desk.offers(each[0].vendor, Capability.LIST_MESSAGES)
        )
        return next(texting, found[0] if found else None)

    def _talk(
        self, vendor: str, number: PhoneNumber, elsewhere: Answerer | None, person: str
    ) -> Talk:
        return Talk(
            vendor,
            number,
            person,
            self._desk.texts(vendor, number.number),
            self._desk.calls(vendor, number.number, person),
            elsewhere,
            self._desk.offers(vendor, Capability.LIST_MESSAGES),
        )

    def _file(self, request: Request) -> Response:
        name = request.path_params["name"]
        if name not in _TYPES:
            return Response(status_code=404)
        content = files(__package__).joinpath("static", name).read_bytes()
        headers = {**_HEADERS, "content-type": _TYPES[name]}
        return Response(content, headers=headers)

    def _obtain(self, request: Request) -> Response:
        vendor = self._vendor(request)
        try:
            number = self._desk.obtain(vendor)
        except TelephonyError as error:
            raise _refused(error) from None
        return JSONResponse({"vendor": vendor, "number": number.number})

    def _hang_up(self, request: Request) -> Response:
        try:
            self._desk.hang_up(self._vendor(request), request.path_params["call"])
        except TelephonyError as error:
            raise _refused(error) from None
        return Response(status_code=204)

    def _vendor(self, request: Request) -> str:
        name = str(request.path_params["vendor"])
        if name not in self._sandbox.vendors:
            raise Refusal(404, {"error": f"The sandbox does not serve {name!r}."})
        return name


def _refused(error: TelephonyError) -> Refusal:
    return Refusal(409, {"error": str(error)})
