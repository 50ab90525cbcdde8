"""The stage of ``telephony fleet demo``: forty numbers at Twilio, answered at Cartesia."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

import telephony
from telephony import Agent, ConfigurationError, LinkedCarrier, Trunk, TwilioAccount

if TYPE_CHECKING:
    from telephony.sandbox import Sandbox

PROFILES: Mapping[str, str] = {"carrier": "twilio", "support": "cartesia", "rooms": "livekit"}
NUMBERS: tuple[str, ...] = tuple(f"+14155550{place}" for place in range(100, 140))
_LIVEKIT = "sip:acme.sip.livekit.cloud"


def prepare(sandbox: Sandbox, folder: Path, numbers: Iterable[str] = NUMBERS) -> None:
    """Buy numbers, let Cartesia answer them, and write a telephony.toml of the sandbox.

    Raises:
        ConfigurationError: there is such a file already, or it cannot be written.
    """
    settings = {profile: sandbox.settings(vendor) for profile, vendor in PROFILES.items()}
    account = settings["carrier"]
    lines = []
    for profile, vendor in PROFILES.items():
        lines += [f"[providers.{profile}]", f'adapter = "{vendor}"']
        lines += [f"{name} = {json.dumps(value)}" for name, value in settings[profile].items()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / "telephony.toml").open("x", encoding="utf-8") as file:
            file.write("\n".join([*lines, ""]))
    except OSError as error:
        raise ConfigurationError(
            f"{error.filename} cannot be written: {error.strerror}. Name a new folder."
        ) from error
    with (
        telephony.connect("carrier", adapter="twilio", settings=account) as carrier,
        telephony.connect("support", adapter="cartesia", settings=settings["support"]) as support,
    ):
        trunk = next(one for one in carrier.list_targets() if isinstance(one, Trunk))
        httpx.post(
            f"{account['base_url']}/v1/Trunks/{trunk.id}/OriginationUrls",
            auth=(account["account_sid"], account["auth_token"]),
            data={
                "FriendlyName": "LiveKit",
                "SipUrl": _LIVEKIT,
                "Priority": "1",
                "Weight": "1",
                "Enabled": "true",
            },
        ).raise_for_status()
        linked = support.link_carrier(
            TwilioAccount(
                account["account_sid"],
                api_key_sid=account["api_key_sid"],
                api_key_secret=account["api_key_secret"],
            )
        )
        for place, number in enumerate(numbers, 1):
            carrier.provision_number(number=number, label=f"Desk {place}")
            support.import_number(
                number, source=LinkedCarrier(linked.id or ""), assign_to=Agent("agent_reception")
            )
