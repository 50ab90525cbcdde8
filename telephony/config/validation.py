"""Validate settings, with messages for people that never show a value."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from telephony.config.file import FILE_NAME
from telephony.config.layers import Problem, own_variables
from telephony.registry import suggestion
from telephony.settings import ProviderSettings

_TYPES = {
    "string": "a text in quotes",
    "float": "a number",
    "int": "a whole number",
    "bool": "true or false",
    "finite": "a number",
    "callable": "a function, which only `connect` can be given",
    "tuple": "a list",
}
_BOUNDS = {
    "greater_than": ("gt", "a number above {:g}"),
    "greater_than_equal": ("ge", "a number of at least {:g}"),
    "less_than": ("lt", "a number below {:g}"),
    "less_than_equal": ("le", "a number of at most {:g}"),
}


def problems_of(
    name: str, model: type[ProviderSettings], values: Mapping[str, object]
) -> tuple[ProviderSettings | None, list[Problem]]:
    """Return valid settings, or one problem for each invalid setting."""
    try:
        return model.model_validate(values), []
    except ValidationError as error:
        # pydantic's own text could show what was given.
        details = error.errors(include_input=False, include_url=False)
    found: dict[str, Problem] = {}
    for detail in details:
        setting = str(detail["loc"][0]) if detail["loc"] else ""
        found.setdefault(setting, Problem(setting, _sentence(name, model, setting, detail)))
    return None, list(found.values())


def _sentence(name: str, model: type[ProviderSettings], setting: str, detail: ErrorDetails) -> str:
    kind = detail["type"]
    if kind == "missing":
        own = next(own_variables(model.model_fields[setting]), None)
        or_variable = f", or set {own}" if own else ""
        return f"`{setting}` is missing: add it to [providers.{name}] in {FILE_NAME}{or_variable}."
    if kind == "extra_forbidden":
        near = suggestion(setting, model.model_fields)
        known = ", ".join(model.model_fields)
        return f"there is no setting `{setting}`.{near or f' Known: {known}.'}"
    if kind == "value_error":
        text = detail["msg"].removeprefix("Value error, ")
        return f"`{setting}`: {text}." if setting else f"{text}."
    return f"`{setting}`: write {_wanted(model, setting, detail)}."


def _wanted(model: type[ProviderSettings], setting: str, detail: ErrorDetails) -> str:
    info = model.model_fields.get(setting)
    kind = detail["type"]
    if info is not None and info.description:
        return info.description
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return words.format(detail.get("ctx", {})[bound])
    return _TYPES.get(kind.partition("_")[0], "another value")
