"""The contract's page as classes of another library, built from openapi/calls.yaml: nothing is copied by hand."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, Union, cast

import attrs
import yaml

ROOT = Path(__file__).resolve().parents[2]
SPEC = ROOT / "openapi" / "calls.yaml"
PAGE = "CallPage"

# The type of a field is made while running, which no annotation says.
_union = cast("Any", Union)
_literal = cast("Any", Literal)


@attrs.frozen
class Flavour:
    """How a library would have the contract written.

    Attributes:
        make: A class, of its name and of what type each field is.
        enum: The type of an enum, of its name and values.
        formats: The types of strings with a format; the others are `str`.
        anything: What the values of a free object are said to be.
    """

    make: Callable[[str, dict[str, Any]], type[Any]]
    enum: Callable[[str, list[str]], Any]
    formats: Mapping[str, type[Any]] = {}
    anything: Any = Any


def choice(*kinds: object) -> Any:  # noqa: ANN401 - a type
    """The union of some types, as `typing.Union`: older runtimes know no other."""
    return _union[kinds]


def literal(values: list[str]) -> Any:  # noqa: ANN401 - a type
    """One of some strings."""
    return _literal[tuple(values)]


def page_class(flavour: Flavour) -> type[Any]:
    """The class of a page, with all that it holds."""
    schemas = yaml.safe_load(SPEC.read_text(encoding="utf-8"))["components"]["schemas"]
    made: dict[str, Any] = {}

    def named(name: str) -> Any:  # noqa: ANN401 - a type
        if name not in made:
            schema = schemas[name]
            if "enum" in schema:
                made[name] = flavour.enum(name, schema["enum"])
            elif "properties" in schema:
                made[name] = flavour.make(name, {key: kind(part) for key, part in schema["properties"].items()})
            else:
                made[name] = dict.__class_getitem__((str, flavour.anything))
        return made[name]

    def kind(schema: dict[str, Any]) -> Any:  # noqa: ANN401 - a type
        if "$ref" in schema:
            return named(schema["$ref"].rpartition("/")[2])
        if "oneOf" in schema:
            return choice(*map(kind, schema["oneOf"]))
        if isinstance(schema["type"], list):
            return choice(*(kind({**schema, "type": name}) for name in schema["type"]))
        if schema["type"] == "array":
            return list[kind(schema["items"])]  # type: ignore[misc] # a type that is made while running
        simple = {"string": str, "integer": int, "boolean": bool, "null": None}
        return flavour.formats.get(schema.get("format", ""), simple[schema["type"]])

    page: type[Any] = named(PAGE)
    return page


def agrees(decoded: object, wire: object) -> bool:
    """Whether what a client made of a value is that value, whatever its classes: every field, down to the leaves."""
    if isinstance(wire, dict):
        if isinstance(decoded, Mapping):
            return decoded.keys() == wire.keys() and all(agrees(decoded[name], value) for name, value in wire.items())
        return all(agrees(getattr(decoded, name), value) for name, value in wire.items())
    if isinstance(wire, list):
        if not isinstance(decoded, list) or len(decoded) != len(wire):
            return False
        return all(map(agrees, decoded, wire))
    return decoded == wire or str(getattr(decoded, "value", decoded)) == wire
