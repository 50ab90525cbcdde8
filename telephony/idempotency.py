"""A caller's name for a purchase, kept at the vendor so that any later run can find it again.

Where the vendor has no field for it, it rides at the end of the label: ``Desk [key:1f0c…]``.
"""

from __future__ import annotations

import hashlib
import re

_MARK = re.compile(r"\s*\[key:([0-9a-f]{12})\]$")


def key_digest(key: str) -> str:
    """The short, fixed-size form of an idempotency key that is stored at the vendor."""
    return hashlib.sha256(key.encode()).hexdigest()[:12]


def add_digest(label: str | None, stored: str | None) -> str | None:
    """`label` carrying the mark, if there is one."""
    if stored is None:
        return label
    tail = f"[key:{stored}]"
    return f"{label} {tail}" if label else tail


def find_digest(stored_label: str | None) -> str | None:
    """The mark that a vendor's label carries, or None."""
    found = _MARK.search(stored_label or "")
    return found[1] if found else None


def strip_digest(stored_label: str | None) -> str | None:
    """A vendor's label as people wrote it."""
    return _MARK.sub("", stored_label or "") or None
