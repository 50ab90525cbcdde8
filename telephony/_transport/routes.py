"""Open connections through proxies and with certificates, from settings or the environment."""

from __future__ import annotations

import functools
import importlib
import ssl
from collections.abc import Container
from pathlib import Path
from typing import TypeAlias
from urllib.request import getproxies, proxy_bypass

import httpcore
import httpx

from telephony._transport.network import AsyncNetwork, Network
from telephony.errors import ConfigurationError
from telephony.settings import ProviderSettings

# Seconds that a connection is kept for the next request, as httpx keeps it.
_KEPT = 5.0

Origin: TypeAlias = tuple[str, str | None, int | None]
"""Scheme, host and port."""
Connection: TypeAlias = httpcore.HTTPConnection | httpcore.ConnectionPool
AsyncConnection: TypeAlias = httpcore.AsyncHTTPConnection | httpcore.AsyncConnectionPool


class Routes:
    """Opens the connections of one provider.

    Args:
        ours: the origins that get the client certificate; others are always verified, too.
    """

    def __init__(self, settings: ProviderSettings, ours: Container[Origin]) -> None:
        self._ours = ours
        self._proxy = settings.proxy.get_secret_value() if settings.proxy else None
        self._trust = settings.verify, settings.client_certificate
        if settings.verify is not True or settings.client_certificate is not None:
            _tls(*self._trust)  # raise now for what cannot be used

    def open(self, origin: httpcore.Origin, network: Network) -> Connection:
        proxy, tls = self._proxy_for(origin), self._tls(origin)
        if proxy is None:
            return httpcore.HTTPConnection(origin, tls, _KEPT, network_backend=network)
        if _is_socks(proxy):
            return httpcore.SOCKSProxy(
                _url(proxy), proxy.raw_auth, tls, 1, keepalive_expiry=_KEPT, network_backend=network
            )
        return httpcore.HTTPProxy(
            _url(proxy),
            proxy.raw_auth,
            ssl_context=tls,
            proxy_ssl_context=_tls(*self._trust) if proxy.url.scheme == "https" else None,
            max_connections=1,
            keepalive_expiry=_KEPT,
            network_backend=network,
        )

    def aopen(self, origin: httpcore.Origin, network: AsyncNetwork) -> AsyncConnection:
        proxy, tls = self._proxy_for(origin), self._tls(origin)
        if proxy is None:
            return httpcore.AsyncHTTPConnection(origin, tls, _KEPT, network_backend=network)
        if _is_socks(proxy):
            return httpcore.AsyncSOCKSProxy(
                _url(proxy), proxy.raw_auth, tls, 1, keepalive_expiry=_KEPT, network_backend=network
            )
        return httpcore.AsyncHTTPProxy(
            _url(proxy),
            proxy.raw_auth,
            ssl_context=tls,
            proxy_ssl_context=_tls(*self._trust) if proxy.url.scheme == "https" else None,
            max_connections=1,
            keepalive_expiry=_KEPT,
            network_backend=network,
        )

    def _tls(self, origin: httpcore.Origin) -> ssl.SSLContext | None:
        if origin.scheme != b"https":
            return None
        if (origin.scheme.decode(), origin.host.decode(), origin.port) in self._ours:
            return _tls(*self._trust)
        return _tls(self._trust[0] or True, None)

    def _proxy_for(self, origin: httpcore.Origin) -> httpx.Proxy | None:
        address, named = self._proxy, "The setting `proxy`"
        if address is None:
            known, scheme = getproxies(), origin.scheme.decode()
            address = known.get(scheme) or known.get("all")
            named = "HTTP_PROXY, HTTPS_PROXY or ALL_PROXY"
            if not address or proxy_bypass(f"{origin.host.decode()}:{origin.port}"):
                return None
        try:
            proxy = httpx.Proxy(address if "://" in address else f"http://{address}")
            if _is_socks(proxy):
                importlib.import_module("socksio")  # httpcore needs it
        except (ValueError, ImportError, httpx.InvalidURL) as unusable:
            # Without the original message: it shows the address, which may hold a password.
            raise ConfigurationError(
                f"{named} names a proxy that cannot be used ({type(unusable).__name__}). "
                "Write http://host:port; for socks5://host:port, install the package socksio."
            ) from None
        return proxy


def _is_socks(proxy: httpx.Proxy) -> bool:
    return proxy.url.scheme in {"socks5", "socks5h"}


def _url(proxy: httpx.Proxy) -> httpcore.URL:
    url = proxy.url
    return httpcore.URL(
        scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path
    )


@functools.cache
def _tls(verify: bool | Path, certificate: Path | None) -> ssl.SSLContext:
    # Reading the certificate store costs tens of milliseconds; every connection can share it.
    setting = "verify"
    try:
        if isinstance(verify, Path):
            folder = verify.is_dir()
            context = ssl.create_default_context(
                capath=verify if folder else None, cafile=None if folder else verify
            )
        else:
            context = httpx.create_ssl_context(verify)
        if certificate is not None:
            setting = "client_certificate"
            context.load_cert_chain(certificate)
    except OSError as error:
        raise ConfigurationError(
            f"`{setting}` cannot be used: {error.strerror or error}. Name a readable file of PEM "
            "certificates; that of a client certificate holds its key too."
        ) from error
    return context
