"""What an account of the sandbox holds."""

from dataclasses import dataclass, field

from telephony.sandbox.vendor import Json, State, Table

from .refusals import refusal


@dataclass
class Account:
    state: State
    numbers: Table[Json] = field(
        default_factory=lambda: Table(lambda _: refusal(404, "no such number"))
    )
