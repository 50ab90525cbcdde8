"""Carrier accounts: "credentials" in Vapi's words, which keeps others than carriers' there too.

The routes have left the published API, but the official guides still use them.
Source: docs.vapi.ai/advanced/sip; the API reference of December 2024.
"""

from __future__ import annotations

from ipaddress import ip_address, ip_network

from pydantic import SecretStr

from telephony.errors import ConflictError, InvalidRequestError, NotFoundError
from telephony.model import (
    CarrierAccount,
    CarrierCredentials,
    LinkedCarrier,
    SipTrunk,
    TelnyxAccount,
    VonageAccount,
)
from telephony.raw import parsed
from telephony.reading import Id, read
from telephony.redaction import revealed
from telephony.wire import (
    Json,
    Listing,
    Operation,
    Options,
    Request,
    Response,
    collect,
    deleted,
    first,
    merged,
    path,
)

from . import bodies, lookup, paging, secrets

ROUTE = "/credential"
# In the words of the model.
_KINDS = {
    "byo-sip-trunk": "sip_trunk",
    "twilio": "twilio",
    "vonage": "vonage",
    "telnyx": "telnyx",
}
_NUMBERS = {"sip_trunk": "byo-phone-number", "vonage": "vonage", "telnyx": "telnyx"}


class Credential(paging.Row, kw_only=True, rename="camel"):
    """What a provider of any kind is reached with."""

    id: Id
    provider: str | None = None
    name: str | None = None
    account_sid: str | None = None
    api_key: str | None = None

    def normalized(self, provider: str, raw: Json) -> CarrierAccount:
        # Vonage's key names the account; elsewhere it is the secret itself.
        account = self.api_key if self.provider == "vonage" else self.account_sid
        return CarrierAccount(
            id=self.id,
            provider=provider,
            kind=_KINDS.get(self.provider or "", self.provider or "unknown"),
            label=self.name,
            account=account or None,
            raw=secrets.removed(raw),
        )


def listed(provider: str) -> Listing[CarrierAccount]:
    """List the carriers, without the credentials of models, voices and tools."""

    def made(row: Credential, raw: bytes) -> CarrierAccount | None:
        value = parsed(raw)
        if row.provider not in _KINDS or not isinstance(value, dict):
            return None
        return row.normalized(provider, value)

    return paging.by_time(ROUTE, Credential, made)


def link(
    account: CarrierCredentials, label: str | None, provider: str, options: Options
) -> Operation[CarrierAccount]:
    """Link once. Nothing in a link is unique, so after a lost response it stays unknown."""
    name = label or (account.name or account.address if isinstance(account, SipTrunk) else None)
    body = bodies.named(merged({**credentials(account), "name": name}, options), None)
    return _account((yield Request.post(ROUTE, body)), provider)


def rotate(
    carrier: str, given: CarrierCredentials, provider: str, options: Options
) -> Operation[CarrierAccount]:
    """Replace the credentials; of a SIP trunk its gateways too, all at once."""
    found = yield from get(carrier, provider)
    body = credentials(given)
    if isinstance(given, SipTrunk):
        body["name"] = given.name
    kind = _KINDS.get(str(body["provider"]))
    if kind != found.kind:
        raise InvalidRequestError(
            f"The linked account is of the kind {found.kind}.",
            argument="credentials",
            hint="Give credentials of that kind, or link another account with link_carrier().",
        )
    response = yield Request.patch(
        path(f"{ROUTE}/{{}}", carrier), bodies.named(merged(body, options), None)
    )
    return _account(response, provider)


def unlink(carrier: str, provider: str, options: Options) -> Operation[CarrierAccount]:
    """Remove a linked account that no number comes from: what would become of one is unknown."""
    found = yield from get(carrier, provider)
    listing = paging.numbers(provider)
    used = yield from first(listing, lambda n: n.carrier is not None and n.carrier.id == carrier)
    if used is not None:
        raise ConflictError(
            "Numbers come from this carrier account",
            hint="Release the numbers that were imported from it first.",
        )
    yield from deleted(Request.delete(path(f"{ROUTE}/{{}}", carrier), json=dict(options)))
    return found


def get(carrier: str, provider: str) -> Operation[CarrierAccount]:
    """Return a linked carrier; the credentials of anything else are none."""
    found = _account((yield from lookup.fetched(f"{ROUTE}/{{}}", carrier)), provider)
    if found.kind not in _KINDS.values():
        raise NotFoundError("Vapi has credentials with this id, but not of a carrier")
    return found


def _account(response: Response, provider: str) -> CarrierAccount:
    found = read(Credential, response.content, response)
    return found.normalized(provider, response.object())


def only(provider: str) -> Operation[LinkedCarrier]:
    """Return the linked account if there is exactly one that numbers can come from."""
    linked = yield from collect(listed(provider))
    ids = [found.id for found in linked if found.id and found.kind in _NUMBERS]
    if len(ids) == 1:
        return LinkedCarrier(ids[0])
    raise InvalidRequestError(
        f"{len(ids) or 'No'} carrier accounts are linked, and none is named.",
        argument="source",
        hint="Give source=LinkedCarrier(id) with an id of list_carriers(), or TwilioAccount(…).",
    )


def number_kind(linked: CarrierAccount) -> str:
    """Return the kind of number that comes from a linked account, in Vapi's words."""
    if linked.kind in _NUMBERS:
        return _NUMBERS[linked.kind]
    raise InvalidRequestError(
        f"Vapi imports no numbers through a linked account of the kind {linked.kind}.",
        argument="source",
        hint="Give TwilioAccount(…) with its credentials: Vapi keeps them with the number.",
    )


# --- What is sent --------------------------------------------------------------------------------


def credentials(account: CarrierCredentials) -> Json:
    """Return the credentials of an account to link."""
    if isinstance(account, VonageAccount):
        return {
            "provider": "vonage",
            "apiKey": account.api_key,
            "apiSecret": revealed(account.api_secret),
        }
    if isinstance(account, TelnyxAccount):
        return {"provider": "telnyx", "apiKey": revealed(account.api_key)}
    if isinstance(account, SipTrunk):
        return {"provider": "byo-sip-trunk", **_trunk(account)}
    raise TypeError(f"not a carrier at Vapi: {type(account).__name__}")


def _trunk(trunk: SipTrunk) -> Json:
    """Return a SIP trunk: gateways that are called, and gateways that may call."""
    if (
        trunk.inbound_username is not None
        or trunk.inbound_password is not None
        or trunk.pin is not None
        or trunk.allowed_numbers
        or trunk.destination_country is not None
    ):
        raise _wrong(
            "At Vapi only addresses may be allowed to call in.",
            "Give `allowed_addresses`, and leave the inbound login, `pin`, `allowed_numbers` and "
            "`destination_country` out.",
        )
    gateways = [*_outbound(trunk), *map(_inbound, trunk.allowed_addresses)]
    if not gateways:
        raise _wrong(
            "The SIP trunk would neither place nor receive calls.",
            "Give an `address` to place them, and `allowed_addresses` to receive them.",
        )
    body: Json = {"gateways": [*gateways]}
    if trunk.username is not None or trunk.password is not None:
        body["outboundAuthenticationPlan"] = _login(trunk.username, trunk.password)
    return body


def _outbound(trunk: SipTrunk) -> list[Json]:
    if trunk.address is None:
        return []
    host, _, port = trunk.address.rpartition(":")
    if not (host and port.isdecimal()):
        host, port = trunk.address, ""
    encrypted = trunk.media_encryption == "required"
    if trunk.media_encryption == "allowed" or (encrypted and trunk.transport not in (None, "tls")):
        raise _wrong(
            "Vapi encrypts all media of a gateway, over tls, or none.",
            "Give media_encryption='required' with transport='tls', or 'disabled'.",
        )
    gateway: Json = {"ip": host, "inboundEnabled": _calls_in(host, trunk)}
    if port:
        gateway["port"] = int(port)
    if encrypted or trunk.transport:
        gateway["outboundProtocol"] = "tls/srtp" if encrypted else trunk.transport
    return [gateway]


def _calls_in(host: str, trunk: SipTrunk) -> bool:
    """Return whether the gateway may call too; Vapi accepts a host name only if it does not."""
    try:
        ip_address(host)
    except ValueError:
        return False
    return not trunk.allowed_addresses


def _inbound(address: str) -> Json:
    try:
        network = ip_network(address)
    except ValueError:
        raise _wrong("An allowed address is no IP address or network.", "Correct it.") from None
    if network.version != 4 or network.prefixlen < 24:
        raise _wrong(
            "Vapi lets networks of at most 256 addresses call in, IPv4.",
            "Give `allowed_addresses` as /24 to /32.",
        )
    whole: Json = {"netmask": network.prefixlen} if network.prefixlen < 32 else {}
    return {"ip": str(network.network_address), **whole, "outboundEnabled": False}


def _login(username: str | None, password: SecretStr | str | None) -> Json:
    if username is None or password is None:
        raise _wrong("The SIP trunk's login is incomplete.", "Give `username` and `password`.")
    return {"authUsername": username, "authPassword": revealed(password)}


def _wrong(message: str, hint: str) -> InvalidRequestError:
    return InvalidRequestError(message, argument="account", hint=hint)
