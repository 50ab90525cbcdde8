"""Who may use a sandbox: programs on this machine, and pages that it served itself."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.datastructures import Headers
from starlette.responses import JSONResponse

from telephony.sandbox.faults import App, Receive, Scope, Send
from telephony.settings import is_loopback


@dataclass(frozen=True)
class LoopbackOnly:
    """ASGI middleware: refuse what a website could send through the browser of whoever visits it.

    A name that resolves to 127.0.0.1 (DNS rebinding) shows in Host, another website in Origin.

    Attributes:
        own_pages_only: whether even a page from elsewhere on this machine is refused.
    """

    app: App
    own_pages_only: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        reason = self._refusal(Headers(scope=scope)) if scope["type"] == "http" else None
        if reason is None:
            await self.app(scope, receive, send)
        else:
            await JSONResponse({"error": reason}, 403)(scope, receive, send)

    def _refusal(self, headers: Headers) -> str | None:
        host, origin = headers.get("host", ""), headers.get("origin")
        if not is_loopback(f"http://{host}"):
            return (
                f"The sandbox does not serve the host {host!r}: use 127.0.0.1, localhost or [::1]."
            )
        if origin is None:
            return None
        allowed = origin == f"http://{host}" if self.own_pages_only else is_loopback(origin)
        return None if allowed else f"The sandbox takes no requests from pages of {origin!r}."
