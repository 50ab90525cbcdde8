"""Taking secrets, people and texts out of recorded HTTP, for cassettes of vcrpy.

    @pytest.fixture
    def vcr_config():
        return Scrubber().vcr_config()

vcrpy's own filters look only at what is configured: they pass over bodies with a charset in their
content type, values inside values, HTTP Basic, and everything in a compressed response. This looks
everywhere: headers, URL, forms, JSON however deep, JSON and URLs inside strings, and plain text.

What comes out for the same input is the same in every run, so that a request still finds its
recording. It knows secrets by the name they stand under and by their form; name the rest yourself.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Protocol, TypeAlias
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit, urlunsplit

from pydantic import JsonValue

from telephony.redaction import MASK

TEXT = "[text of a message]"
# A WAV file in which nothing is heard; all of it is ASCII, so that it can be read in a cassette.
SILENCE = b"RIFF,\0\0\0WAVEfmt \x10\0\0\0\1\0\1\0@\x1f\0\0@\x1f\0\0\1\0\x08\0data\x08\0\0\0@@@@@@@@"

# A name is a secret's if one of these words, or pairs of words, is in it…
_SECRET = re.compile(
    r"\b(secrets?|passwords?|passwd|pwd|passphrase|pass|tokens?|pin|credentials|signature|cookies?"
    r"|authorization|jwt|(api|auth|access|private|secret|signing) ?keys?)\b"
)
# …and none of these: they describe a secret, or lead to the next page.
_HARMLESS = re.compile(r"\b(id|sid|ids|name|type|url|expires|page|next|previous|continuation)\b")
_TEXTS = frozenset(
    {
        "body",
        "text",
        "transcript",
        "word",
        "last message",
        "last message preview",
        "last transcript snippet",
    }
)
# Beside a `role`, which names who speaks, and beside what the caller said, these hold words.
_SAID = {
    "role": frozenset({"message", "content", "result", "arguments"}),
    "transcript": frozenset({"response"}),
}
_WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_NUMBER = re.compile(
    r"(?<![\w.])"
    r"(?:\+[1-9]\d{7,14}|(?:\+?1[ .-]?)?(?:\([2-9]\d\d\)|[2-9]\d\d)[ .-]?[2-9]\d\d[ .-]?\d{4})"
    r"(?!\w)"
)
_FORMS = (
    re.compile(r"\beyJ[\w-]+\.[\w-]+\.[\w-]*"),  # a JSON Web Token
    re.compile(r"(?<=\bBearer )[\w.~+/=-]{8,}"),
    re.compile(r"\b(?:[sprb]k|whsec|xox[abp]|gh[opsu]|github_pat|glpat)[_-][\w-]{6,}"),
    re.compile(r"\bSK[0-9a-fA-F]{32}\b"),  # an API key that is a SID
    re.compile(r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b"),
    re.compile(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)", re.DOTALL
    ),
    re.compile(r"(?<=://)[^\s/@:]+:[^\s/@]+(?=@)"),  # user and password in a URL
)
_BASIC = re.compile(r"(?<=\bBasic )[A-Za-z0-9+/]{4,}={0,2}")
_IN_URL = re.compile(r"([?&;])([\w.-]+)=([^&;#\s\"'<>]+)")

Headers: TypeAlias = dict[str, list[str]]


class Request(Protocol):
    """What is used of a `vcr.request.Request`."""

    uri: str
    headers: Mapping[str, str]
    body: bytes | None


class Scrubber:
    """Makes what vcrpy is about to store, or to look up, free of secrets.

    Secrets become ``**********``; texts of messages and calls become `TEXT`; recordings of calls
    become `SILENCE`; the last seven digits of every telephone number become 555 and four more,
    always the same ones for the same number. Numbers that have the 555 stay as they are.

    Args:
        replaced: further texts to replace wherever they occur, and what to put there: your account
            id, the host you record against.
        secret_names: further names of headers, query parameters or fields that hold secrets.
        text_names: further names of fields that hold what people wrote.
        dropped_headers: headers to leave out of requests, in lower case.

    Example:
        @pytest.fixture
        def vcr_config():
            return Scrubber(replaced={"AC0123…": "AC" + "0" * 32}).vcr_config()
    """

    def __init__(
        self,
        *,
        replaced: Mapping[str, str] | None = None,
        secret_names: Iterable[str] = (),
        text_names: Iterable[str] = (),
        dropped_headers: Iterable[str] = ("host", "user-agent", "connection", "accept-encoding"),
    ) -> None:
        # The longer first: one may be a part of another.
        self._replaced = sorted(
            ((old, new) for old, new in (replaced or {}).items() if old and old != new),
            key=lambda pair: -len(pair[0]),
        )
        self._secret_names = frozenset(map(_spoken, secret_names))
        self._text_names = _TEXTS | frozenset(map(_spoken, text_names))
        self._dropped = frozenset(dropped_headers)

    def vcr_config(self) -> dict[str, object]:
        """Return what pytest-recording's fixture `vcr_config` needs; add your own keys to it."""
        return {
            "before_record_request": self.request,
            "before_record_response": self.response,
            # Only what is decoded can be read.
            "decode_compressed_response": True,
        }

    def request(self, request: Request) -> Request:
        """Scrub a request, in place: `before_record_request` of vcrpy.

        Args:
            request: as vcrpy gives it.

        Raises:
            ValueError: the body cannot be read, so it may hold anything.

        Example:
            vcr.VCR(before_record_request=Scrubber().request)
        """
        headers = {name.lower(): value for name, value in request.headers.items()}
        _refuse_encoded(headers.get("content-encoding"))
        request.uri = self.url(request.uri)
        if request.body is not None:
            form = "x-www-form-urlencoded" in headers.get("content-type", "").lower()
            request.body = self._content(request.body, form=form)
            if "content-length" in headers:
                headers["content-length"] = str(len(request.body))
        request.headers = {
            name: self._header(name, value)
            for name, value in headers.items()
            if name not in self._dropped
        }
        return request

    def response(self, response: dict[str, object]) -> dict[str, object]:
        """Return a response without what is secret: `before_record_response` of vcrpy.

        Args:
            response: as vcrpy gives it; it stays as it is.

        Raises:
            ValueError: the body cannot be read, so it may hold anything.

        Example:
            vcr.VCR(before_record_response=Scrubber().response)
        """
        given, body = response["headers"], response["body"]
        if not isinstance(given, dict) or not isinstance(body, dict):
            raise TypeError("not a response of vcrpy")
        headers: Headers = {
            name.lower(): [self._header(name, value) for value in values]
            for name, values in given.items()
        }
        _refuse_encoded(*headers.get("content-encoding", []))
        kind = next(iter(headers.get("content-type", [])), "")
        recorded = kind.startswith(("audio/", "video/"))
        content = SILENCE if recorded else self._content(body["string"] or b"", form=False)
        if "content-length" in headers and content != body["string"]:
            headers["content-length"] = [str(len(content))]
        return {**response, "headers": headers, "body": {**body, "string": content}}

    def text(self, text: str) -> str:
        """Return a text without what is secret.

        Args:
            text: JSON or not.

        Example:
            print(Scrubber().text('{"api_key": "sk_live_1"}'))
        """
        if text.lstrip()[:1] in {"{", "["}:
            try:
                value = json.loads(text)
            except ValueError:
                pass  # not JSON after all
            else:
                scrubbed = self.value(value)
                # Unchanged, it keeps the vendor's own spelling.
                return text if scrubbed == value else json.dumps(scrubbed, ensure_ascii=False)
        for old, new in self._replaced:
            text = text.replace(old, new)
        for form in _FORMS:
            text = form.sub(MASK, text)
        text = _BASIC.sub(lambda found: MASK if _is_login(found[0]) else found[0], text)
        text = _IN_URL.sub(
            lambda found: f"{found[1]}{found[2]}={MASK}" if self._secret(found[2]) else found[0],
            text,
        )
        return _NUMBER.sub(lambda found: fictional(found[0]), text)

    def value(self, value: JsonValue, name: str = "") -> JsonValue:
        """Return a JSON value without what is secret, however deep.

        Args:
            value: any JSON value.
            name: the key it stands under, if any.

        Example:
            Scrubber().value({"to": "+14155550123", "token": "x"})
        """
        if isinstance(value, dict):
            said = frozenset[str]().union(*(_SAID[key] for key in _SAID if key in value))
            return {
                key: TEXT if key in said and item and isinstance(item, str)
                else self.value(item, key)
                for key, item in value.items()
            }  # fmt: skip
        if isinstance(value, list):
            return [self.value(item, name) for item in value]
        if isinstance(value, bool) or value is None or value == "":
            return value
        if self._secret(name):
            return MASK
        if not isinstance(value, str):
            return value
        return TEXT if _spoken(name) in self._text_names else self.text(value)

    def url(self, url: str) -> str:
        """Return a URL without what is secret in its login, path or query.

        Args:
            url: with its parts percent-encoded.

        Example:
            Scrubber().url("https://api.example.com/calls?token=x")
        """
        for old, new in self._replaced:
            url = url.replace(old, new)
        parts = urlsplit(url)
        segments = [(segment, self.text(unquote(segment))) for segment in parts.path.split("/")]
        path = "/".join(
            segment if text == unquote(segment) else quote(text, safe="")
            for segment, text in segments
        )
        pairs = parse_qsl(parts.query, keep_blank_values=True)
        scrubbed = self._pairs(pairs)
        query = parts.query if scrubbed == pairs else urlencode(scrubbed)
        netloc = parts.netloc.rpartition("@")[2]
        return urlunsplit((parts.scheme, netloc, path, query, parts.fragment))

    def _content(self, content: bytes, *, form: bool) -> bytes:
        try:
            text = content.decode()
        except UnicodeDecodeError:
            raise ValueError("a body that is not text cannot be scrubbed") from None
        if form:
            pairs = parse_qsl(text, keep_blank_values=True)
            scrubbed = self._pairs(pairs)
            return content if scrubbed == pairs else urlencode(scrubbed).encode()
        return self.text(text).encode()

    def _pairs(self, pairs: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [(name, str(self.value(value, name))) for name, value in pairs]

    def _header(self, name: str, value: str) -> str:
        if self._secret(name):
            scheme, space, _ = value.partition(" ")
            known = scheme.lower() in {"bearer", "basic", "digest"} and space
            return f"{scheme} {MASK}" if known else MASK
        return self.url(value) if name.lower() == "location" else self.text(value)

    def _secret(self, name: str) -> bool:
        spoken = _spoken(name)
        if spoken in self._secret_names:
            return True
        return bool(_SECRET.search(spoken)) and not _HARMLESS.search(spoken)


def fictional(number: str) -> str:
    """Return the number that stands in a cassette for a real one, written in the same way.

    The last seven digits become 555 and four that depend on all of its digits; a number that has
    the 555 already is left alone.
    """
    digits = re.sub(r"\D", "", number)
    if digits[-7:-4] == "555":
        return number
    # Written with and without its country code, it is the same number.
    found = int(hashlib.sha256(digits[-10:].encode()).hexdigest(), 16) % 10_000
    new = iter(f"555{found:04d}")
    kept = len(digits) - 7
    seen = 0
    written: list[str] = []
    for character in number:
        if character.isdigit():
            seen += 1
            character = character if seen <= kept else next(new)
        written.append(character)
    return "".join(written)


def _spoken(name: str) -> str:
    """``apiKey``, ``API-Key`` and ``api_key`` as ``api key``."""
    return " ".join(word.lower() for word in _WORDS.findall(name))


def _is_login(encoded: str) -> bool:
    """Whether it is a user and a password, as HTTP Basic writes them."""
    try:
        return b":" in base64.b64decode(encoded, validate=True)
    except binascii.Error:
        return False


def _refuse_encoded(*encodings: str | None) -> None:
    if any(encoding and encoding.lower() != "identity" for encoding in encodings):
        raise ValueError("a compressed body cannot be scrubbed: set decode_compressed_response")
