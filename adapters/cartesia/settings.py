"""The settings of a connection to Cartesia."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from telephony.settings import Env, ProviderSettings


class CartesiaSettings(ProviderSettings):
    """Settings of a Cartesia connection.

    Attributes:
        api_key: ``sk_car_…``; an admin key does not reach phone numbers.
        webhook_secret: what its webhooks carry, as it was given when the webhook was created.
        version: the ``Cartesia-Version`` header. From 2026-03-01 on errors are structured.
    """

    account: ClassVar[tuple[str, ...]] = ("api_key",)

    base_url: Annotated[str, Env("CARTESIA_BASE_URL")] = "https://api.cartesia.ai"
    api_key: Annotated[SecretStr, Env("CARTESIA_API_KEY")]
    webhook_secret: Annotated[SecretStr | None, Env("CARTESIA_WEBHOOK_SECRET")] = None
    version: str = Field(
        default="2026-03-01",
        pattern=r"^\d{4}-\d{2}-\d{2}$",
        description="a date, such as 2026-03-01",
    )
