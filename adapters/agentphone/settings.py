"""The settings of a connection to AgentPhone."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr

from telephony.settings import Env, ProviderSettings


class AgentPhoneSettings(ProviderSettings):
    """Settings of an AgentPhone connection.

    Attributes:
        base_url: without ``/v1``, which the paths bring.
        api_key: ``sk_live_…``. There are no test keys: every purchase, text and call is billed.
        sub_account_id: the sub-account to work in. Sent as ``X-Sub-Account-Id`` with every
            request, although the vendor declares it for some only: what it does with it elsewhere
            (one number, its messages, attaching, sending) is undocumented.
        webhook_secret: ``whsec_…``, what its webhooks are signed with. Every change of the webhook
            issues a new one: see the `secret` of set_webhook() and get_webhook().
    """

    account: ClassVar[tuple[str, ...]] = ("api_key",)

    base_url: str = "https://api.agentphone.ai"
    api_key: Annotated[SecretStr, Env("AGENTPHONE_API_KEY")]
    sub_account_id: str | None = Field(
        default=None, pattern=r"^[!-~]+$", description="the id without spaces"
    )
    webhook_secret: SecretStr | None = None
