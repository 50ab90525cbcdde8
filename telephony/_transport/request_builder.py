"""Build HTTP requests: their URL, their headers and their body."""

from __future__ import annotations

import platform
from urllib.parse import urlsplit

import httpcore
import httpx

from telephony._transport.content import ACCEPTED
from telephony._transport.routes import Origin
from telephony._version import __version__
from telephony.errors import ConfigurationError, InvalidRequestError, InvalidResponseError
from telephony.protocols import Adapter
from telephony.settings import ProviderSettings, is_loopback
from telephony.wire import Request

USER_AGENT = f"telephony/{__version__} python/{platform.python_version()} httpx/{httpx.__version__}"


class RequestBuilder:
    """Builds the requests of one adapter, for both transports."""

    def __init__(self, adapter: Adapter) -> None:
        self._base = adapter.base_url
        if not all(value.isascii() and value.isprintable() for value in adapter.headers.values()):
            raise ConfigurationError(
                f"{adapter.name}: a credential holds a character that no HTTP header carries, such "
                "as a line break or a letter with an accent. Copy it again from the vendor."
            )
        common = {
            "User-Agent": USER_AGENT,
            "Accept": "application/json",
            "Accept-Encoding": ACCEPTED,
            "Connection": "keep-alive",
        }
        self._anonymous = httpx.Headers(common)
        self._headers = httpx.Headers(common | dict(adapter.headers))
        self.origins: frozenset[Origin] = frozenset(
            _origin(url) for url in (adapter.base_url, *adapter.origins)
        )

    def build(self, request: Request, settings: ProviderSettings) -> httpx.Request:
        """Return an HTTP request.

        Raises:
            InvalidRequestError: no URL can be made of it.
            InvalidResponseError: it follows a link to another host, or in plain text.
        """
        url = str(request.path) if "://" in request.path else self._base + request.path
        if request.anonymous:
            self._check_anonymous(url)
        elif _origin(url) not in self.origins:
            # Every request carries credentials, so a response must not choose the host.
            raise InvalidResponseError(
                "The vendor's response points to another host, which is not followed",
                hint="Check `base_url`; if it is right, report this to the vendor.",
            )
        content: bytes | None = None
        if request.form is not None:
            content = str(httpx.QueryParams(list(request.form))).encode()
        allowed = max(settings.timeout, request.timeout)
        timeout = httpx.Timeout(allowed, connect=settings.connect_timeout)
        # Not by a client's build_request: it would merge headers, URLs and cookies anew each time.
        try:
            built = httpx.Request(
                request.method,
                url,
                # Given even an empty sequence, httpx drops the query that a paging link carries.
                params=list(request.params) or None,
                headers=self._anonymous if request.anonymous else self._headers,
                json=request.json,
                content=content,
                extensions={"timeout": timeout.as_dict()},
            )
        except httpx.InvalidURL as error:
            what = "the vendor's link" if request.anonymous else f"this request: {error}"
            raise InvalidRequestError(
                f"No URL can be made of {what}", hint="Check the id."
            ) from None
        if content is not None:
            built.headers["Content-Type"] = "application/x-www-form-urlencoded"
        built.headers.update(request.headers)
        return built

    def _check_anonymous(self, url: str) -> None:
        """Raise unless a URL that a vendor made leads to a host that it may lead to."""
        try:
            followed = is_loopback(self._base) if is_loopback(url) else url.startswith("https://")
        except ValueError:  # no URL at all
            followed = False
        if not followed:
            raise InvalidResponseError(
                "The vendor's link is no https URL, or leads to this machine: it is not followed",
                hint="Report this to the vendor.",
            )

    @staticmethod
    def origin(url: httpx.URL) -> httpcore.Origin:
        """Return the origin of a URL, as httpcore has it."""
        port = url.port or (443 if url.scheme == "https" else 80)
        return httpcore.Origin(url.raw_scheme, url.raw_host, port)


def _origin(url: str) -> Origin:
    parts = urlsplit(url)
    return parts.scheme, parts.hostname, parts.port or {"http": 80, "https": 443}.get(parts.scheme)
