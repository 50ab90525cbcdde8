"""The settings of a connection to Retell AI."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import SecretStr

from telephony.settings import Env, ProviderSettings


class RetellSettings(ProviderSettings):
    """Settings of a Retell AI connection.

    Attributes:
        base_url: without a version, which the paths bring.
        api_key: ``key_…``.
        webhook_secret: the API key that signs webhooks, the one with the webhook badge in the
            dashboard; default: `api_key`.
    """

    account: ClassVar[tuple[str, ...]] = ("api_key",)

    base_url: str = "https://api.retellai.com"
    api_key: Annotated[SecretStr, Env("RETELL_API_KEY")]
    webhook_secret: SecretStr | None = None
