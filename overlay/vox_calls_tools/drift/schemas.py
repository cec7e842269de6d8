"""Normalises the schemas of an OpenAPI document, so that documents by different authors can be compared.

References, `allOf`, `nullable: true` of OpenAPI 3.0, type arrays of 3.1, `oneOf` with null and `oneOf` of constants are
different ways to say the same; here they become the same facts.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

from vox_calls.errors import VoxCallsError

FREE_OBJECT = "free object"
"""The type of an object without declared properties: any key, any value."""

JSON_TYPES: Mapping[type, str] = {
    bool: "boolean",
    int: "integer",
    float: "number",
    str: "string",
    list: "array",
    dict: "object",
    type(None): "null",
}

# Keywords that do not affect what is sent or read.
_ANNOTATIONS = frozenset(
    {"title", "description", "example", "examples", "externalDocs", "xml", "discriminator", "definitions"}
)
_STRUCTURE = frozenset({"properties", "required", "items", "additionalProperties"})
_NUMBER = (int, float)
_KINDS: Mapping[str, Any] = {
    "type": str,
    "format": str,
    "pattern": str,
    "enum": list,
    **dict.fromkeys(("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"), _NUMBER),
    **dict.fromkeys(("minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties"), _NUMBER),
}
_MOST_REFERENCES = 20
# Each step takes about 0.3 microseconds. References to references multiply, so a small document can ask for many.
_MOST_STEPS = 12_000_000
_STEPS_OF_A_SCHEMA = 50

Schema = dict[str, Any]


class DocumentError(VoxCallsError):
    """An OpenAPI document cannot be read, or does not describe `GET /v3/calls`."""


class Schemas:
    """The schemas of one document."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = document
        self._left = _MOST_STEPS

    def spend(self, steps: int) -> None:
        """Count steps of work.

        Raises:
            DocumentError: The document has taken more than can be compared in seconds.
        """
        self._left -= steps
        if self._left < 0:
            raise DocumentError("the document has schemas that refer to each other too often to be compared")

    def resolve(self, node: object) -> dict[str, Any]:
        """Follow the references of a node. Keys next to a reference override those of its target."""
        for _ in range(_MOST_REFERENCES):
            if not isinstance(node, dict):
                raise DocumentError(f"the document has {type(node).__name__} instead of an object")
            if "$ref" not in node:
                return node
            beside = {key: value for key, value in node.items() if key != "$ref"}
            target = self._target(node["$ref"])
            self.spend(len(target))
            node = {**target, **beside}
        raise DocumentError("the document has a circular reference")

    def _target(self, reference: str) -> dict[str, Any]:
        target: Any = self.document
        for part in reference.removeprefix("#/").split("/"):
            key = unquote(part).replace("~1", "/").replace("~0", "~")
            if isinstance(target, list) and key.isdecimal() and int(key) < len(target):
                target = target[int(key)]
                continue
            if not isinstance(target, dict) or key not in target:
                raise DocumentError(f"the document refers to {reference}, which does not exist")
            target = target[key]
        if not isinstance(target, dict):
            raise DocumentError(f"the document refers to {reference}, which is not an object")
        return target

    def facts(self, node: object) -> dict[str, Any]:
        """Return the facts of a schema by keyword; those of array items and map values as `items ...`, `values ...`."""
        schema = self.normal(node)
        self.spend(_STEPS_OF_A_SCHEMA)
        facts: dict[str, Any] = {}
        for name, value in schema.items():
            if name in _ANNOTATIONS | _STRUCTURE or name.startswith(("x-", "$")) or value is None:
                continue
            if value is False and name != "default":
                continue
            if not isinstance(value, _KINDS.get(name, object)) or (name in _KINDS and isinstance(value, bool)):
                raise DocumentError(f"the document has an invalid {name}: {value!r}"[:200])
            facts[name] = value
        inside = {"items": self.facts(schema.get("items", {}))} if facts.get("type") == "array" else {}
        more = schema.get("additionalProperties", True)
        if more is False:
            facts["additionalProperties"] = "none"
        elif more not in (True, {}) and (values := self.facts(more)) and set(values) != {"nullable"}:
            inside["values"] = values
        for name, told in inside.items():
            facts["type"] = f"{facts.get('type', 'object')} of {told.pop('type', 'anything')}"
            # An array takes over the enum and the format of its items: `array of string`, format uuid.
            lifted = {"enum", "format"} if name == "items" else set()
            facts |= {fact if fact in lifted else f"{name} {fact}": value for fact, value in told.items()}
        return facts

    def normal(self, node: object) -> Schema:
        """Return the schema with one type, `nullable`, and as few combinations as possible."""
        if isinstance(node, bool):
            node = {} if node else {"not": {}}
        schema = dict(self.resolve(node or {}))
        self.spend(_STEPS_OF_A_SCHEMA + _size(schema))
        kinds = schema.pop("type", None)
        kinds = list(kinds) if isinstance(kinds, list) else [kinds] if kinds else []
        nullable = bool(schema.pop("nullable", False)) or "null" in kinds
        for part in schema.pop("allOf", []):
            inner = self.normal(part)
            self.spend(_size(schema))
            nullable = nullable or "nullable" in inner
            schema = _both(inner, schema)
            kinds = kinds or [inner["type"].replace(FREE_OBJECT, "object")] * ("type" in inner)
        choices = [self.normal(choice) for choice in schema.pop("oneOf", []) + schema.pop("anyOf", [])]
        self.spend(len(choices) ** 2)
        nullable = nullable or any("nullable" in choice or choice.get("type") == "null" for choice in choices)
        real = [choice for choice in choices if choice.get("type") != "null"]
        if real:
            schema = _both(_any_of(real), schema)
            kinds = kinds or sorted({str(choice.get("type", "anything")) for choice in real})
        kinds = [kind for kind in kinds if kind != "null"] or (["null"] if kinds == ["null"] else [])
        if "const" in schema:
            schema["enum"] = [schema.pop("const")]
        if isinstance(schema.get("enum"), list):
            nullable = nullable or None in schema["enum"]
            kinds = kinds or ["null"] * (schema["enum"] == [None])
            schema["enum"] = [value for value in schema["enum"] if value is not None]
            kinds = kinds or sorted({JSON_TYPES.get(type(value), "anything") for value in schema["enum"]})
        if "properties" in schema and not kinds:
            kinds = ["object"]
        if kinds == ["object"] and not schema.get("properties"):
            kinds = [FREE_OBJECT]
        if kinds:
            schema["type"] = " or ".join(sorted(set(kinds)))
        if nullable:
            schema["nullable"] = True
        return _inclusive(schema)


def _size(schema: Schema) -> int:
    parts = (schema.get(name) for name in ("properties", "required", "enum"))
    return sum(len(part) for part in parts if isinstance(part, list | dict))


def _both(inner: Schema, outer: Schema) -> Schema:
    """Merge two schemas that must both hold. The outer one takes precedence."""
    merged = {
        **inner,
        **outer,
        "properties": {**inner.get("properties", {}), **outer.get("properties", {})},
        "required": [*inner.get("required", []), *outer.get("required", [])],
    }
    return _stated(merged)


def _any_of(choices: list[Schema]) -> Schema:
    """Merge alternative schemas: all their fields, with the facts that hold for each of them."""
    first = choices[0]
    if len(choices) == 1:
        return {key: value for key, value in first.items() if key not in {"type", "nullable"}}
    merged: Schema = {
        "properties": _alternatives([choice.get("properties", {}) for choice in choices]),
        "required": [
            name for name in first.get("required", []) if all(name in one.get("required", []) for one in choices)
        ],
    }
    # An enum next to a plain string type is an open enum.
    if all("enum" in choice or choice == {"type": "string"} for choice in choices):
        merged["enum"] = list(dict.fromkeys(value for choice in choices for value in choice.get("enum", [])))
    return _stated(merged)


def _alternatives(of_each: list[Schema]) -> Schema:
    """Merge the fields of alternative objects. Fields of the same name become alternatives themselves."""
    found: dict[str, list[Any]] = {}
    for properties in of_each:
        for name, inner in properties.items():
            if inner not in found.setdefault(name, []):
                found[name].append(inner)
    return {name: inner[0] if len(inner) == 1 else {"anyOf": inner} for name, inner in found.items()}


def _stated(schema: Schema) -> Schema:
    return {name: value for name, value in schema.items() if value or name not in _STRUCTURE}


def _inclusive(schema: Schema) -> Schema:
    """Turn exclusive bounds into numbers as in OpenAPI 3.1, and for integers into inclusive bounds."""
    for bound, exclusive, step in (("minimum", "exclusiveMinimum", 1), ("maximum", "exclusiveMaximum", -1)):
        if schema.get(exclusive) is True and bound in schema:
            schema[exclusive] = schema.pop(bound)
        if schema.get("type") == "integer" and type(schema.get(exclusive)) is int:
            schema.setdefault(bound, schema.pop(exclusive) + step)
    return schema
