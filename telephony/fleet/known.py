"""What a fleet knows from before: the last listings, and what vendors wrote at their carriers.

It is kept beside fleet.toml, in ``fleet.known.json``. Without it nothing is lost but two checks:
that a listing has become much shorter, and that a routing that a vendor wrote still stands.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from telephony.fleet.errors import FleetError
from telephony.fleet.planning.ops import Snapshot

FILE_NAME = "fleet.known.json"
VERSION = 1


class Known(Struct, frozen=True, kw_only=True):
    """What is known from before.

    Attributes:
        counts: how many numbers each profile held when it was last read and believed.
        wired: by number, what it read as at its owner after the vendor that answers it had last
            written its routing.
        taken_at: when `snapshot` was read.
        protected: the numbers that were protected then.
        snapshot: the last one, for plans that need no fresh one.
        version: of the file.
    """

    counts: Mapping[str, int] = {}
    wired: Mapping[str, str] = {}
    taken_at: datetime | None = None
    protected: tuple[str, ...] = ()
    snapshot: Snapshot | None = None
    version: int = VERSION

    def read(self, snapshot: Snapshot, at: datetime, protected: Iterable[str]) -> Known:
        """Return what is known once a snapshot was read, under this protection."""
        return replace(self, snapshot=snapshot, taken_at=at, protected=tuple(sorted(protected)))

    def with_wired(self, read: Mapping[str, str]) -> Known:
        """Return what is known once vendors wrote routings; the last snapshot is of before."""
        return replace(self, wired={**self.wired, **read}, taken_at=None)

    def believed(self, snapshot: Snapshot) -> Known:
        """Return what is known once the lengths of the snapshot's listings are believed."""
        held: dict[str, int] = {}
        for holding in snapshot.holdings:
            held[holding.profile] = held.get(holding.profile, 0) + 1
        return replace(self, counts={**self.counts, **held})


def load(folder: Path) -> Known:
    """Return what is known in a folder; nothing where there is no such file.

    Raises:
        FleetError: the file cannot be read, or a newer version of telephony wrote it.
    """
    path = folder / FILE_NAME
    try:
        text = path.read_bytes()
        version = msgspec.json.decode(text, type=_Version).version
        if version > VERSION:
            raise FleetError(
                f"A newer version of telephony wrote {path} (version {version}; this one reads "
                f"{VERSION}). Upgrade telephony."
            )
        return msgspec.json.decode(text, type=Known)
    except FileNotFoundError:
        return Known()
    except OSError as error:
        raise FleetError(f"{path} cannot be read: {error.strerror}.") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise FleetError(
            f"{path} is damaged ({error}). Delete it: the next plan writes a new one."
        ) from None


def save(folder: Path, known: Known) -> None:
    """Write what is known, whole or not at all, for its owner's eyes.

    Raises:
        FleetError: it cannot be written.
    """
    path = folder / FILE_NAME
    try:
        handle, name = tempfile.mkstemp(dir=folder, prefix=f".{FILE_NAME}-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(msgspec.json.encode(known))
            Path(name).replace(path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise FleetError(f"{path} cannot be written: {error.strerror}.") from error


class _Version(Struct):
    version: int = VERSION
