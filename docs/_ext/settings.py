"""Every setting of every adapter, as Markdown."""

from __future__ import annotations

import types
import typing
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import annotated_types
from docstrings import described
from pydantic import SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from telephony import registry
from telephony.config.layers import is_secret, own_variables
from telephony.settings import ProviderSettings

_WORDS: dict[object, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    SecretStr: "text",
    Path: "a path",
}


def of_every_vendor() -> str:
    """Return the settings that all adapters have."""
    return _listed(ProviderSettings, ProviderSettings.model_fields)


def of_each_vendor() -> str:
    """Return the settings that each adapter adds or changes."""
    parts: list[str] = []
    for name in registry.available():
        adapter = registry.load(name)
        own = [one for one in adapter.Settings.model_fields if _is_own(adapter.Settings, one)]
        parts += [f"## {adapter.vendor}", "", f'`adapter = "{name}"`.', ""]
        parts += [_listed(adapter.Settings, own)]
    return "\n".join(parts)


def _is_own(model: type[ProviderSettings], name: str) -> bool:
    return name in vars(model).get("__annotations__", ())


def _listed(model: type[ProviderSettings], names: Iterable[str]) -> str:
    said = described(model)
    return "\n".join(
        line
        for name in names
        for line in _entry(name, model.model_fields[name], said.get(name, ""))
    )


def _entry(name: str, info: FieldInfo, said: str) -> Iterator[str]:
    facts = [in_words(info)]
    if is_secret(info):
        facts.append("secret")
    facts.append(_default(name, info))
    facts += [f"or the variable `{variable}`" for variable in own_variables(info)]
    yield f"`{name}`"
    yield f": *{', '.join(fact for fact in facts if fact)}*"
    if said:
        yield ""
        text = said.replace("``", "`").rstrip(".")
        yield f"  {text[:1].upper()}{text[1:]}."
    yield ""


def _default(name: str, info: FieldInfo) -> str:
    if name == "base_url" and info.is_required():
        return "default: the vendor's own"
    if info.is_required():
        return "required"
    if info.default in (None, PydanticUndefined) or info.default is False:
        return "" if info.default is None else "default false"
    is_number = isinstance(info.default, float)
    shown = "true" if info.default is True else f"{info.default:g}" if is_number else info.default
    return f"default `{shown}`"


def in_words(info: FieldInfo) -> str:
    """Return the type of a setting in words."""
    if info.description:
        return info.description
    kinds = [kind for kind in _kinds(info.annotation) if kind is not types.NoneType]
    bounds = {type(mark): mark for mark in info.metadata}
    words = [_words(kind, bounds) for kind in kinds]
    return " or ".join(dict.fromkeys(words))


def _kinds(annotation: object) -> tuple[object, ...]:
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return typing.get_args(annotation)
    return (annotation,)


def _words(kind: object, bounds: Mapping[type, object]) -> str:
    if typing.get_origin(kind) is typing.Literal:
        return ", ".join(f"`{value}`" for value in typing.get_args(kind))
    word = _WORDS.get(kind, "a function")
    if kind not in (int, float):
        return word
    low, high = bounds.get(annotated_types.Ge), bounds.get(annotated_types.Le)
    above = bounds.get(annotated_types.Gt)
    if low and high:
        return f"{word} from {low.ge:g} to {high.le:g}"
    if low:
        return f"{word} of at least {low.ge:g}"
    return f"{word} above {above.gt:g}" if above else word
