"""What an account of the sandbox holds."""

from dataclasses import dataclass, field

from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, State, Table

from .refusals import refusal

LINES = {"line_1": "Front desk", "line_2": "Night desk"}


@dataclass
class Account:
    state: State
    numbers: Table[Json] = field(
        default_factory=lambda: Table(lambda _: refusal(404, "no such number"))
    )
    # What a call was placed with, and what becomes of it.
    calls: Table[tuple[Json, PlayedCall]] = field(
        default_factory=lambda: Table(lambda _: refusal(404, "no such call"))
    )
