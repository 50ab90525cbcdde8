"""Keeping secrets, and the texts of messages, out of everything that people and logs see."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import JsonValue, SecretStr

MASK = "**********"


def secrets_of(holder: object) -> tuple[str, ...]:
    """Every secret among an object's attributes, in clear."""
    return tuple(
        value.get_secret_value()
        for value in (vars(holder).values() if holder is not None else ())
        if isinstance(value, SecretStr) and value.get_secret_value()
    )


def masked(value: JsonValue, secrets: Iterable[str]) -> JsonValue:
    """`value` with every occurrence of a secret replaced, however deep it sits."""
    if isinstance(value, str):
        for secret in secrets:
            value = value.replace(secret, MASK)
        return value
    if isinstance(value, list):
        return [masked(item, secrets) for item in value]
    if isinstance(value, dict):
        return {key: masked(item, secrets) for key, item in value.items()}
    return value
