"""The settings of a connection to ElevenLabs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import SecretStr

from telephony.settings import Env, ProviderSettings

_REGIONS: Mapping[str | None, str] = {
    "us": "api.us.elevenlabs.io",
    "eu": "api.eu.residency.elevenlabs.io",
    "in": "api.in.residency.elevenlabs.io",
    "sg": "api.sg.residency.elevenlabs.io",
}


class ElevenLabsSettings(ProviderSettings):
    """Settings of an ElevenLabs connection.

    Attributes:
        base_url: overrides `region`.
        api_key: ``sk_…``, of a workspace admin if webhooks are to be set.
        region: where the workspace keeps its data: ``eu``, ``in`` or ``sg``; ``us`` is the host
            in the United States. Default: the global host.
        webhook_secret: what its webhooks are signed with: the `secret` of what `set_webhook`
            returned, which ElevenLabs shows only then.
    """

    account: ClassVar[tuple[str, ...]] = ("api_key",)
    hosts: ClassVar[tuple[str, ...]] = tuple(_REGIONS.values())

    base_url: str = "https://api.elevenlabs.io"
    api_key: Annotated[SecretStr, Env("ELEVENLABS_API_KEY")]
    region: Literal["us", "eu", "in", "sg"] | None = None
    webhook_secret: SecretStr | None = None

    @property
    def api(self) -> str:
        """The URL of the API."""
        if "base_url" in self.model_fields_set or self.region is None:
            return self.base_url
        return f"https://{_REGIONS[self.region]}"
