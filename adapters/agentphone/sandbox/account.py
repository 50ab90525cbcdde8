"""What an account of the sandbox holds."""

from __future__ import annotations

from dataclasses import dataclass, field

from pydantic import JsonValue

from telephony.sandbox.vendor import Json, State, Table

from .mailbox import Mailbox
from .played import Call
from .refusals import missing


@dataclass
class Account:
    """An account.

    Attributes:
        webhooks: by the agent's id; the account's own under an empty one.
        number_limit: how many numbers the account may hold; 10 for a real self-serve account.
        balance: in dollars; a number costs three.
        campaign: ``none``, ``pending`` or ``approved``: the 10DLC registration.
        has_search: False behaves as the documented API, which has no search for numbers.
        keeps_external_ids: False forgets `externalId`, as the documented API may do.
        attaches_at_purchase: False forgets `agentId` when a number is bought.
        rival: True lets another buyer take a number of the account whenever one is bought.
        before_is_inclusive: whether the bounds of message pages include their own moment.
        oldest_first: turns the order inside a page of messages round.
        whole_seconds: shows times without the fraction that pages still go by.
        coarse_bounds: cuts the fraction off the bounds of message pages.
        unconfirmed: the body of a 409 response to the next message, which is sent nevertheless.
    """

    state: State
    agents: Table[Json] = field(default_factory=lambda: Table(lambda _: missing("Agent")))
    numbers: Table[Json] = field(default_factory=lambda: Table(lambda _: missing("Phone number")))
    calls: Table[Call] = field(default_factory=lambda: Table(lambda _: missing("Call")))
    mailbox: Mailbox = field(default_factory=Mailbox)
    webhooks: dict[str, Json] = field(default_factory=dict)
    number_limit: int = 1000
    balance: float = 100_000.0
    campaign: str = "approved"
    has_search: bool = True
    keeps_external_ids: bool = True
    attaches_at_purchase: bool = True
    rival: bool = False
    before_is_inclusive: bool = False
    oldest_first: bool = False
    whole_seconds: bool = False
    coarse_bounds: bool = False
    unconfirmed: JsonValue = None

    def held(self) -> list[Json]:
        return [number for number in self.numbers.values() if number["status"] != "released"]

    def held_by(self, agent: Json) -> list[Json]:
        return [number for number in self.held() if number["agentId"] == agent["id"]]

    def held_number(self, number_id: str) -> Json:
        number = self.numbers.find(number_id)
        if number["status"] == "released":
            raise missing("Phone number")
        return number

    def record(self, kind: str, number: Json) -> None:
        self.state.record(kind, str(number["id"]), str(number["phoneNumber"]))
