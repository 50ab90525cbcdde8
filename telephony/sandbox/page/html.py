"""HTML that is escaped wherever it comes from a text."""

from __future__ import annotations

import html
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeAlias

_VOID = frozenset({"input", "link", "meta"})
NOTHING: Mapping[str, str | bool | None] = MappingProxyType({})


class Html(str):
    """A text that is HTML already."""

    __slots__ = ()


Child: TypeAlias = str | None
Attributes: TypeAlias = Mapping[str, str | bool | None]


def tag(name: str, attributes: Attributes = NOTHING, *children: Child) -> Html:
    """Return an element.

    Args:
        name: of the element.
        attributes: False and None: left out; True: without a value.
        children: `Html` as it is, other texts escaped, None left out.
    """
    written = "".join(map(_attribute, attributes.items()))
    if name in _VOID:
        return Html(f"<{name}{written}>")
    return Html(f"<{name}{written}>{joined(children)}</{name}>")


def joined(children: Iterable[Child]) -> Html:
    """Return several elements or texts, one after the other."""
    return Html(
        "".join(
            child if isinstance(child, Html) else html.escape(child)
            for child in children
            if child is not None
        )
    )


def _attribute(pair: tuple[str, str | bool | None]) -> str:
    name, value = pair
    if value is None or value is False:
        return ""
    return f" {name}" if value is True else f' {name}="{html.escape(value)}"'
