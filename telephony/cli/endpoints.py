"""``telephony webhooks get`` and ``set``: where a vendor sends its webhooks."""

from __future__ import annotations

from functools import partial
from typing import Annotated

import typer

from telephony import WebhookEndpoint
from telephony.cli.changes import carry_out
from telephony.cli.examples import examples
from telephony.cli.options import (
    JsonOption,
    OptionOption,
    ProviderOption,
    connect,
    vendor_options,
)
from telephony.cli.output import document, facts, note, say

GET_EXAMPLES = examples(
    "telephony webhooks get",
    "telephony webhooks get --of +14155550123 --provider twilio",
    "telephony webhooks get --show-secret --json",
)
SET_EXAMPLES = examples(
    "telephony webhooks set https://example.com/webhooks/agentphone",
    "telephony webhooks set https://example.com/hooks --replace --show-secret",
    "telephony webhooks set https://example.com/hooks --of +14155550123 -p twilio",
)

OfOption = Annotated[
    str | None,
    typer.Option(
        metavar="NUMBER",
        help="Whose webhook: a number, or the vendor's id; default: the account's.",
    ),
]
SecretOption = Annotated[
    bool, typer.Option("--show-secret", help="Print the secret that its webhooks are signed with.")
]


def get(
    of: OfOption = None,
    profile: ProviderOption = None,
    show_secret: SecretOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show where the vendor sends its webhooks."""
    with connect(profile) as provider:
        found = provider.get_webhook(of)
    if found is not None:
        _print(found, show_secret, as_json)
    elif as_json:
        document({"webhook": None})
    else:
        note("No webhook is set: see `telephony webhooks set --help`.")


def set_(
    url: Annotated[str, typer.Argument(metavar="URL", help="An https URL.")],
    of: OfOption = None,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite a different URL.")] = False,
    profile: ProviderOption = None,
    option: OptionOption = None,
    show_secret: SecretOption = False,
    as_json: JsonOption = False,
) -> None:
    """Set where the vendor sends its webhooks. The secret may change."""
    fields = vendor_options(option)
    with connect(profile) as provider:
        change = partial(provider.set_webhook, url, of=of, replace=replace, options=fields)
        done = carry_out(provider, change)
        if not as_json:
            say(f"Set the webhook at {provider.name}.")
        _print(done, show_secret, as_json)
        if done.secret and not as_json:
            note(f"Set the secret as webhook_secret of {provider.name}: it verifies the webhooks.")


def _print(webhook: WebhookEndpoint, show_secret: bool, as_json: bool) -> None:
    secret = webhook.secret.get_secret_value() if webhook.secret and show_secret else None
    if as_json:
        shown = webhook.model_dump(mode="json")
        document({**shown, "secret": secret} if secret else shown)
        return
    hidden = "not shown: add --show-secret" if webhook.secret else None
    facts(
        [
            ("url", webhook.url),
            ("id", webhook.id),
            ("of", webhook.of),
            ("secret", secret or hidden),
            ("previously", webhook.previous.url if webhook.previous else None),
        ]
    )
