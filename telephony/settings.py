"""The settings that every provider has. Each adapter adds its own."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator, model_validator

from telephony.numbers import is_e164, is_region, normalized

_URL = "write a whole URL, such as https://api.example.com"
_COUNTRY = "the ISO 3166 code of a country, such as US"
_PROXIES = frozenset({"http", "https", "socks5", "socks5h"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def is_loopback(url: str) -> bool:
    return urlsplit(url).hostname in _LOOPBACK


def is_blank(value: object) -> bool:
    """Return whether a value counts as not set: CI passes a missing secret as an empty text."""
    text = value.get_secret_value() if isinstance(value, SecretStr) else value
    return isinstance(text, str) and not text.strip()


@dataclass(frozen=True, slots=True)
class HttpEvent:
    """One HTTP attempt, as hooks see it.

    Attributes:
        provider: the configured name.
        operation: such as ``assign_number``.
        path: without query; telephone numbers in it are replaced. Of a link that is a secret
            itself, such as that of a recording, only the host.
        attempt: 1 for the first.
        status: the HTTP status; None before the response, and when there was none.
        elapsed: seconds, once there is a response or a failure.
        request_id: the vendor's.
        failure: the name of the error without a response, or before another attempt.
        wait: seconds until that attempt.
    """

    provider: str
    operation: str
    method: str
    path: str
    attempt: int
    status: int | None = None
    elapsed: float | None = None
    request_id: str | None = None
    failure: str | None = None
    wait: float | None = None


Hook: TypeAlias = Callable[[HttpEvent], object]


@dataclass(frozen=True)
class Env:
    """Marks a setting that the vendor's own tools read from this environment variable."""

    name: str


class ProviderSettings(BaseModel):
    """Settings that every vendor has. Times are in seconds. A blank text is an absent setting.

    An adapter's settings also declare:

    - ``account``: the settings that say which account is used. Once one of them is given, neither
      the others nor any secret are taken from the vendor's own environment variables.
    - ``hosts``: the vendor's own hosts besides that of the default `base_url`; ``*.`` stands for
      any subdomain. A configuration file found in the working directory may choose no other.

    Attributes:
        base_url: where the vendor's API is; change it for a proxy or the sandbox.
        timeout: how long to wait for data of a response.
        connect_timeout: how long to wait for a connection.
        deadline: the most one operation may take, its retries and pages included, but not what
            the caller does between the items of a listing; None, or ``inf``: no limit.
        retries: how often a request that can be retried is retried.
        backoff: the first wait between attempts; doubles, with full jitter.
        backoff_max: the longest wait between attempts.
        retry_after_max: the longest wait that a vendor may request; beyond it the error is raised.
        retry_budget: retries per request in the long run, 0 to 1; the first ten are always allowed.
        requests_per_second: the most requests sent in any second by all users of the connection;
            None: no limit until the vendor responds with 429. Lowered by a 429, then recovers.
        max_concurrency: the most requests in flight at once, in asyncio for each event loop;
            further ones wait.
        protected: numbers (E.164) that `release_number` refuses to release; true: all.
        on_request, on_response, on_retry: called with an `HttpEvent`; may be async functions
            with `connect_async`. What they raise is logged and does not affect the operation.
        number_region: ISO 3166 code of the country whose national notation is accepted for numbers.
        allow_insecure_http: the one host besides loopback that plain http is allowed to.
        proxy: the proxy for all requests, such as ``http://user:password@host:3128``; without
            it, HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY apply.
        verify: a file or folder of certificates (PEM) to trust instead of certifi's, or those that
            SSL_CERT_FILE or SSL_CERT_DIR names; false trusts any server, on loopback only.
        client_certificate: a file (PEM) of a certificate and its key, for mutual TLS.
    """

    model_config: ClassVar[ConfigDict] = ConfigDict(
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        defer_build=True,
        allow_inf_nan=False,
    )

    account: ClassVar[tuple[str, ...]] = ()
    hosts: ClassVar[tuple[str, ...]] = ()

    base_url: str
    timeout: float = Field(default=30.0, gt=0)
    connect_timeout: float = Field(default=5.0, gt=0)
    deadline: float | None = Field(default=120.0, gt=0, allow_inf_nan=True)
    retries: int = Field(default=2, ge=0, le=10)
    backoff: float = Field(default=0.5, ge=0)
    backoff_max: float = Field(default=8.0, ge=0)
    retry_after_max: float = Field(default=60.0, ge=0)
    retry_budget: float = Field(default=0.2, ge=0, le=1)
    requests_per_second: float | None = Field(default=None, gt=0)
    max_concurrency: int = Field(default=100, ge=1)
    protected: bool | tuple[str, ...] = Field(
        default=False, description="true, false, or a list of numbers in E.164 form"
    )
    on_request: Hook | None = Field(default=None, repr=False)
    on_response: Hook | None = Field(default=None, repr=False)
    on_retry: Hook | None = Field(default=None, repr=False)
    number_region: Annotated[str | None, Field(description=_COUNTRY)] = None
    allow_insecure_http: str | None = None
    proxy: SecretStr | None = None
    verify: bool | Path = True
    client_certificate: Path | None = None

    @property
    def account_id(self) -> str:
        """Which account this is: the same text for the same one, without a secret in it.

        A digest of the settings that `account` names; an adapter returns the vendor's own id of the
        account where a setting holds it.
        """
        named = [self.base_url, *(getattr(self, setting) for setting in self.account)]
        texts = (
            value.get_secret_value() if isinstance(value, SecretStr) else str(value)
            for value in named
        )
        return sha256("\n".join(texts).encode()).hexdigest()[:16]

    @model_validator(mode="before")
    @classmethod
    def _without_blanks(cls, given: object) -> object:
        if not isinstance(given, Mapping):
            return given
        return {name: value for name, value in given.items() if not is_blank(value)}

    @field_validator("base_url")
    @classmethod
    def _trim(cls, value: str) -> str:
        try:
            parts = urlsplit(value)
            port = parts.port
            (parts.hostname or "").encode("idna")
        except ValueError:  # also what `encode` raises
            raise ValueError(_URL) from None
        whole = parts.scheme in {"http", "https"} and parts.hostname and port != 0
        if not whole or re.search(r"[\s\\\x00-\x1f\x7f]", value):
            raise ValueError(_URL)
        if "@" in parts.netloc or parts.query or parts.fragment:
            raise ValueError("write it without credentials, query or fragment")
        return value.rstrip("/")

    @field_validator("protected")
    @classmethod
    def _e164(cls, value: bool | tuple[str, ...]) -> bool | tuple[str, ...]:
        if not isinstance(value, tuple):
            return value
        # Spaces or not, it must be the very number: one that never matches would protect nothing.
        numbers = tuple(map(normalized, value))
        if not all(map(is_e164, numbers)):
            raise ValueError("write the numbers in E.164 form, such as +14155550123")
        return numbers

    @field_validator("deadline", mode="before")
    @classmethod
    def _unlimited(cls, value: object) -> object:
        # TOML and the environment have no null.
        return None if value in (float("inf"), "inf") else value

    @field_validator("proxy")
    @classmethod
    def _address(cls, value: SecretStr | None) -> SecretStr | None:
        parts = urlsplit(value.get_secret_value()) if value else None
        if parts and (parts.scheme not in _PROXIES or not parts.hostname):
            raise ValueError("write a whole URL, such as http://proxy.example.com:3128")
        return value

    @field_validator("verify", "client_certificate")
    @classmethod
    def _expanded(cls, value: bool | Path | None) -> bool | Path | None:
        return value.expanduser() if isinstance(value, Path) else value

    @field_validator("number_region")
    @classmethod
    def _region(cls, value: str | None) -> str | None:
        if value is not None and not is_region(value):
            raise ValueError(f"write {_COUNTRY}")
        return value

    @model_validator(mode="after")
    def _secure(self) -> ProviderSettings:
        parts = urlsplit(self.base_url)
        if (
            parts.scheme == "http"
            and not is_loopback(self.base_url)
            and parts.hostname != self.allow_insecure_http
        ):
            raise ValueError(
                "base_url sends credentials over plain http: use https, or name the host in "
                "allow_insecure_http"
            )
        if self.verify is False and not is_loopback(self.base_url):
            raise ValueError(
                "verify = false would show the credentials to any server: name the file of "
                "certificates to trust instead"
            )
        return self
