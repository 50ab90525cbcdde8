"""A cassette as a file: what vcrpy stores, below where it was recorded and in which situation."""

from __future__ import annotations

import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn
from urllib.parse import parse_qsl

import yaml
from pydantic_core import from_json
from vcr.cassette import Cassette
from vcr.persisters.filesystem import CassetteNotFoundError
from vcr.request import Request
from vcr.serialize import serialize
from vcr.serializers import yamlserializer

from telephony.testing.scrubbing import Scrubber

FOLDER = Path(
    os.environ.get("TELEPHONY_CASSETTES") or Path(__file__).parent.parent.parent / "cassettes"
)
MATCHED = ("method", "scheme", "host", "port", "path", "query", "same_body")
# Names that an adapter makes up itself.
_MADE_UP = re.compile(
    r'(?<=\bcall-)[0-9a-f]{32}|(?<="externalId":")[0-9a-f]{24}|(?<=\[key:)[0-9a-f]{12}'
    r'|((?<="telephony_key":")|(?<="telephony_key": "))[0-9a-f]{12}'
    r'|(?<="idempotency_key":")[0-9a-f]{24}'
)


@dataclass(frozen=True)
class Tape:
    """What stands above the interactions of a cassette.

    Attributes:
        against: ``live``, ``sandbox``, or a server's name and version.
        number: the number that the scenario works with, if any.
        carrier: the id of the carrier account, if any.
        call: the id of the call that it is about, if any.
        message: the id of the message that it is about, if any.
    """

    against: str
    number: str = ""
    carrier: str | None = None
    call: str | None = None
    message: str | None = None

    @classmethod
    def read(cls, path: Path) -> Tape:
        top = yaml.load(path.read_text("utf-8"), Loader=yaml.CSafeLoader)
        return cls(top["recorded-against"], **top["situation"])

    def write(self, path: Path, recorded: Cassette) -> None:
        """Store what was `recorded`, in place of what was there."""
        assert recorded.data, "nothing was sent"
        situation = asdict(self)
        del situation["against"]
        head = {
            "recorded-against": self.against,
            "situation": {name: value for name, value in situation.items() if value},
        }
        interactions = {"requests": recorded.requests, "responses": recorded.responses}
        path.parent.mkdir(parents=True, exist_ok=True)
        # The whole text first, so that a failure leaves the old file as it is.
        text = yaml.safe_dump(head, sort_keys=False) + serialize(interactions, yamlserializer)
        path.write_text(text, "utf-8")


class Blank:
    """Persister for recording: there is nothing to replay, and vcrpy saves nothing.

    `Tape.write` does it once vcrpy is through: a save that fails inside leaves its patches behind.
    """

    def load_cassette(self, _: str, serializer: object) -> NoReturn:  # noqa: ARG002 - by name
        raise CassetteNotFoundError

    def save_cassette(self, *_: object, serializer: object) -> None:
        """Not now."""


def config(scrubber: Scrubber) -> dict[str, object]:
    """How to replay, and with `Blank` to record."""
    return {
        **scrubber.vcr_config(),
        "match_on": MATCHED,
        "allow_playback_repeats": False,
    }


def same_body(one: Request, other: Request) -> None:
    """Return a matcher: equal bodies, however written, but for names that an adapter made up."""
    assert _meaning(one) == _meaning(other)


def _meaning(request: Request) -> object:
    text = _MADE_UP.sub("made-up", (request.body or b"").decode())
    kind = request.headers.get("content-type", "")
    if "x-www-form-urlencoded" in kind:
        return parse_qsl(text, keep_blank_values=True)
    return from_json(text) if text and "json" in kind else text
