"""A call of the account, and how each endpoint and webhook shows it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from pydantic import JsonValue

from telephony.enums import CallStatus, Speaker
from telephony.sandbox.calls import PlayedCall
from telephony.sandbox.vendor import Json, iso_seconds

# As the reference prints it, a call is in progress while it rings.
_WORDS = {CallStatus.RINGING: "in-progress", CallStatus.CANCELED: "failed"}
_ROLES = {Speaker.AGENT: "agent", Speaker.CALLER: "user"}


@dataclass(frozen=True)
class Call:
    """One call; `data` is what every response shows of it."""

    data: Json
    played: PlayedCall

    @property
    def id(self) -> str:
        return str(self.data["id"])

    @property
    def number(self) -> str:
        return str(self.data["phoneNumber"])

    @property
    def status(self) -> str:
        status = self.played.status
        return _WORDS.get(status) or status.value.replace("_", "-")

    @property
    def is_recorded(self) -> bool:
        return self.played.ended and self.played.answered

    def placed(self) -> Json:
        """As the response to placing it prints it."""
        shown = {**self.data, "status": self.status, "startedAt": self._started}
        del shown["phoneNumber"]
        return shown

    def listed(self) -> Json:
        turns = self.played.turns
        return {
            **self.data,
            "status": self.status,
            **self.times(),
            "lastTranscriptSnippet": turns[-1].text if turns else None,
            "recordingUrl": None,
            "recordingAvailable": self.is_recorded,
        }

    def times(self) -> Json:
        ended = self.played.ended_at
        return {
            "startedAt": self._started,
            "endedAt": None if ended is None else iso_seconds(ended),
            # From its start on: that is how the reference counts.
            "durationSeconds": None if ended is None else self._seconds_until(ended),
        }

    def exchanges(self) -> list[JsonValue]:
        """Return what was said: each thing that the caller said, with the agent's response."""
        found: list[JsonValue] = []
        heard = ""
        for turn in self.played.turns:
            if turn.speaker is Speaker.CALLER:
                heard = turn.text
                continue
            found.append(
                {
                    "id": f"tr_{len(found)}",
                    "transcript": heard,
                    "response": turn.text,
                    "createdAt": iso_seconds(turn.at or self.played.began_at),
                }
            )
            heard = ""
        return found

    def turns(self, *, dated: bool = True) -> list[JsonValue]:
        return [
            {
                "role": _ROLES[turn.speaker],
                "content": turn.text,
                **({"createdAt": iso_seconds(turn.at)} if turn.at and dated else {}),
            }
            for turn in self.played.turns
        ]

    @property
    def _started(self) -> str:
        return iso_seconds(self.played.began_at)

    def _seconds_until(self, ended: datetime) -> int:
        return round((ended - self.played.began_at).total_seconds())
