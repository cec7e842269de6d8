"""Compares a live server with the contract, in both directions.

Sends two requests: one with a made-up parameter, which the server rejects with a list of those it supports, and one for
an ordinary page. Findings contain field names, types and enum values, but no other values of calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from vox_calls import Client, VoxCallsError
from vox_calls.toolkit import parse_json
from vox_calls_tools.drift.document import OPERATION, PATH, Element, published
from vox_calls_tools.drift.schemas import JSON_TYPES

MADE_UP = "vox_calls_asks_which_parameters_there_are"

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9-]{0,39}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_NOT_SHOWN = "(not shown)"
_NOT_SUPPORTED = "parameter not supported"
_EXPECTED = "published parameter not supported yet, which is expected until the server has it"
_WHOLE = "the answer"
_OK, _BAD_REQUEST = 200, 400


@attrs.frozen
class Finding:
    """One difference between a server and the contract.

    Attributes:
        what: Kind of difference, such as `unknown field` or `parameter not supported`.
        name: Name of the field or parameter, such as `items[].queue` or `call_to`.
        example: Path of the first occurrence, such as `items[3].queue`; empty for parameters.
        count: Number of occurrences.

    Example:
        >>> print(Finding("unknown field", "items[].queue", "items[3].queue", 2))
        unknown field: items[].queue (2 times, first at items[3].queue)
    """

    what: str
    name: str
    example: str = ""
    count: int = 1

    def __str__(self) -> str:
        seen = f" ({self.count} times, first at {self.example})" if self.example else ""
        return f"{self.what}: {self.name}{seen}"


@attrs.frozen
class Examination:
    """The result of checking a server.

    Attributes:
        findings: Differences from the contract.
        failures: Errors of the requests, at most one for each: a wrong key, a rate limit, a server error, no answer,
            invalid JSON. Findings of the other request are kept.
        calls: Number of calls on the page. If 0, fields and values of calls were not checked.

    Example:
        found = examine(client, contract())
        print(*found.findings, *found.failures)
    """

    findings: list[Finding] = attrs.field(factory=list)
    failures: list[VoxCallsError] = attrs.field(factory=list)
    calls: int = 0


def examine(client: Client, contract: Mapping[str, Element]) -> Examination:
    """Compare a server with the contract.

    Args:
        client: The client to send two requests with.
        contract: The expected elements, such as those of `contract()`.

    Returns:
        The differences, and the errors of the requests. Errors of requests are not raised.

    Example:
        with Client() as client:
            for finding in examine(client, contract()).findings:
                print(finding)
    """
    found, failures, calls = [], [], 0
    try:
        answer = client.request(PATH, {MADE_UP: "1"}, accept=(_OK, _BAD_REQUEST))
        if answer.status_code == _OK:
            found.append(Finding("unknown parameter not rejected", MADE_UP))
        else:
            refusal = parse_json(answer.content)
            found += [*parameters(refusal, contract), *fields(refusal, contract, kind="error")]
    except VoxCallsError as error:
        failures.append(error)
    try:
        page = parse_json(client.request(PATH, {"limit": "100"}).content)
        found += fields(page, contract)
        items = _dig(page, "items")
        calls = len(items) if isinstance(items, list) else 0
    except VoxCallsError as error:
        failures.append(error)
    return Examination(found, failures, calls)


def parameters(refusal: object, contract: Mapping[str, Element]) -> list[Finding]:
    """Compare the parameters that the server lists when it rejects a made-up one."""
    taken = _dig(refusal, "error", "details", "allowed_query_parameters")
    if not isinstance(taken, list):
        return [Finding("no list of parameters", "error.details.allowed_query_parameters")]
    known = set(_named(contract, "parameter"))
    names = {name for name in taken if isinstance(name, str)}
    expected = published()
    return [
        *(Finding("unknown parameter", name) for name in sorted(names - known)),
        *(Finding(_EXPECTED if name in expected else _NOT_SUPPORTED, name) for name in sorted(known - names)),
    ]


def fields(body: object, contract: Mapping[str, Element], *, kind: str = "field") -> list[Finding]:
    """Compare the body of a page or an error with the contract: one finding for each kind and name."""
    found: dict[tuple[str, str], Finding] = {}
    known = _named(contract, kind)
    if not isinstance(body, dict):
        return [Finding(f"{JSON_TYPES[type(body)]} instead of object", _WHOLE, _WHOLE)]
    for what, name, example in _differences(body, "", "", known):
        before = found.get((what, name), Finding(what, name, example, 0))
        found[what, name] = attrs.evolve(before, count=before.count + 1)
    return list(found.values())


def _named(contract: Mapping[str, Element], kind: str) -> dict[str, Element]:
    return {one.name: one for one in contract.values() if (one.kind, one.operation) == (kind, OPERATION)}


def _differences(value: object, name: str, place: str, known: Mapping[str, Element]) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _differences(item, f"{name}[]", f"{place}[{position}]", known)
        return
    declared = {inner for inner in known if inner.rpartition(".")[0] == name}
    if not declared:
        return  # a plain value, or a free object: any key, any value
    if not isinstance(value, dict):
        yield f"{JSON_TYPES[type(value)]} instead of object", name or _WHOLE, place or _WHOLE
        return
    for key, inner in value.items():
        path, where = f"{name}.{key}".removeprefix("."), f"{place}.{key}".removeprefix(".")
        if path not in declared:
            shown = key if _NAME.fullmatch(key) else _NOT_SHOWN
            yield "unknown field", f"{name}.{shown}".removeprefix("."), f"{place}.{shown}".removeprefix(".")
        elif mismatch := _mismatch(inner, known[path].facts):
            yield mismatch, path, where
        elif inner is not None:
            yield from _items(inner, path, where, known[path].facts)
            yield from _differences(inner, path, where, known)
    absent = sorted(declared - {f"{name}.{key}".removeprefix(".") for key in value})
    yield from (("absent field", path, place or path) for path in absent if _has_to_be_there(known[path]))


def _has_to_be_there(element: Element) -> bool:
    return bool(element.facts.get("required")) and not element.may_be_absent


def _items(value: object, name: str, place: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """Yield the items of an array that do not match the contract."""
    outer, _, inner = str(facts.get("type", "")).partition(" of ")
    if outer != "array" or not isinstance(value, list) or inner in {"", "object"}:
        return  # objects with declared fields are compared by _differences
    stated = {"type": inner, "nullable": facts.get("items nullable"), "format": facts.get("format")}
    for position, item in enumerate(value):
        if mismatch := _mismatch(item, stated):
            yield mismatch, f"{name}[]", f"{place}[{position}]"


def _mismatch(value: object, facts: Mapping[str, Any]) -> str:
    """Return what is wrong with a value, without quoting it; empty if nothing is."""
    if value is None:
        return "" if facts.get("nullable") else "null but not nullable"
    stated, actual = str(facts.get("type", "")), JSON_TYPES[type(value)]
    kinds = {kind.split(" of ")[0].removeprefix("free ") for kind in stated.split(" or ")}
    if stated and actual not in kinds and not ("number" in kinds and actual == "integer"):
        return f"{actual} instead of {stated}"
    if too := _out_of_bounds(value, facts):
        return too
    if facts.get("format") == "uuid" and isinstance(value, str) and not _UUID.fullmatch(value):
        return "not a UUID"
    if "enum" in facts and not isinstance(value, list) and value not in facts["enum"]:
        # An identifier is not a secret, and is needed to extend the contract. Anything else may be one.
        return f"unknown value {value if _NAME.fullmatch(str(value)) else _NOT_SHOWN}"
    return ""


def _out_of_bounds(value: object, facts: Mapping[str, Any]) -> str:
    if type(value) is int and facts.get("format") == "int64" and not -(2**63) <= value < 2**63:
        return "more than 64 bits"
    if isinstance(value, str) and len(value) < facts.get("minLength", 0):
        return f"less than its minLength, {facts['minLength']}"
    if type(value) is int and value < facts.get("minimum", value):
        return f"less than its minimum, {facts['minimum']}"
    return ""


def _dig(value: object, *keys: str) -> object:
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    return value
