"""The unified model: what a number, a message, a call and a carrier account are at every vendor.

Everything is immutable. Times are aware and in UTC; what the vendor does not state is None. `raw`
is the vendor's own body, secrets removed, for what the model has no field for.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, ClassVar, TypeAlias

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    JsonValue,
    PlainSerializer,
    SecretStr,
    SkipValidation,
)

from telephony.capabilities import CarrierOutcome
from telephony.enums import CallStatus as CallStatus
from telephony.enums import Channel as Channel
from telephony.enums import Direction as Direction
from telephony.enums import Ingress as Ingress
from telephony.enums import MessageStatus as MessageStatus
from telephony.enums import NumberKind as NumberKind
from telephony.enums import NumberStatus as NumberStatus
from telephony.enums import Speaker as Speaker
from telephony.raw import WithRaw
from telephony.targets import Agent as Agent
from telephony.targets import Application as Application
from telephony.targets import CarrierCredentials as CarrierCredentials
from telephony.targets import LinkedCarrier as LinkedCarrier
from telephony.targets import Room as Room
from telephony.targets import SipTrunk as SipTrunk
from telephony.targets import Source as Source
from telephony.targets import Split as Split
from telephony.targets import Target as Target
from telephony.targets import TelnyxAccount as TelnyxAccount
from telephony.targets import Trunk as Trunk
from telephony.targets import TwilioAccount as TwilioAccount
from telephony.targets import VonageAccount as VonageAccount
from telephony.targets import Webhook as Webhook


def utc(moment: datetime) -> datetime:
    """Return the moment in UTC."""
    if moment.tzinfo is UTC:
        return moment
    if moment.tzinfo is None:
        # Every vendor here writes UTC; a missing offset is an omission, not another zone.
        return moment.replace(tzinfo=UTC)
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError("not a time that UTC can express") from None


Utc: TypeAlias = Annotated[datetime, AfterValidator(utc)]
Id: TypeAlias = Annotated[str, Field(min_length=1)]
Raw: TypeAlias = Annotated[dict[str, JsonValue], SkipValidation]

_CONFIG = ConfigDict(
    frozen=True,
    extra="forbid",
    defer_build=True,
    ser_json_bytes="base64",
    val_json_bytes="base64",
    ser_json_timedelta="float",
)


# A set has no order of its own: without one, the same number would not give the same JSON twice.
Channels: TypeAlias = Annotated[
    frozenset[Channel], PlainSerializer(sorted, return_type=list[Channel], when_used="json")
]


# --- Results -------------------------------------------------------------------------------------


class _Result(WithRaw):
    model_config: ClassVar[ConfigDict] = _CONFIG


class CarrierAccount(_Result):
    """A carrier account linked at a vendor.

    Attributes:
        id: the vendor's id of the link; None for the vendor's own numbers, which need none.
        kind: ``twilio``, ``vonage``, ``telnyx``, ``sip_trunk``, or the vendor's name for its own
            kind.
        label: the link's display name.
        account: the account at the carrier, such as ``AC…``.
        region: the carrier's region that the credentials belong to.
    """

    id: str | None
    provider: str
    kind: str
    label: str | None = None
    account: str | None = None
    region: str | None = None
    raw: Raw = Field(default_factory=dict, repr=False)


class PhoneNumber(_Result):
    """A number that a vendor holds or serves for you.

    Attributes:
        id: the vendor's own id; opaque.
        number: E.164; empty while the vendor has yet to activate it.
        provider: the configured name of the provider it was read from.
        label: its display name.
        status: whether it works at the vendor.
        channels: what it can carry; empty when the vendor does not say.
        country: ISO 3166 code, as the vendor states it.
        assignment: what handles its calls and texts, or None.
        carrier: the linked carrier account it comes from, where the vendor names one.
        replaced: after `assign_number` or `unassign_number`: the assignment before, so that
            ``assign_number(number, result.replaced)`` puts it back.
        overruled: URLs that the number keeps, unused while a trunk or an application handles its
            calls or texts instead.
        notices: what else the caller should know, such as an area code that was not available.
        mark: what the vendor keeps of the idempotency key that it was bought with, as
            `telephony.idempotency.key_digest` makes it.
        created_at: when the vendor got it.
        updated_at: when it last changed.
    """

    id: Id
    number: str
    provider: str
    label: str | None = None
    status: NumberStatus = NumberStatus.UNKNOWN
    channels: Channels = frozenset()
    country: str | None = None
    assignment: Target | None = None
    carrier: CarrierAccount | None = None
    replaced: Target | None = None
    overruled: Webhook | None = None
    notices: tuple[str, ...] = ()
    mark: str | None = None
    created_at: Utc | None = None
    updated_at: Utc | None = None
    raw: Raw = Field(default_factory=dict, repr=False)


class AvailableNumber(_Result):
    """A number that can be bought now. It is not reserved: it may be gone a moment later.

    Attributes:
        number: E.164.
        country: ISO 3166 code.
        region: such as the state, as the vendor spells it.
        locality: such as the city.
        postal_code: where the vendor names one.
        kind: None where the vendor does not say.
        channels: what it can carry; empty when the vendor does not say.
    """

    number: str
    provider: str
    country: str | None = None
    region: str | None = None
    locality: str | None = None
    postal_code: str | None = None
    kind: NumberKind | None = None
    channels: Channels = frozenset()
    raw: Raw = Field(default_factory=dict, repr=False)


class MessageError(_Result):
    """Why a message was not delivered, as the vendor describes it.

    Attributes:
        code: the vendor's code.
        message: its words.
    """

    code: str | None = None
    message: str | None = None


class Message(_Result):
    """A text message that a number received or sent. Its text stays out of the repr.

    Attributes:
        id: the vendor's own id; opaque.
        number: the number of yours that received or sent it.
        sender: E.164, or another address such as ``whatsapp:+…`` or a short code.
        recipient: likewise.
        body: the text.
        direction: whether `number` received or sent it.
        status: how far it has got.
        channel: what it was sent over.
        sent_at: when it was sent or received, whichever the vendor records.
        media: URLs of attachments.
        error: why it was not delivered.
    """

    id: Id
    provider: str
    number: str
    sender: str | None = None
    recipient: str | None = None
    body: str = Field(default="", repr=False)
    direction: Direction = Direction.UNKNOWN
    status: MessageStatus = MessageStatus.UNKNOWN
    channel: Channel = Channel.UNKNOWN
    sent_at: Utc | None = None
    media: tuple[str, ...] = ()
    error: MessageError | None = None
    raw: Raw = Field(default_factory=dict, repr=False)


class Call(_Result):
    """A voice call.

    Attributes:
        id: the vendor's own id; opaque.
        number: the number of yours that takes part; None in a call over the web, or where the
            vendor does not say.
        sender: who calls: E.164, or another address such as ``sip:…``.
        recipient: who is called, likewise.
        direction: whether `number` received or placed it.
        status: how far it has got, or how it ended.
        agent: the vendor's id of the agent in the call, where there is one.
        started_at: when it was placed or came in.
        answered_at: when it was answered.
        ended_at: when it ended.
        duration: how long it lasted, as the vendor counts; in JSON a number of seconds.
        reason: why it ended, in the vendor's words.
    """

    id: Id
    provider: str
    number: str | None
    sender: str | None = None
    recipient: str | None = None
    direction: Direction = Direction.OUTBOUND
    status: CallStatus = CallStatus.UNKNOWN
    agent: str | None = None
    started_at: Utc | None = None
    answered_at: Utc | None = None
    ended_at: Utc | None = None
    duration: timedelta | None = None
    reason: str | None = None
    raw: Raw = Field(default_factory=dict, repr=False)


class Turn(_Result):
    """What somebody said in a call. The words stay out of the repr.

    Attributes:
        speaker: who said it.
        text: the words.
        at: when it was said, where the vendor says.
    """

    speaker: Speaker
    text: str = Field(repr=False)
    at: Utc | None = None


class Transcript(_Result):
    """What was said in a call.

    Attributes:
        call: the vendor's id of the call.
        turns: in the order in which they were said; empty where nothing was transcribed.
    """

    call: Id
    provider: str
    turns: tuple[Turn, ...] = ()
    raw: Raw = Field(default_factory=dict, repr=False)


class Recording(_Result):
    """The sound of a call. It stays out of the repr; in JSON it is Base64.

    Attributes:
        content: the file as the vendor keeps it.
        media_type: its format, such as ``audio/wav`` or ``audio/mpeg``.
        call: the vendor's id of the call.
    """

    content: bytes = Field(repr=False)
    media_type: str
    call: Id
    provider: str

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the sound to a file that only you can read, and return its path.

        The file is complete, or not there. On Windows its folder says who can read it.

        Args:
            path: where to; a file that is there is replaced.

        Raises:
            OSError: it cannot be written.

        Example:
            provider.get_recording(call).save("call.wav")
        """
        import tempfile  # which few programs need

        wanted = Path(path)
        made, name = tempfile.mkstemp(dir=wanted.parent, prefix=".recording-")
        try:
            with os.fdopen(made, "wb") as to:
                to.write(self.content)
            Path(name).replace(wanted)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        return wanted


class WebhookEndpoint(_Result):
    """Where a vendor sends its webhooks.

    Attributes:
        id: the vendor's id of it.
        url: where the webhooks go.
        of: the number (E.164) or the agent (the vendor's id) it belongs to; None: the account.
        secret: what its webhooks are signed with, where the vendor returns it: the value for the
            setting `webhook_secret`.
        previous: after `set_webhook`: the endpoint before, where that had another URL.
    """

    id: Id
    provider: str
    url: str
    of: str | None = None
    secret: SecretStr | None = None
    previous: WebhookEndpoint | None = None
    raw: Raw = Field(default_factory=dict, repr=False)


class Release(_Result):
    """The result of releasing a number.

    Attributes:
        id: the vendor's id that the number had.
        number: E.164; None where the vendor had not activated it.
        at_carrier: whether the number is gone for good or merely detached from this vendor.
        reversible: whether it can be taken back; None when the vendor does not say.
        undo_until: the last moment to take it back, where there is a limit.
        how_to_undo: how to take it back.
        notices: what else the caller should know, such as that the release is accepted but
            not yet done.
    """

    id: Id
    number: str | None
    provider: str
    at_carrier: CarrierOutcome
    reversible: bool | None
    undo_until: Utc | None = None
    how_to_undo: str | None = None
    notices: tuple[str, ...] = ()
    raw: Raw = Field(default_factory=dict, repr=False)
