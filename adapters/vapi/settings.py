"""The settings of a connection to Vapi."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import SecretStr

from telephony.settings import Env, ProviderSettings

_US = "https://api.vapi.ai"
_EU = "https://api.eu.vapi.ai"


class VapiSettings(ProviderSettings):
    """Settings of a Vapi connection.

    Attributes:
        base_url: overrides `region`.
        api_key: the private key; the public one does not reach phone numbers.
        region: ``us`` or ``eu``, where the organization is hosted; default: ``us``.
        webhook_secret: what its webhooks are verified with: the secret of an HMAC credential, a
            bearer token, or what ``X-Vapi-Secret`` carries.
    """

    account: ClassVar[tuple[str, ...]] = ("api_key",)
    hosts: ClassVar[tuple[str, ...]] = ("api.eu.vapi.ai",)

    base_url: str = _US
    api_key: Annotated[SecretStr, Env("VAPI_API_KEY")]
    region: Literal["us", "eu"] | None = None
    webhook_secret: SecretStr | None = None

    @property
    def api(self) -> str:
        """The URL of the API."""
        if "base_url" in self.model_fields_set or self.region != "eu":
            return self.base_url
        return _EU
