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
fields_of, set_fields = _storage.__get__, _storage.__set__


class WithRaw(BaseModel, defer_build=True):
    """A result whose field `raw` is parsed when it is first read.

    Whatever reads all fields at once (equality, JSON, pickle, copies) goes through `__dict__`, and
    so finds `raw` parsed.
    """

    @property
    def __dict__(self) -> dict[str, object]:
        fields: dict[str, object] = fields_of(self)
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


def parsed(raw: bytes | Raw) -> JsonValue:
    """Return a part of a response, of which only what is needed has been parsed so far."""
    try:
        value: JsonValue = from_json(bytes(raw), cache_strings="keys")
    except ValueError:
        # A text that nobody asked for may be what no Unicode text can be.
        value = json.loads(bytes(raw).decode("utf-8", "replace"))
    return value


def _parse(fields: dict[str, object]) -> object:
    # Another thread may be at it too: `raw` is there before what it is made of goes.
    kept = cast("Unparsed | None", fields.get(KEPT))
    if kept is not None:
        fields["raw"] = parsed(kept) if isinstance(kept, bytes) else kept()
        fields.pop(KEPT, None)
    return fields["raw"]
