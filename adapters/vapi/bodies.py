"""Vapi's numbers, and the way from them into the unified model and back.

There are five kinds, named by `provider`; unset fields are missing.
Source: docs.vapi.ai, API reference of phone numbers; vapi-server-sdk 3.0.0.
"""

from __future__ import annotations

from msgspec import UNSET, Raw, UnsetType

from telephony import model
from telephony.capabilities import CarrierOutcome
from telephony.errors import InvalidRequestError
from telephony.idempotency import add_digest, split_digest
from telephony.raw import parsed
from telephony.reading import Body, Id, Rows, Time, moment, read, rows
from telephony.redaction import revealed
from telephony.wire import Json, Response

from . import assignment, secrets

LONGEST_NAME = 40
OWN = "vapi"
KINDS = {
    "twilio": "twilio",
    "vonage": "vonage",
    "telnyx": "telnyx",
    "byo-phone-number": "sip_trunk",
}
"""The carriers of numbers that are not Vapi's own, in the words of the model."""

_STATUSES = {
    "active": model.NumberStatus.ACTIVE,
    "activating": model.NumberStatus.PENDING,
    "blocked": model.NumberStatus.OFFLINE,
}
_TEXTS = (
    "Vapi answers its texts too, and has set its messaging URL at Twilio: with "
    "options={'smsEnabled': False} an import leaves texts where they are."
)
_PROFILE = "To place calls from it, give the number an outbound voice profile at Telnyx itself."
_ACTIVATING = (
    "Vapi is still activating the number, which takes minutes: calls fail until get_number() by "
    "its id says that it is active."
)


class _Server(Body):
    url: str | None = None


class Number(Body, kw_only=True, rename="camel"):
    """A number of any kind."""

    id: Id
    provider: str | None = None
    number: str | None = None
    sip_uri: str | None = None
    name: str | None = None
    status: str | None = None
    assistant_id: str | None = None
    squad_id: str | None = None
    workflow_id: str | None = None
    server: _Server | None = None
    twilio_account_sid: str | None = None
    credential_id: str | None = None
    sms_enabled: bool | None = None
    created_at: Time = None
    updated_at: Time = None

    def normalized(self, provider: str, raw: Json) -> model.PhoneNumber:
        label, mark = split_digest(self.name)
        return model.PhoneNumber(
            id=self.id,
            number=self.number or self.sip_uri or "",
            provider=provider,
            label=label,
            mark=mark,
            status=_STATUSES.get(self.status or "", model.NumberStatus.UNKNOWN),
            channels=frozenset({model.Channel.VOICE}),
            assignment=self._assignment(),
            carrier=self._carrier(provider),
            created_at=moment(self.created_at),
            updated_at=moment(self.updated_at),
            raw=raw,
        )

    def _assignment(self) -> model.Target | None:
        for field, found in zip(
            assignment.AGENTS, (self.assistant_id, self.squad_id, self.workflow_id), strict=True
        ):
            if found:
                return assignment.agent(field, found)
        url = self.server.url if self.server else None
        return model.Webhook(url) if url else None

    def _carrier(self, provider: str) -> model.CarrierAccount | None:
        kind = KINDS.get(self.provider or "", self.provider)
        if not kind:
            return None
        return model.CarrierAccount(
            id=self.credential_id or None,
            provider=provider,
            kind=kind,
            account=self.twilio_account_sid or None,
        )


class _Metadata(Body, rename="camel"):
    has_next_page: bool | UnsetType = UNSET
    total_pages: int | None = None


class _Page(Body):
    results: Rows = None
    metadata: _Metadata | None = None


class _Configured(Body):
    server: Raw = Raw(b"null")


def number(response: Response, provider: str) -> model.PhoneNumber:
    return read(Number, response.content, response).normalized(
        provider, secrets.removed(response.object())
    )


def created(response: Response, provider: str) -> model.PhoneNumber:
    """Return a number just bought or imported, with what the caller should know."""
    found = read(Number, response.content, response)
    notices: tuple[str, ...] = ()
    if found.status == "activating":
        notices = (_ACTIVATING,)
    elif found.provider == "twilio" and found.sms_enabled is not False:
        notices = (_TEXTS,)
    elif found.provider == "telnyx":
        notices = (_PROFILE,)
    made = found.normalized(provider, secrets.removed(response.object()))
    return made.model_copy(update={"notices": notices}) if notices else made


def number_page(
    response: Response, provider: str, page: int
) -> tuple[list[model.PhoneNumber], bool]:
    """Return the numbers of a page, and whether another one follows."""
    found = read(_Page, response.content, response)
    numbers = [
        row.normalized(provider, _object(raw)) for row, raw in rows(Number, found.results, response)
    ]
    about = found.metadata or _Metadata()
    pages = about.total_pages
    more = about.has_next_page is True or (about.has_next_page is UNSET and pages is not None)
    # An empty page is the last one, whatever it promises.
    return numbers, bool(found.results) and more and (pages is None or page < pages)


def server_of(response: Response) -> Json:
    """Return the server of a number with everything it is configured with, secrets included."""
    server = parsed(read(_Configured, response.content, response).server)
    return server if isinstance(server, dict) else {}


def _object(raw: bytes) -> Json:
    value = parsed(raw)
    return secrets.removed(value) if isinstance(value, dict) else {}


def named(body: Json, stored: str | None) -> Json:
    """Return a body whose name ends in the digest of the purchase's key, if there is one."""
    name = body.get("name")
    if isinstance(name, str) or (name is None and stored):
        whole = add_digest(name, stored)
        if len(whole or "") > LONGEST_NAME:
            room = LONGEST_NAME - len(add_digest("", stored) or "") - bool(stored)
            raise InvalidRequestError(
                f"The label is longer than {room} characters.",
                argument="label",
                hint="Shorten it."
                + (" The rest of Vapi's 40 holds the number's idempotency key." if stored else ""),
            )
        body["name"] = whole
    return body


def twilio(account: model.TwilioAccount) -> Json:
    """Return the source of a number of Twilio's: the account's credentials themselves."""
    if account.region not in (None, "us1"):
        raise InvalidRequestError(
            "Vapi reaches Twilio in its US region only.",
            argument="source",
            hint="Leave `region` out, with credentials of us1.",
        )
    body: Json = {"provider": "twilio", "twilioAccountSid": account.account_sid}
    if account.api_key_sid is not None and account.api_key_secret is not None:
        return body | {
            "twilioApiKey": account.api_key_sid,
            "twilioApiSecret": revealed(account.api_key_secret),
        }
    if account.auth_token is not None:
        return body | {"twilioAuthToken": revealed(account.auth_token)}
    raise InvalidRequestError(
        "Vapi keeps the Twilio account's credentials with the number.",
        argument="source",
        hint="Give TwilioAccount(…) an `auth_token`, or `api_key_sid` and `api_key_secret`.",
    )


def released(number: model.PhoneNumber) -> model.Release:
    """Return the result of a deletion, which depends on where the number came from."""
    kind = number.carrier.kind if number.carrier else None
    own, kept = kind == OWN, kind in KINDS.values()
    outcome = CarrierOutcome.KEPT if kept else CarrierOutcome.UNKNOWN
    notice = "Look whether its URLs at the carrier still point at Vapi: Vapi does not say."
    return model.Release(
        id=number.id,
        number=number.number or None,
        provider=number.provider,
        at_carrier=CarrierOutcome.RELEASED if own else outcome,
        reversible=kept if own or kept else None,
        how_to_undo="Import it again with import_number()." if kept else None,
        notices=(notice,) if kept else (),
        raw=number.raw,
    )
