"""What must not be in a repository, looked for in recorded HTTP: keys, passwords, people's numbers.

The second pair of eyes after `telephony.testing.scrubbing`, and none of its code: what that does
not know is still found here. Rather too much than too little is reported.
"""

from __future__ import annotations

import base64
import binascii
import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_plus

_PLACEHOLDER = re.compile(r"\*+|(%2A)+|…|[{\[].*|null|true|false|none|", re.IGNORECASE)
_KINDS = {
    "a JSON Web Token": r"eyJ[\w-]{8,}\.[\w-]+",
    "a bearer token": r"(?i:bearer)\s+(?!\*)[\w.~+/=-]{8,}",
    "a private key": r"-----BEGIN [A-Z ]*PRIVATE KEY",
    "a key with a prefix": r"\b(?:[sprb]k|whsec|rnd)_\w{6,}",
    "an API key of a hexadecimal SID": r"\bSK[0-9a-fA-F]{32}\b",
    "an AWS key": r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",
    "a GitHub token": r"\b(?:gh[opsur]_\w{20,}|github_pat_\w{20,})",
    "a Slack token": r"\bxox[abprs]-[\w-]{8,}",
    "a Google key": r"\bAIza[\w-]{30,}",
    "a login in a URL": r"://[^\s/@:\"']+:[^\s/@*\"']+@",
    "a bare token of 32 digits or more": r"(?<![\w-])(?:[0-9a-f]{32,}|[0-9A-F]{32,})(?![\w-])",
}
_PATTERNS = {kind: re.compile(pattern) for kind, pattern in _KINDS.items()}
_NAMED = re.compile(
    r"""(?ix) [\w-]* (?: secret | passw(?:or)?d | passphrase | token | api[_-]?key | auth[_-]?key
        | credential | signature | cookie | authorization ) [\w-]* ["']? \s* (?: : | = ) \s*
        (?: -\s+ )? ["']? (?P<value> (?: (?:Bearer|Basic|Digest)\s )? [^\s"',&}\]]* )"""
)
_HARMLESS_NAME = re.compile(
    # A link to lists of credentials holds none.
    r"(?i)page_?token|credential_lists|(sid|_id|Id|name|type|url|expires\w*)[\"']?\s*[:=]"
)
_BASIC = re.compile(r"(?i:basic)\s+([A-Za-z0-9+/]{4,}={0,2})")
_SID = re.compile(r"[A-Z]{2}[0-9a-f]{32}")  # two letters for the kind, keys by SK
_LONG = re.compile(r"(?<![\w/+-])[A-Za-z0-9+_-]{24,}={0,2}(?![\w/+-])")
_NUMBER = re.compile(r"(?<![\w.])(?:\+|1)?[1-9]\d{9,14}(?!\w)")


@dataclass(frozen=True, slots=True)
class Leak:
    """Something that looks like a secret.

    Attributes:
        kind: of what, in words.
        start: its first characters, enough to find it and too few to use it.
        line: counted from one.
    """

    kind: str
    start: str
    line: int

    def __str__(self) -> str:
        return f"line {self.line}: {self.kind}: {self.start}…"


def leaks(text: str) -> list[Leak]:
    """Return everything that looks like a key, a token, a password or somebody's number.

    Args:
        text: what is to be published, such as a recorded response.

    Example:
        assert not leaks(cassette.read_text("utf-8"))
    """
    found = {
        Leak(kind, value[:4], text.count("\n", 0, at) + 1)
        for spelling in {text, text.replace('\\"', '"'), unquote_plus(text)}
        for kind, value, at in _found(spelling)
    }
    return sorted(found, key=lambda leak: (leak.line, leak.kind))


def leaks_in(folder: Path) -> dict[Path, list[Leak]]:
    """Return the files in which there are any, with what was found.

    Args:
        folder: searched with all folders below it.

    Example:
        assert leaks_in(Path("tests/cassettes")) == {}
    """
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = {path: leaks(path.read_text("utf-8", "replace")) for path in files}
    return {path: every for path, every in found.items() if every}


def _found(text: str) -> Iterator[tuple[str, str, int]]:
    for kind, pattern in _PATTERNS.items():
        for hit in pattern.finditer(text):
            yield kind, hit[0], hit.start()
    for hit in _NAMED.finditer(text):
        value = re.sub(r"(?i)^(bearer|basic|digest)\s", "", hit["value"]).strip("\\")
        if not _PLACEHOLDER.fullmatch(value) and not _HARMLESS_NAME.search(hit[0]):
            yield "a secret by its name", value, hit.start("value")
    for hit in _BASIC.finditer(text):
        if _is_login(hit[1]):
            yield "a login of HTTP Basic", hit[1], hit.start()
    for hit in _LONG.finditer(text):
        if not _SID.fullmatch(hit[0]) and _looks_random(hit[0]):
            yield "a random text", hit[0], hit.start()
    for hit in _NUMBER.finditer(text):
        if hit[0][-7:-4] != "555" and (hit[0].startswith("+") or len(hit[0]) == 11):
            yield "a telephone number without 555", hit[0], hit.start()


def _is_login(encoded: str) -> bool:
    try:
        return b":" in base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False


def _looks_random(text: str) -> bool:
    """Small and capital letters and digits, evenly mixed, as no words and few ids are."""
    kinds = (any(map(str.islower, text)), any(map(str.isupper, text)), any(map(str.isdigit, text)))
    shares = [count / len(text) for count in Counter(text).values()]
    return all(kinds) and -sum(share * math.log2(share) for share in shares) > 3.7
