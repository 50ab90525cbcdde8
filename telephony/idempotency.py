"""Idempotency keys of purchases, stored at the vendor so that a later run finds the number.

Where the vendor has no field for it, its digest ends the label: ``Desk [key:1f0c…]``.
"""

from __future__ import annotations

import hashlib
import re

_SUFFIX = re.compile(r"\s*\[key:([0-9a-f]{12})\]$")


def key_digest(key: str) -> str:
    """Return the short digest of an idempotency key that is stored at the vendor."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def add_digest(label: str | None, stored: str | None) -> str | None:
    """Return `label` with the digest appended, if there is one."""
    if stored is None:
        return label
    suffix = f"[key:{stored}]"
    return f"{label} {suffix}" if label else suffix


def find_digest(stored_label: str | None) -> str | None:
    """Return the digest at the end of a vendor's label, or None."""
    found = _SUFFIX.search(stored_label or "")
    return found[1] if found else None


def split_digest(stored_label: str | None) -> tuple[str | None, str | None]:
    """Return a vendor's label without its digest, and the digest; None for what is not there."""
    # Nearly no label ends so, and there may be a hundred thousand.
    if not stored_label or stored_label[-1] != "]":
        return stored_label or None, None
    return _SUFFIX.sub("", stored_label) or None, find_digest(stored_label)
