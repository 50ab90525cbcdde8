"""What an account of the sandbox holds."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from starlette.requests import Request
from starlette.responses import Response

from telephony.sandbox.vendor import Json, State

from .refusals import refusal


@dataclass
class Account:
    state: State
    numbers: dict[str, Json] = field(default_factory=dict)

    def number(self, number_id: str) -> Json:
        if number_id not in self.numbers:
            raise refusal(404, "no such number")
        return self.numbers[number_id]


Answer = Callable[[Account, Request], Awaitable[Response]]
