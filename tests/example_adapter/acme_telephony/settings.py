"""What a connection to Acme can be configured with."""

from typing import Annotated, ClassVar

from pydantic import SecretStr

from telephony.settings import Env, ProviderSettings


class AcmeSettings(ProviderSettings):
    account: ClassVar[tuple[str, ...]] = ("api_key",)

    base_url: str = "https://api.acme.example/v1"
    api_key: Annotated[SecretStr, Env("ACME_API_KEY")]
