"""What a server answers, held against the contract: what it knows that the contract does not, and the other way round.

Two requests. One with a parameter that nobody has, for the server to list those that it takes; one for an ordinary
page. Of what stands in the page, names and types are told, and values of enums; nobody's numbers or words.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

import attrs

from vox_calls import Client, VoxCallsError
from vox_calls.toolkit import parse_json
from vox_calls_tools.drift.document import PATH, Element
from vox_calls_tools.drift.schemas import JSON_TYPES

MADE_UP = "vox_calls_asks_which_parameters_there_are"

_NAME = re.compile(r"[A-Za-z_][A-Za-z_0-9-]{0,39}")
_UUID = re.compile(r"[0-9a-fA-F]{8}(-?[0-9a-fA-F]{4}){3}-?[0-9a-fA-F]{12}")
_NOT_SHOWN = "(not shown)"
_WHOLE = "the answer"
_OK, _BAD_REQUEST = 200, 400


@attrs.frozen
class Finding:
    """One way in which a server and the contract differ.

    Attributes:
        what: Such as `unknown field` or `parameter not taken`.
        name: Such as `items[].queue` or `call_to`.
        example: Where it was seen first, such as `items[3].queue`; empty for parameters.
        count: How often it was seen.

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
    """What came of asking a server.

    Attributes:
        findings: Where it differs from the contract.
        failures: Why a question was not answered, at most one for each of the two: a wrong key, too many requests, a
            failure, no answer, something that is not JSON. What the other one told is in the findings all the same.
        calls: How many calls the page had. Without any, nothing is known of their fields and values.

    Example:
        found = examine(client, contract())
        print(*found.findings, *found.failures)
    """

    findings: list[Finding] = attrs.field(factory=list)
    failures: list[VoxCallsError] = attrs.field(factory=list)
    calls: int = 0


def examine(client: Client, contract: Mapping[str, Element]) -> Examination:
    """Ask a server, and tell where it differs from the contract.

    Args:
        client: The client of an organisation. Two requests are sent.
        contract: What the server should be, such as `contract()` gives.

    Example:
        with Client() as client:
            for finding in examine(client, contract()).findings:
                print(finding)
    """
    found, failures, calls = [], [], 0
    try:
        answer = client.request(PATH, {MADE_UP: "1"}, accept=(_OK, _BAD_REQUEST))
        if answer.status_code == _OK:
            found.append(Finding("a parameter that nobody has is not refused", MADE_UP))
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
    """What the refusal of a made-up parameter says of the others."""
    taken = _dig(refusal, "error", "details", "allowed_query_parameters")
    if not isinstance(taken, list):
        return [Finding("no list of parameters", "error.details.allowed_query_parameters")]
    known = {element.name for element in contract.values() if element.kind == "parameter"}
    names = {name for name in taken if isinstance(name, str)}
    return [
        *(Finding("unknown parameter", name) for name in sorted(names - known)),
        *(Finding("parameter not taken", name) for name in sorted(known - names)),
    ]


def fields(body: object, contract: Mapping[str, Element], *, kind: str = "field") -> list[Finding]:
    """What a page, or a failure, has that the contract has not, by kind and name, with how often and where first."""
    found: dict[tuple[str, str], Finding] = {}
    known = {element.name: element for element in contract.values() if element.kind == kind}
    if not isinstance(body, dict):
        return [Finding(f"{JSON_TYPES[type(body)]} where object belongs", _WHOLE, _WHOLE)]
    for what, name, example in _differences(body, "", "", known):
        before = found.get((what, name), Finding(what, name, example, 0))
        found[what, name] = attrs.evolve(before, count=before.count + 1)
    return list(found.values())


def _differences(value: object, name: str, place: str, known: Mapping[str, Element]) -> Iterator[tuple[str, str, str]]:
    if isinstance(value, list):
        for position, item in enumerate(value):
            yield from _differences(item, f"{name}[]", f"{place}[{position}]", known)
        return
    declared = {inner for inner in known if inner.rpartition(".")[0] == name}
    if not declared:
        return  # a plain value, or a free object: any key, any value
    if not isinstance(value, dict):
        yield f"{JSON_TYPES[type(value)]} where object belongs", name or _WHOLE, place or _WHOLE
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
    yield from (("absent field", path, place or path) for path in absent if not known[path].may_be_absent)


def _items(value: object, name: str, place: str, facts: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The items of an array that are not what the contract says they are."""
    outer, _, inner = str(facts.get("type", "")).partition(" of ")
    if outer != "array" or not isinstance(value, list) or inner in {"", "object"}:
        return  # objects with declared fields are looked into
    stated = {"type": inner, "nullable": facts.get("items nullable"), "format": facts.get("format")}
    for position, item in enumerate(value):
        if mismatch := _mismatch(item, stated):
            yield mismatch, f"{name}[]", f"{place}[{position}]"


def _mismatch(value: object, facts: Mapping[str, Any]) -> str:
    """What is wrong with a declared value, without saying what it is; empty where nothing is."""
    if value is None:
        return "" if facts.get("nullable") else "null where none may be"
    stated, actual = str(facts.get("type", "")), JSON_TYPES[type(value)]
    kinds = {kind.split(" of ")[0].removeprefix("free ") for kind in stated.split(" or ")}
    if stated and actual not in kinds and not ("number" in kinds and actual == "integer"):
        return f"{actual} where {stated} belongs"
    if too := _out_of_bounds(value, facts):
        return too
    if facts.get("format") == "uuid" and isinstance(value, str) and not _UUID.fullmatch(value):
        return "no UUID"
    if "enum" in facts and not isinstance(value, list) and value not in facts["enum"]:
        # A name like those of the contract's values is no secret, and what has to be added to it. Anything else may be.
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
