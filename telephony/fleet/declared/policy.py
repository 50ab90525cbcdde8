"""``fleet.toml``: who owns and answers numbers, where their files are, and what is safe."""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PrivateAttr,
    ValidationError,
)
from pydantic_core import ErrorDetails

from telephony.fleet.declared import sources
from telephony.fleet.declared.lines import line_of, lines_of, spelled
from telephony.fleet.errors import FileProblem, FleetError
from telephony.fleet.targets import text_of
from telephony.model import Application, Source, Trunk, Webhook
from telephony.numbers import is_e164
from telephony.registry import suggestion

SELF = "self"
_VIA = {"trunk": Trunk, "webhook": Webhook, "application": Application}
_CONFIG = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, hide_input_in_errors=True)


def _via(given: object) -> object:
    if given in (None, SELF):
        return given
    if isinstance(given, Mapping) and len(given) == 1:
        ((kind, value),) = given.items()
        if kind == "webhook" and not str(value).startswith(("https://", "http://")):
            raise ValueError('write a URL, such as via = { webhook = "https://example.com/voice" }')
        if kind in _VIA and isinstance(value, str) and value.strip():
            return text_of(_VIA[kind](value))
    raise ValueError(
        'write via = "self" where the vendor writes the carrier\'s routing itself, or one of '
        'via = { trunk = "TK…" }, { webhook = "https://…" } and { application = "AP…" }'
    )


def _protected(given: str) -> str:
    if not is_e164(given):
        raise ValueError(f"{given[:40]!r} is not a number in E.164 form, such as +14155550123")
    return given


Share = Annotated[float, Field(ge=0, le=1, strict=True)]
Concurrency = Annotated[int, Field(ge=1, le=1000, strict=True)]


class Files(BaseModel):
    """``[fleet]``: the files of a fleet; patterns are relative to the folder of fleet.toml.

    Attributes:
        state: where the journal is: a file for SQLite, or a reference (``env:``, ``file:``) to a
            URL.
        numbers: patterns of the files that declare numbers.
        orders: patterns of the files that declare purchases.
        engine: who carries out what is applied.
    """

    model_config = _CONFIG

    state: str = Field(default="fleet.sqlite", min_length=1)
    numbers: tuple[str, ...] = ("numbers/*.csv",)
    orders: tuple[str, ...] = ()
    engine: Literal["local", "dbos"] = "local"


class Owner(BaseModel):
    """``[owners.PROFILE]``: a profile that holds numbers at their carrier.

    Attributes:
        concurrency: how many requests are sent to it at once.
    """

    model_config = _CONFIG

    concurrency: Concurrency = 10


class Answerer(BaseModel):
    """``[answerers.PROFILE]``: a profile that answers calls.

    Attributes:
        concurrency: how many requests are sent to it at once.
        via: ``self``, or the target that the owner routes to, as text; None: it is routed by hand.
        source: where numbers are imported from.
    """

    model_config = _CONFIG

    concurrency: Concurrency = 10
    via: Annotated[str | None, BeforeValidator(_via)] = None
    source: Annotated[sources.Written | None, BeforeValidator(sources.written)] = None


class Limits(BaseModel):
    """``[safety] limits``: shares of the numbers that a profile holds.

    Attributes:
        change: of how many the label, the assignment or the routing may change.
        detach: how many may be detached.
        shrink: how much shorter a listing may be than the last one.
        least: profiles with fewer numbers have no limit.
    """

    model_config = _CONFIG

    change: Share = 0.3
    detach: Share = 0.1
    shrink: Share = 0.1
    least: int = Field(default=10, ge=0, strict=True)


class Safety(BaseModel):
    """``[safety]``: what a plan does not do without being asked twice.

    Attributes:
        limits: beyond these it needs ``--over-limits``.
        protected: numbers that are never released or detached.
    """

    model_config = _CONFIG

    limits: Limits = Limits()
    protected: frozenset[Annotated[str, AfterValidator(_protected)]] = frozenset()


class Policy(BaseModel):
    """The contents of a fleet.toml; `read` reads one."""

    model_config = _CONFIG

    fleet: Files = Files()
    owners: Mapping[str, Owner] = Field(default_factory=dict)
    answerers: Mapping[str, Answerer] = Field(default_factory=dict)
    safety: Safety = Safety()
    _folder: Path = PrivateAttr(default_factory=Path)

    @property
    def folder(self) -> Path:
        """The folder of fleet.toml."""
        return self._folder

    @property
    def profiles(self) -> tuple[str, ...]:
        """Every profile that takes part, sorted."""
        return tuple(sorted({*self.owners, *self.answerers}))

    def concurrency(self, profile: str) -> int:
        """Return how many requests are sent to a profile at once."""
        roles = (self.owners.get(profile), self.answerers.get(profile))
        return max(role.concurrency for role in roles if role is not None)

    def via(self, profile: str) -> str | None:
        """Return how calls get to a profile; see `Answerer`."""
        answerer = self.answerers.get(profile)
        return None if answerer is None else answerer.via

    def source(self, profile: str) -> Source | None:
        """Return where an answerer's numbers are imported from, with its secrets.

        Raises:
            FleetError: a reference (``env:``, ``file:``) cannot be read.
        """
        answerer = self.answerers.get(profile)
        if answerer is None or answerer.source is None:
            return None
        key = f"answerers.{profile}.source"
        return sources.resolved(answerer.source, self._folder, key)

    def state(self) -> str:
        """Return where the journal is: a path below the folder of fleet.toml, or a URL.

        Raises:
            FleetError: a reference (``env:``, ``file:``) cannot be read.
        """
        written = self.fleet.state
        if sources.is_reference(written):
            return sources.reference(written, self._folder, "fleet.state")
        return str(self._folder / written)

    @property
    def digest(self) -> str:
        """A digest of what decides over plans: the routes, the sources and the safety."""
        decides = {
            "answerers": {
                name: {"source": one.source and one.source.text, "via": one.via}
                for name, one in sorted(self.answerers.items())
            },
            "limits": self.safety.limits.model_dump(),
            "owners": sorted(self.owners),
            "protected": sorted(self.safety.protected),
        }
        return hashlib.sha256(repr(decides).encode()).hexdigest()


def read(path: Path) -> Policy:
    """Read a fleet.toml.

    Raises:
        FleetError: it cannot be read, is not TOML, or something in it is wrong.
    """
    try:
        text = path.read_text("utf-8-sig")
        values = tomllib.loads(text)
    except OSError as error:
        raise _wrong(path, 0, "", f"it cannot be read: {error.strerror}") from error
    except UnicodeDecodeError:
        raise _wrong(path, 0, "", "it is not UTF-8 text: save it as UTF-8") from None
    except tomllib.TOMLDecodeError as error:
        at = re.search(r" \(at line (\d+), column \d+\)", str(error))
        message = str(error).replace(at[0], "") if at else str(error)
        raise _wrong(path, int(at[1]) if at else 0, "", f"it is not TOML: {message}") from None
    except RecursionError:
        raise _wrong(path, 0, "", "it is nested too deeply") from None
    try:
        policy = Policy.model_validate(values)
    except ValidationError as error:
        lines = lines_of(text)
        problems = [
            FileProblem(str(path), line_of(one["loc"], lines), spelled(one["loc"]), _sentence(one))
            for one in error.errors(include_input=False, include_url=False)
        ]
        raise FleetError(f"{path} is wrong.", sorted(problems)) from None
    policy._folder = path.parent  # a file's folder is no key of it
    return policy


_KNOWN: Mapping[str, type[BaseModel]] = {
    "": Policy,
    "fleet": Files,
    "owners": Owner,
    "answerers": Answerer,
    "safety": Safety,
    "limits": Limits,
}

_MEANT: Mapping[str, str] = {
    "state": 'a file, or a reference such as "env:FLEET_DATABASE_URL"',
    "numbers": 'a list of patterns, such as ["numbers/*.csv"]',
    "orders": 'a list of patterns, such as ["orders.csv"]',
    "engine": '"local" or "dbos"',
    "concurrency": "a whole number from 1 to 1000",
    "change": "a number from 0 to 1, such as 0.3 for 30%",
    "detach": "a number from 0 to 1, such as 0.1 for 10%",
    "shrink": "a number from 0 to 1, such as 0.1 for 10%",
    "least": "a whole number, 0 or more",
    "protected": 'a list of numbers, such as ["+14155550123"]',
}


def _sentence(error: ErrorDetails) -> str:
    """Return what is wrong with a key, and what it can be."""
    keys = [str(key) for key in error["loc"] if not isinstance(key, int)]
    if error["type"] == "extra_forbidden":
        *table, key = keys
        known = _KNOWN["limits" if table[-1:] == ["limits"] else table[0] if table else ""]
        names = list(known.model_fields)
        return f"there is no such key.{suggestion(key, names)} Known: {', '.join(names)}."
    if error["type"] == "value_error":
        return error["msg"].removeprefix("Value error, ")
    if isinstance(error["loc"][-1], int):
        return "it should be text in quotes"
    # A profile may have the name of a key.
    meant = None if keys[:-1] in (["owners"], ["answerers"]) else _MEANT.get(keys[-1])
    return f"it should be {meant or f'a table: [{spelled(keys)}]'}"


def _wrong(path: Path, line: int, key: str, message: str) -> FleetError:
    return FleetError(f"{path} is wrong.", [FileProblem(str(path), line, key, message)])
