"""Remove secrets, and the texts of messages, from everything that people and logs see."""

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

# Credentials that a vendor echoes from a header, and tokens made for one request only.
_CREDENTIALS = re.compile(
    r"\b(Bearer|Basic)\s+[\w.~+/=-]{16,}|\beyJ[\w-]+\.[\w-]+\.[\w-]*", re.IGNORECASE
)


# Keys whose values are ids, codes or statuses.
_CODE_KEY = re.compile(r"(^|_|[a-z](?=[A-Z]))(id|sid|code|status|type)$", re.IGNORECASE)
# Shorter texts are parts of too many words.
_MIN_LENGTH = 6


class HiddenText(str):
    """A text that no repr shows, and so no traceback that prints local variables."""

    __slots__ = ()

    def __repr__(self) -> str:
        return MASK


def hidden(text: str) -> str:
    """Return `text` so that no repr shows it; other types as they are, to be refused later."""
    return HiddenText(text) if isinstance(text, str) else text


class HiddenDict(dict[str, object]):
    """A dict whose repr shows its keys only."""

    def __repr__(self) -> str:
        return f"{{{', '.join(f'{key!r}: {MASK}' for key in self)}}}"


def revealed(secret: SecretStr | str) -> str:
    """Return a secret in clear."""
    return secret if isinstance(secret, str) else secret.get_secret_value()


def secrets_of(holder: object) -> tuple[str, ...]:
    """Return every secret among an object's attributes, in clear."""
    return tuple(
        value.get_secret_value()
        for value in (vars(holder).values() if holder is not None else ())
        if isinstance(value, SecretStr) and value.get_secret_value()
    )


def masked(value: JsonValue, secrets: Iterable[str], texts: Iterable[str] = ()) -> JsonValue:
    """Return `value` without any secret at any depth, be it plain or encoded for JSON or a URL.

    Args:
        value: the vendor's response, or a text of it.
        secrets: what is hidden everywhere.
        texts: bodies of messages. A single word is hidden only in the vendor's own texts, since an
            id or a code may be the same word by chance; a short one only where it stands alone.
    """
    written = {text for text in texts if text.strip()}
    everywhere = _longest_first({*secrets, *filter(_is_sentence, written)})
    whole = frozenset(form for text in written for form in _encoded(text))
    within = _longest_first(text for text in written if len(text) >= _MIN_LENGTH)
    return _masked(value, everywhere, whole, within)


def masked_code(code: str, secrets: Iterable[str], texts: Iterable[str]) -> str:
    """Return an id or a code without any secret or sentence."""
    forms = _longest_first({*secrets, *filter(_is_sentence, texts)})
    return str(_masked(code, forms, frozenset(), []))


def _is_sentence(text: str) -> bool:
    return len(text) >= _MIN_LENGTH and len(text.split()) > 1


def _longest_first(secrets: Iterable[str]) -> list[str]:
    # One may be a part of another.
    return sorted({form for one in secrets for form in _encoded(one)}, key=len, reverse=True)


def _encoded(secret: str) -> tuple[str, ...]:
    return (
        secret,
        json.dumps(secret)[1:-1],
        quote(secret, safe=""),
        quote(secret),
        quote_plus(secret),
    )


def _masked(
    value: JsonValue, everywhere: list[str], whole: frozenset[str], within: list[str]
) -> JsonValue:
    if isinstance(value, str):
        if value in whole:
            return MASK
        for form in (*within, *everywhere):
            value = value.replace(form, MASK)
        return _CREDENTIALS.sub(MASK, value)
    if isinstance(value, list):
        return [_masked(item, everywhere, whole, within) for item in value]
    if isinstance(value, dict):
        found: dict[str, JsonValue] = {}
        for key, item in value.items():
            name = str(_masked(key, everywhere, frozenset(), []))
            is_code = isinstance(item, str) and _CODE_KEY.search(key)
            known = (frozenset[str](), []) if is_code else (whole, within)
            found[name] = _masked(item, everywhere, *known)
        return found
    return value


def chain(error: BaseException, around: BaseException | None = None) -> Iterator[BaseException]:
    """Yield an error and its causes, without `around`, which the caller was handling before."""
    waiting: list[BaseException | None] = [error]
    seen = {id(around)}
    while waiting:
        one = waiting.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [one.__cause__, one.__context__]


def clear_frames(error: BaseException, around: BaseException | None = None) -> None:
    """Clear the local variables of every function that has ended with `error`.

    Credentials and texts pass through many, httpx's among them, and error reporters send the local
    variables of all.
    """
    for one in chain(error, around):
        traceback.clear_frames(one.__traceback__)


@contextmanager
def clearing_frames() -> Iterator[None]:
    """Clear the frames of any error that is raised inside."""
    around = sys.exception()
    try:
        yield
    except BaseException as error:
        clear_frames(error, around)
        raise
