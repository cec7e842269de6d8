"""The parsed OpenAPI document."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import yaml

ROOT = Path(__file__).resolve().parents[1]


@cache
def spec() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "openapi" / "calls.yaml").read_text(encoding="utf-8"))
    return document


def resolve(node: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in node:
        target: Any = spec()
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def operation() -> dict[str, Any]:
    found: dict[str, Any] = spec()["paths"]["/v3/calls"]["get"]
    return found


@cache
def parameters() -> dict[str, dict[str, Any]]:
    resolved = [resolve(parameter) for parameter in operation()["parameters"]]
    return {parameter["name"]: parameter for parameter in resolved}


def schemas() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = spec()["components"]["schemas"]
    return found


def validate(instance: object, schema: str) -> None:
    jsonschema.validate(instance, {"$ref": f"#/components/schemas/{schema}", "components": spec()["components"]})
