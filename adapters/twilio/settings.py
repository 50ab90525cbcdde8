"""The settings of a connection to Twilio."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field, SecretStr, model_validator

from telephony.settings import Env, ProviderSettings

_HOST = "https://api.twilio.com"
_EDGES = {"us1": "ashburn", "ie1": "dublin", "au1": "sydney"}
_LABEL = r"^[a-z0-9-]+$"
_ACCOUNT = "AC and 32 hexadecimal digits"


class TwilioSettings(ProviderSettings):
    """Settings of a Twilio connection: an account, and an API key or an auth token to reach it.

    Attributes:
        base_url: overrides `region` and `edge`; every product of Twilio is requested below it.
        account_sid: ``AC…``, the account that holds the numbers.
        auth_token: of `account_sid`, or of `auth_account_sid`.
        api_key_sid: ``SK…``, with `api_key_secret`; goes before `auth_token` where both are given.
        auth_account_sid: whose token `auth_token` is, if not `account_sid`'s own: the main account
            reaches the numbers of its subaccounts. A Main key of the main account needs none.
        region: ``us1``, ``ie1`` or ``au1``; credentials belong to one region.
        edge: where requests enter Twilio's network; default: the region's own.
        webhook_url: the URL of its webhooks as configured at Twilio, without query, where a proxy
            changes scheme, host or path: Twilio signs it.
        webhook_secret: what webhooks are signed with, where that is not the `auth_token` of
            `account_sid`: a subaccount's own token, or the secret of a SharedKey.
    """

    account: ClassVar[tuple[str, ...]] = (
        "account_sid",
        "auth_token",
        "api_key_sid",
        "api_key_secret",
    )
    hosts: ClassVar[tuple[str, ...]] = ("*.twilio.com",)

    base_url: str = _HOST
    account_sid: Annotated[str, Env("TWILIO_ACCOUNT_SID")] = Field(
        pattern="^AC[0-9a-fA-F]{32}$", description=_ACCOUNT
    )
    auth_token: Annotated[SecretStr | None, Env("TWILIO_AUTH_TOKEN")] = None
    api_key_sid: Annotated[str | None, Env("TWILIO_API_KEY")] = Field(
        default=None, pattern="^SK[0-9a-fA-F]{32}$", description="SK and 32 hexadecimal digits"
    )
    api_key_secret: Annotated[SecretStr | None, Env("TWILIO_API_SECRET")] = None
    auth_account_sid: str | None = Field(
        default=None, pattern="^AC[0-9a-fA-F]{32}$", description=_ACCOUNT
    )
    region: Annotated[str | None, Env("TWILIO_REGION")] = Field(
        default=None, pattern=_LABEL, description="the name of a region, such as ie1"
    )
    edge: Annotated[str | None, Env("TWILIO_EDGE")] = Field(
        default=None, pattern=_LABEL, description="the name of an edge, such as dublin"
    )
    webhook_url: str | None = Field(
        default=None,
        pattern=r"^https?://[^?#]+$",
        description="a complete URL without query, such as https://example.com/webhooks/twilio",
    )
    webhook_secret: SecretStr | None = None

    @model_validator(mode="after")
    def _reachable(self) -> TwilioSettings:
        if (self.api_key_sid is None) != (self.api_key_secret is None):
            raise ValueError("`api_key_sid` and `api_key_secret` go together: give both")
        if self.api_key_sid is None and self.auth_token is None:
            raise ValueError(
                "credentials are missing: give `api_key_sid` and `api_key_secret`, or `auth_token` "
                "(TWILIO_API_KEY and TWILIO_API_SECRET, or TWILIO_AUTH_TOKEN)"
            )
        if self.region and not self.edge and self.region not in _EDGES:
            raise ValueError(f"name the `edge` too: that of region {self.region} is not known here")
        return self

    def host(self, product: str) -> str:
        """Return where one of Twilio's products is, ``trunking`` for example.

        With `base_url` all are below that. Source: twilio.com/docs/global-infrastructure.
        """
        if "base_url" in self.model_fields_set:
            return self.base_url
        if not (self.region or self.edge):
            return f"https://{product}.twilio.com"
        region = self.region or "us1"
        return f"https://{product}.{self.edge or _EDGES[region]}.{region}.twilio.com"

    @property
    def account_id(self) -> str:
        """``AC…``, by which other vendors name the account too."""
        return self.account_sid

    @property
    def login(self) -> tuple[str, str]:
        """The user and the password of HTTP Basic authentication, in clear text."""
        if self.api_key_sid is not None and self.api_key_secret is not None:
            return self.api_key_sid, self.api_key_secret.get_secret_value()
        token = self.auth_token.get_secret_value() if self.auth_token else ""
        return self.auth_account_sid or self.account_sid, token

    @property
    def signing_secret(self) -> SecretStr | None:
        """The secret of webhook signatures; a subaccount signs with its own token."""
        if self.webhook_secret is None and self.auth_account_sid in (None, self.account_sid):
            return self.auth_token
        return self.webhook_secret
