"""Docstrings as they are written here, made ready for Sphinx.

- Single backticks hold a name. It becomes a link where something public has that name.
- An ``Example:`` is code.
- Fields of models, dataclasses and settings are listed with their types and defaults; the
  descriptions are those under ``Attributes:``.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
import typing
from collections.abc import Iterator
from enum import Enum

from docutils import nodes
from pydantic import BaseModel
from pydantic_core import PydanticUndefined
from sphinx.addnodes import desc_parameterlist, desc_signature, pending_xref
from sphinx.application import Sphinx
from sphinx.domains.python import PythonDomain
from sphinx.environment import BuildEnvironment
from sphinx.ext.autodoc import SLOTSATTR
from sphinx.util.docutils import SphinxRole
from sphinx.util.typing import stringify_annotation

from telephony import (
    AsyncPhoneNumberProvider,
    AsyncProvider,
    Capability,
    PhoneNumberProvider,
    Provider,
)
from telephony.sandbox import Fault
from telephony.settings import ProviderSettings

_ALIAS = re.compile(r"TypeAliasForwardRef\('([\w.]+)'\)")
_FUNCTION = re.compile(r"<function (\w+)>")
_DISCRIMINATORS = frozenset({"kind", "type"})
_PROVIDERS = (Provider, AsyncProvider, PhoneNumberProvider, AsyncPhoneNumberProvider)
_PLURAL = re.compile(r"(?<!`)(`\w+`)s\b")
_SECTION = re.compile(r"^(?P<name>Args|Attributes|Example|Raises|Returns|Yields):$")


class Name(SphinxRole):
    """What single backticks mean in a docstring."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Return a link that is plain code where nothing has the name."""
        literal = nodes.literal(self.rawtext, self.text, classes=["xref", "py"])
        target = self.text.partition("(")[0].removeprefix("telephony.")
        reference = pending_xref(
            self.rawtext, literal, refdomain="py", reftype="obj", reftarget=target, optional=True
        )
        reference["py:module"] = self.env.ref_context.get("py:module")
        reference["py:class"] = self.env.ref_context.get("py:class")
        return [reference], []


def resolved(
    app: Sphinx, env: BuildEnvironment, node: pending_xref, content: nodes.TextElement
) -> nodes.Node | None:
    """Return a link to the one public thing of this name, or the name as code."""
    target: str = node["reftarget"]
    if node["refdomain"] != "py" or not (node.get("optional") or target[:1].isupper()):
        return None
    if target in set(Capability):
        asynchronous = "Async" in (node.get("py:class") or "")
        target = f"{'AsyncProvider' if asynchronous else 'Provider'}.{target}"
    python = typing.cast("PythonDomain", env.domains["py"])
    if target[:1].isupper():
        for name in (f"telephony.{target}", *_ending_in(target, python)):
            if name in python.objects:
                node["reftarget"] = name
                found = python.resolve_xref(
                    env, node["refdoc"], app.builder, "obj", name, node, content
                )
                return found or content
    return content if node.get("optional") else None


def _ending_in(target: str, python: PythonDomain) -> list[str]:
    found = [name for name, entry in python.objects.items() if not entry.aliased]
    found = [name for name in found if name.endswith(f".{target}")]
    return found if len(found) == 1 else []


def sections(text: str) -> dict[str, list[str]]:
    """Return the lines of each section of a docstring; those before the first are under ''."""
    found: dict[str, list[str]] = {"": []}
    current = ""
    for line in inspect.cleandoc(text).splitlines():
        begins = _SECTION.match(line)
        if begins:
            current = begins["name"]
            found[current] = []
        else:
            found[current].append(line)
    return found


def described(model: type) -> dict[str, str]:
    """Return what the docstrings of a class and its bases say of each field."""
    found: dict[str, str] = {}
    for kind in reversed(model.__mro__):
        lines = sections(vars(kind).get("__doc__") or "").get("Attributes", [])
        name = ""
        for line in inspect.cleandoc("\n".join(["", *lines])).splitlines():
            names, colon, text = line.partition(":")
            if colon and line[:1].strip() and re.fullmatch(r"[\w, ]+", names):
                name = names
                found |= dict.fromkeys(name.split(", "), text.strip())
            elif name and line.strip():
                found |= {one: f"{found[one]} {line.strip()}" for one in name.split(", ")}
    return found


def fields_of(model: type) -> Iterator[tuple[str, object, object]]:
    """Yield the name, the type and the default of each field; Ellipsis where it is required.

    Of a class that is neither a model nor a dataclass, yield what its docstring describes.
    """
    hints = typing.get_type_hints(model)
    if issubclass(model, BaseModel):
        for name, info in model.model_fields.items():
            default = info.default if info.default is not PydanticUndefined else ...
            yield name, hints[name], default if info.default_factory is None else None
    elif dataclasses.is_dataclass(model):
        for field in dataclasses.fields(model):
            required = field.default is field.default_factory is dataclasses.MISSING
            default = getattr(field.default, "default", field.default)
            has_value = default is not dataclasses.MISSING and default is not PydanticUndefined
            if field.name != "_" and not field.name.startswith("_"):
                yield field.name, hints[field.name], ... if required or not has_value else default
    else:
        for name in described(model):
            hint = hints.get(name)
            is_class_variable = typing.get_origin(hint) is typing.ClassVar
            yield name, typing.get_args(hint)[0] if is_class_variable else hint, ...


def has_fields(kind: object) -> bool:
    """Return whether a class is a model or a dataclass."""
    return isinstance(kind, type) and (
        issubclass(kind, BaseModel) or dataclasses.is_dataclass(kind)
    )


def rewrite(
    app: Sphinx, what: str, name: str, subject: object, options: object, lines: list[str]
) -> None:
    """Make a docstring ready for napoleon, which reads it next."""
    # reStructuredText wants something between the end of a name and the letter after it.
    found = sections(_PLURAL.sub(r"\1\\ s", "\n".join(lines)))
    if "Example" in found:
        code = inspect.cleandoc("\n".join(["", *found["Example"]])).splitlines()
        found["Example"] = ["    .. code-block:: python", "", *(f"        {line}" for line in code)]
    lists = what in {"class", "exception"} and (has_fields(subject) or "Attributes" in found)
    if lists:
        found.pop("Attributes", None)
    lines[:] = [
        line
        for section, body in found.items()
        for line in ([f"{section}:"] if section else []) + body
    ]
    if lists:
        lines += ["", *_fields(typing.cast("type", subject))]


def _fields(model: type) -> Iterator[str]:
    said = described(model)
    for name, annotation, default in fields_of(model):
        if name in _DISCRIMINATORS and typing.get_origin(annotation) is typing.Literal:
            continue
        yield f".. py:attribute:: {name}"
        if annotation is not None:
            yield f"   :type: {stringify_annotation(annotation, 'smart')}"
        if default is not ... and _is_made_by_users(model):
            yield f"   :value: {getattr(default, 'value', default)!r}"
        yield ""
        if name in said:
            yield f"   {said[name][:1].upper()}{said[name][1:]}"
        elif name == "raw":
            yield "   The vendor's own body, secrets removed."
        elif name == "provider":
            yield "   The configured name of the provider it came from."
        yield ""


def _is_made_by_users(model: type) -> bool:
    """Return whether defaults matter: users do not make the results of methods and the events."""
    return dataclasses.is_dataclass(model) or issubclass(model, ProviderSettings | Fault)


def skip(
    app: Sphinx, what: str, name: str, subject: object, skipped: bool, options: object
) -> bool | None:
    """Leave out the fields, which `rewrite` lists."""
    return True if subject is SLOTSATTR or name == "model_config" else None


def signature(
    app: Sphinx,
    what: str,
    name: str,
    subject: object,
    options: object,
    given: str | None,
    returned: str | None,
) -> tuple[str, str] | None:
    """Leave out the signatures of what users do not make: results, settings, words, errors.

    Of a target, leave out the types, which its fields have.
    """
    if not given:
        return None
    if name.startswith("telephony.testing.plugin."):
        # pytest fills in the arguments of fixtures, and resumes them after the test.
        return "()", re.sub(r"^Iterator\[(.*)\]$", r"\1", returned or "")
    is_result = isinstance(subject, type) and issubclass(subject, BaseModel | Enum)
    if what == "exception" or is_result or subject in _PROVIDERS:
        return "", ""
    if what == "class" and hasattr(subject, "__pydantic_fields__"):
        shown = [(n, d) for n, _, d in fields_of(typing.cast("type", subject)) if n != "kind"]
        return f"({', '.join(n if d is ... else f'{n}={d!r}' for n, d in shown)})", ""
    # What Sphinx would not read: an alias in brackets, and a default that is a function.
    return _FUNCTION.sub(r"\1", given), _ALIAS.sub(r"\1", returned or "")


def polish(app: Sphinx, doctree: nodes.document) -> None:
    """Put a dash between an argument and what is said of it, and no brackets behind a fixture."""
    for shown in doctree.findall(desc_signature):
        if shown.get("module") == "telephony.testing.plugin":
            shown.remove(next(shown.findall(desc_parameterlist)))
    for text in [one for one in doctree.findall(nodes.Text) if one.astext() == " -- "]:
        text.parent.replace(text, nodes.Text(" – "))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register what this module adds."""
    app.add_role("name", Name())
    app.connect("doctree-read", polish)
    app.connect("missing-reference", resolved)
    app.connect("autodoc-process-docstring", rewrite, priority=400)
    app.connect("autodoc-skip-member", skip)
    app.connect("autodoc-process-signature", signature)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
