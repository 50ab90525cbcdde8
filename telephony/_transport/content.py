"""The body of a response, decoded up to a limit: a few kilobytes can expand to gigabytes."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

# All that is requested and accepted: httpx would undo any number of encodings.
ACCEPTED = "gzip"
_GZIP = frozenset({"gzip", "x-gzip"})
_LARGEST = 64 * 1024 * 1024  # where a request does not expect more


class UnreadableContentError(Exception):
    """The body of a response is too large, cut off or in an encoding that was not requested."""


class Content:
    """Collects one body as it arrives, of `largest` bytes at most (0: 64 MiB)."""

    def __init__(self, headers: Mapping[str, str], largest: int = 0) -> None:
        self._largest = largest or _LARGEST
        named = headers.get("content-encoding", "").lower().split(",")
        encodings = [name.strip() for name in named if name.strip() not in {"", "identity"}]
        if len(encodings) > 1 or not _GZIP.issuperset(encodings):
            raise UnreadableContentError("it has an encoding that was not requested")
        self._gzip = zlib.decompressobj(zlib.MAX_WBITS | 16) if encodings else None
        self._parts: list[bytes] = []
        self._size = 0

    def add(self, data: bytes) -> None:
        """Add the next part. Raises `UnreadableContentError`."""
        if self._gzip is not None:
            try:
                data = self._gzip.decompress(data, self._largest - self._size + 1)
            except zlib.error as error:
                raise UnreadableContentError("it is not the gzip that its header states") from error
            if self._gzip.unused_data:
                raise UnreadableContentError("something follows its end")
        self._parts.append(data)
        self._size += len(data)
        if self._size > self._largest:
            raise UnreadableContentError(f"it is over {self._largest} bytes")

    def whole(self) -> bytes:
        """Return the whole body, once everything has arrived. Raises `UnreadableContentError`."""
        if self._gzip is not None and self._parts and not self._gzip.eof:
            raise UnreadableContentError("its end is missing")
        return b"".join(self._parts)
