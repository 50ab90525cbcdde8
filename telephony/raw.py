"""Keep a vendor's JSON object as bytes until `raw` is read: most callers never read it."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TypeAlias, TypeVar, cast

from msgspec import Raw
from pydantic import BaseModel, JsonValue
from pydantic_core import from_json

KEPT = "_unparsed"
"""Where what makes it is until then, among the fields."""

Unparsed: TypeAlias = bytes | Callable[[], JsonValue]
"""A vendor's JSON object, or what joins one from several."""

# pydantic's own storage of the fields, below the property that replaces `__dict__`.
_storage = vars(BaseModel)["__dict__"]
fields_of: Callable[[object], dict[str, object]] = _storage.__get__
set_fields: Callable[[object, dict[str, object]], None] = _storage.__set__


class WithRaw(BaseModel, defer_build=True):
    """A result whose field `raw` is parsed when it is first read.

    Whatever reads all fields at once (equality, JSON, pickle, copies) goes through `__dict__`, and
    so finds `raw` parsed.
    """

    @property
    def __dict__(self) -> dict[str, object]:
        fields = fields_of(self)
        if KEPT in fields:
            _parse(fields)
        return fields

    @__dict__.setter
    def __dict__(self, fields: dict[str, object]) -> None:
        set_fields(self, fields)

    def __getattr__(self, name: str) -> object:
        # Called only for what `fields_of(self)` has not.
        fields = fields_of(self)
        if name == "raw" and (KEPT in fields or "raw" in fields):
            return _parse(fields)
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __hash__(self) -> int:
        # Without `raw`, which has no hash; equal results have equal hashes all the same.
        fields = fields_of(self)
        return hash(tuple([fields[name] for name in fields if name not in {"raw", KEPT}]))


R = TypeVar("R", bound=WithRaw)


def with_raw(result: R, raw: Raw | Unparsed) -> R:
    """Return `result`, just made, with the vendor's JSON object as its `raw`."""
    fields = fields_of(result)
    fields.pop("raw", None)
    fields[KEPT] = bytes(raw) if isinstance(raw, Raw) else raw
    result.__pydantic_fields_set__.add("raw")
    return result


def parsed(content: bytes | Raw) -> JsonValue:
    """Return JSON as Python values.

    Raises:
        ValueError: it is not JSON.
    """
    content = bytes(content)
    try:
        value: JsonValue = from_json(content, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        # What is no number is null, and a text that was cut inside a surrogate pair loses that
        # character only.
        readable = json.loads(content, parse_constant=_nothing)
        text = json.dumps(readable, ensure_ascii=False)
        value = from_json(text.encode("utf-8", "replace"))
    return value


def _nothing(constant: str) -> None:  # noqa: ARG001 - NaN or an infinity
    return None


def _parse(fields: dict[str, object]) -> object:
    # Another thread may be at it too: `raw` is there before what it is made of goes.
    kept = cast("Unparsed | None", fields.get(KEPT))
    if kept is not None:
        if isinstance(kept, bytes):
            # What was not needed so far may hold what is no text.
            fields["raw"] = parsed(kept.decode("utf-8", "replace").encode())
        else:
            fields["raw"] = kept()
        fields.pop(KEPT, None)
    return fields["raw"]
