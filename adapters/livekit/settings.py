"""The settings of a connection to LiveKit."""

from __future__ import annotations

from typing import Annotated, ClassVar
from urllib.parse import urlsplit

from pydantic import SecretStr, field_validator

from telephony.settings import Env, ProviderSettings


class LiveKitSettings(ProviderSettings):
    """Settings of a LiveKit connection.

    Attributes:
        base_url: the project's or the server's URL, as LiveKit's own tools take it; ``ws`` and
            ``wss`` are read as ``http`` and ``https``.
        api_key: ``API…``; it names the secret and is none itself.
        api_secret: signs a token for every request, and is never sent.
        phone_numbers: whether to use LiveKit Phone Numbers, which only LiveKit Cloud has. None: on
            when the host ends with ``.livekit.cloud``.
    """

    # The URL is that of a project, and keys belong to one project.
    account: ClassVar[tuple[str, ...]] = ("base_url", "api_key", "api_secret")
    hosts: ClassVar[tuple[str, ...]] = ("*.livekit.cloud",)

    base_url: Annotated[str, Env("LIVEKIT_URL")]
    api_key: Annotated[str, Env("LIVEKIT_API_KEY")]
    api_secret: Annotated[SecretStr, Env("LIVEKIT_API_SECRET")]
    phone_numbers: bool | None = None

    @field_validator("base_url", mode="before")
    @classmethod
    def _http(cls, value: object) -> object:
        if isinstance(value, str) and value.startswith(("ws://", "wss://")):
            return value.replace("ws", "http", 1)
        return value

    @property
    def account_id(self) -> str:
        """The project's host: a project may have several keys."""
        return urlsplit(self.base_url).netloc

    @property
    def sells_numbers(self) -> bool:
        """Whether LiveKit Phone Numbers can be bought."""
        if self.phone_numbers is None:
            return (urlsplit(self.base_url).hostname or "").endswith(".livekit.cloud")
        return self.phone_numbers
