"""The keywords of `telephony.connect`, for type checkers.

A test compares them with the settings of every adapter in this repository.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

from pydantic import SecretStr

from telephony.settings import Hook


class Settings(TypedDict, total=False):
    """Every setting of every adapter; None leaves a setting to the configuration.

    ``deadline=None`` is the exception: it removes the limit.
    """

    base_url: str | None
    timeout: float | None
    connect_timeout: float | None
    deadline: float | None
    retries: int | None
    backoff: float | None
    backoff_max: float | None
    retry_after_max: float | None
    retry_budget: float | None
    requests_per_second: float | None
    max_concurrency: int | None
    protected: bool | Sequence[str] | None
    on_request: Hook | None
    on_response: Hook | None
    on_retry: Hook | None
    number_region: str | None
    allow_insecure_http: str | None
    proxy: str | SecretStr | None
    verify: bool | str | Path | None
    client_certificate: str | Path | None

    account_sid: str | None
    api_key: str | SecretStr | None
    api_key_secret: str | SecretStr | None
    api_key_sid: str | None
    api_secret: str | SecretStr | None
    auth_account_sid: str | None
    auth_token: str | SecretStr | None
    edge: str | None
    organization_id: str | None
    phone_numbers: bool | None
    region: str | None
    sub_account_id: str | None
    version: str | None
    webhook_secret: str | SecretStr | None
    webhook_url: str | None
