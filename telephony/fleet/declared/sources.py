"""Where numbers are imported from, as fleet.toml writes it: secrets as references only."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeGuard, get_args, get_type_hints

from pydantic import SecretStr, TypeAdapter, ValidationError

from telephony.fleet.errors import FleetError
from telephony.model import (
    LinkedCarrier,
    SipTrunk,
    Source,
    TelnyxAccount,
    TwilioAccount,
    VonageAccount,
)
from telephony.redaction import HiddenDict
from telephony.registry import suggestion

_LINKED = "linked"
_KINDS: Mapping[str, type[Source]] = {
    "sip_trunk": SipTrunk,
    "twilio": TwilioAccount,
    "vonage": VonageAccount,
    "telnyx": TelnyxAccount,
}
_REFERENCES = ("env:", "file:")


@dataclass(frozen=True)
class Written:
    """A source as it is written: its secrets are references.

    Attributes:
        kind: ``linked_carrier``, ``sip_trunk``, ``twilio``, ``vonage`` or ``telnyx``.
        text: its fields as JSON with sorted keys.
    """

    kind: str
    text: str


def written(given: object) -> Written | None:
    """Return a source as fleet.toml writes it, checked as far as that is possible.

    Raises:
        ValueError: what is wrong with it; no value of it is shown.
    """
    if given is None or isinstance(given, Written):
        return given
    if not isinstance(given, Mapping) or len(given) != 1:
        raise ValueError(
            'write one table, such as source = { linked = "ID" } or source = { sip_trunk = {} }'
        )
    ((kind, fields),) = given.items()
    if kind == _LINKED:
        if not isinstance(fields, str) or not fields.strip():
            raise ValueError('write the id of the link: source = { linked = "ID" }')
        return Written("linked_carrier", json.dumps({"id": fields}))
    known = _KINDS.get(kind)
    if known is None:
        names = [_LINKED, *_KINDS]
        raise ValueError(
            f"there is no source `{kind}`.{suggestion(kind, names)} Known: {', '.join(names)}"
        )
    if not isinstance(fields, Mapping):
        raise ValueError(f"write the fields of {kind} as a table: {kind} = {{ … }}")
    _check(kind, known, fields)
    return Written(kind, json.dumps(dict(fields), sort_keys=True))


def resolved(source: Written, folder: Path, key: str) -> Source:
    """Return a source with its references read.

    Args:
        source: as it is written.
        folder: where the paths of ``file:`` begin.
        key: where it is written, for the error.

    Raises:
        FleetError: a reference cannot be read, or what it holds is not valid.
    """
    fields = HiddenDict(json.loads(source.text))
    for name, value in fields.items():
        if is_reference(value):
            fields[name] = reference(value, folder, f"{key}.{name}")
    kind = LinkedCarrier if source.kind == "linked_carrier" else _KINDS[source.kind]
    adapter: TypeAdapter[Source] = TypeAdapter(kind)
    try:
        return adapter.validate_python(fields)
    except ValidationError as error:
        found = "; ".join(_wrong(kind, error, frozenset()))
    raise FleetError(f"fleet.toml: {key}: {found}.")


def is_reference(value: object) -> TypeGuard[str]:
    """Return whether a value says where it is to be read."""
    return isinstance(value, str) and value.startswith(_REFERENCES)


def reference(written: str, folder: Path, key: str) -> str:
    """Return what ``env:NAME`` or ``file:PATH`` refers to.

    Raises:
        FleetError: there is no such variable or file, or it is empty.
    """
    kind, _, name = written.partition(":")
    where = f"fleet.toml: {key} is read from"
    if kind == "env":
        value = os.environ.get(name, "").strip()
        if not value:
            raise FleetError(
                f"{where} the environment variable {name}, which is not set or empty. "
                f"Set it with: export {name}=…"
            )
        return value
    try:
        text = (folder / Path(name).expanduser()).read_text("utf-8-sig").strip()
    except (OSError, ValueError, RuntimeError) as error:
        said = error.strerror if isinstance(error, OSError) else "it is not text"
        raise FleetError(f"{where} the file {name}: {said}.") from error
    if not text:
        raise FleetError(f"{where} the file {name}, which is empty.")
    return text


def _check(kind: str, known: type[Source], fields: Mapping[str, object]) -> None:
    hidden = set(_secrets(known))
    for name, value in fields.items():
        if name in hidden and value and not is_reference(value):
            raise ValueError(
                f"`{name}` of {kind} is a secret: write env:NAME or file:PATH, not the secret"
            )
    if "kind" in fields:
        raise ValueError("leave `kind` out: the table's name says it")
    references = frozenset(name for name, value in fields.items() if is_reference(value))
    try:
        TypeAdapter(known).validate_python(dict(fields))
    except ValidationError as error:
        problems = list(_wrong(known, error, references))
        if problems:
            raise ValueError("; ".join(problems)) from None


def _wrong(kind: type[Source], error: ValidationError, ignored: frozenset[str]) -> Iterator[str]:
    names = [name for name in get_type_hints(kind) if name != "kind"]
    seen = set(ignored)
    for one in error.errors(include_input=False, include_url=False):
        name = str(one["loc"][0]) if one["loc"] else ""
        if name in seen:
            continue
        seen.add(name)
        if one["type"] == "unexpected_keyword_argument":
            yield f"there is no field `{name}`.{suggestion(name, names)}"
        elif one["type"] == "missing":
            yield f"`{name}` is missing"
        else:
            said = one["msg"].replace("Input should be", "it should be", 1)
            yield f"`{name}`: {said.replace('a valid string', 'text in quotes')}"


def _secrets(kind: type[Source]) -> Iterator[str]:
    for name, hint in get_type_hints(kind).items():
        if SecretStr in _types(hint):
            yield name


def _types(hint: object) -> set[object]:
    return {hint}.union(*(_types(part) for part in get_args(hint)))
