"""Keeping secrets, and the texts of messages, out of everything that people and logs see."""

from __future__ import annotations

import json
import re
import sys
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from urllib.parse import quote, quote_plus

from pydantic import JsonValue, SecretStr

MASK = "**********"

# However a vendor echoes a header: what logs in, and tokens made for one request only.
_CREDENTIALS = re.compile(
    r"\b(Bearer|Basic)\s+[\w.~+/=-]{16,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*", re.IGNORECASE
)


class Private(str):
    """A text that no repr shows, and so no traceback that prints local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


def private(text: str) -> str:
    """Return `text` so that no repr shows it; what is no text stays as it is, to be refused."""
    return Private(text) if isinstance(text, str) else text


class Veiled(dict[str, object]):
    """A dict whose repr shows its keys only."""

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{key!r}: {MASK}' for key in self)}}}"


def revealed(secret: SecretStr | str) -> str:
    """Return a secret in clear."""
    return secret if isinstance(secret, str) else secret.get_secret_value()


def secrets_of(holder: object) -> tuple[str, ...]:
    """Every secret among an object's attributes, in clear."""
    return tuple(
        value.get_secret_value()
        for value in (vars(holder).values() if holder is not None else ())
        if isinstance(value, SecretStr) and value.get_secret_value()
    )


def masked(value: JsonValue, secrets: Iterable[str]) -> JsonValue:
    """`value` without any secret, as it is or as JSON and URLs write it, however deep it sits."""
    written = {form for secret in secrets for form in _written(secret)}
    # The longest first: one secret may be a part of another.
    return _masked(value, sorted(written, key=len, reverse=True))


def _written(secret: str) -> tuple[str, ...]:
    return (
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
    )


def _masked(value: JsonValue, forms: list[str]) -> JsonValue:
    if isinstance(value, str):
        for form in forms:
            value = value.replace(form, MASK)
        return _CREDENTIALS.sub(MASK, value)
    if isinstance(value, list):
        return [_masked(item, forms) for item in value]
    if isinstance(value, dict):
        return {str(_masked(key, forms)): _masked(item, forms) for key, item in value.items()}
    return value


def chain(error: BaseException, amid: BaseException | None = None) -> Iterator[BaseException]:
    """An error and all that it came of; not `amid`, which its caller was handling before."""
    waiting: list[BaseException | None] = [error]
    seen = {id(amid)}
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


def forget(error: BaseException, amid: BaseException | None = None) -> None:
    """Clear the local variables of every function that has ended with `error`.

    Credentials and texts pass through many, httpx's among them, and error reporters send the local
    variables of all.
    """
    for one in chain(error, amid):
        traceback.clear_frames(one.__traceback__)


@contextmanager
def forgetful() -> Iterator[None]:
    """`forget` whatever error comes out."""
    amid = sys.exception()
    try:
        yield
    except BaseException as error:
        forget(error, amid)
        raise
