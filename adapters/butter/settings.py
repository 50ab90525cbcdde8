"""The settings of a connection to Butter AI."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from telephony.settings import Env, ProviderSettings


class ButterSettings(ProviderSettings):
    """Settings of a Butter AI connection.

    Attributes:
        api_key: ``bk_live_…``; its role must be `admin` or `agent_manager` to change anything.
        organization_id: the ``X-Organization-Id`` header; the organization that the key belongs to.
        requests_per_second: what the plan allows: 10 on Starter, 50 on Pro.
    """

    account: ClassVar[tuple[str, ...]] = ("api_key", "organization_id")

    base_url: str = "https://api.getbutter.ai"
    api_key: Annotated[SecretStr, Env("BUTTER_API_KEY")]
    organization_id: Annotated[str, Env("BUTTER_ORGANIZATION_ID")]
    requests_per_second: float = Field(default=10.0, gt=0)

    @property
    def account_id(self) -> str:
        """The organization: it may have several keys."""
        return self.organization_id
