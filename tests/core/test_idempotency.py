"""The caller's name for a purchase, at the end of a label."""

from __future__ import annotations

import pytest

from telephony.idempotency import add_digest, find_digest, key_digest, split_digest

KEY = key_digest("order-17")


@pytest.mark.parametrize("key", [KEY, None])
@pytest.mark.parametrize("label", ["Desk", "[key:desk]", f"{KEY} [key:{KEY}] first", None])
def test_label_and_key_are_both_read_back(label, key):
    stored = add_digest(label, key)
    assert split_digest(stored) == (label, key)
    assert find_digest(stored) == key


def test_a_label_without_a_key_is_stored_as_it_is():
    assert add_digest("Desk", None) == "Desk"
    assert add_digest("Desk", KEY) == f"Desk [key:{KEY}]"


def test_each_key_has_its_own_stable_digest():
    assert key_digest("order-17") == "72a90ea3da8b" != key_digest("order-18")
