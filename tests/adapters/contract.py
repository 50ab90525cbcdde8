"""JSON Schema written out from the documents of vendors that publish none, and checked strictly."""

from __future__ import annotations

import re

from jsonschema import Draft202012Validator

E164 = {"type": "string", "pattern": r"^\+[1-9]\d{6,14}$"}
MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$"}


def closed(required, optional=None):
    """Return an object with these fields and no other."""
    return {
        "type": "object",
        "properties": {**required, **(optional or {})},
        "required": list(required),
        "additionalProperties": False,
    }


def null_or(schema):
    return {"anyOf": [schema, {"type": "null"}]}


def route_of(documented, method, path):
    """Return the documented route that a request goes to."""
    for name in documented:
        if re.fullmatch(re.escape(name).replace(r"\{\}", "[^/]+"), f"{method} {path}"):
            return name
    raise AssertionError(f"{method} {path} is not documented")


def conforms(value, schema):
    Draft202012Validator.check_schema(schema)
    problems = [
        f"{error.json_path}: {error.message}"
        for error in Draft202012Validator(schema).iter_errors(value)
    ]
    assert problems == []
