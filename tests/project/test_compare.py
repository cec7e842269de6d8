"""Comparing two contracts: every change is named and classified as breaking or not."""

from __future__ import annotations

import copy
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract import ROOT, spec
from vox_calls_tools.drift import DocumentError, compare, elements, operations, others, version_step
from vox_calls_tools.drift.changes import Change, drift

Document = dict[str, Any]
SCRIPT = ROOT / "scripts" / "compare_specs.py"
OURS = operations(elements(spec()))


def changed(edit: Callable[[Document, Document, Document], object]) -> list[Change]:
    """The changes after `edit` has changed a copy of the contract's call, parameters and schemas."""
    new = copy.deepcopy(spec())
    schemas = new["components"]["schemas"]
    edit(schemas["Call"], {one["name"]: one for one in new["components"]["parameters"].values()}, schemas)
    return compare(elements(spec()), elements(new))


def names(changes: list[Change]) -> list[tuple[str, str, bool]]:
    return [(change.element, change.change, change.breaking) for change in changes]


def test_a_contract_does_not_differ_from_itself() -> None:
    assert compare(elements(spec()), elements(copy.deepcopy(spec()))) == []
    assert version_step([]) == "none"


RESPONSE: list[tuple[Callable[[Document, Document, Document], object], list[tuple[str, str, bool]]]] = [
    (
        lambda call, _, __: call["properties"].update(made_up_here={"type": "string"}),
        [("field items[].made_up_here", "added", False)],
    ),
    (
        lambda call, _, __: call["properties"].pop("variant_label"),
        [("field items[].variant_label", "removed", True)],
    ),
    (
        lambda call, _, __: call["properties"].update(id={"type": ["string", "null"]}),
        [("field items[].id", "nullable", True)],
    ),
    (
        lambda call, _, __: call["properties"].update(variant_label={"type": "string"}),
        [("field items[].variant_label", "nullable", False)],
    ),
    (
        lambda call, _, __: call["required"].remove("variant_label"),
        [("field items[].variant_label", "required", False)],
    ),
    (lambda call, _, __: call["required"].remove("metadata"), [("field items[].metadata", "required", False)]),
    (lambda call, _, __: call["required"].remove("agent"), [("field items[].agent", "required", True)]),
    (
        lambda _, __, schemas: schemas["CallPage"]["required"].remove("items"),
        [("field items", "required", True)],
    ),
    (lambda call, _, __: call["required"].remove("id"), [("field items[].id", "required", True)]),
    (
        lambda call, _, __: call["properties"].update(id={"type": "integer"}),
        [("field items[].id", "type", True)],
    ),
    (
        lambda call, _, __: call["properties"].update(id={"type": "string", "format": "uuid"}),
        [("field items[].id", "format", True)],
    ),
    (
        lambda call, _, __: call["properties"].update(start_at={"type": ["integer", "null"]}),
        [("field items[].start_at", "format", False)],
    ),
    (
        lambda _, __, schemas: schemas["CallAgent"]["properties"].pop("agent_version"),
        [("field items[].agent.agent_version", "removed", True)],
    ),
    (
        lambda _, __, schemas: schemas["DisconnectionReason"]["enum"].append("bored"),
        [
            ("field items[].disconnection_reason value bored", "added", False),
            ("parameter disconnection_reason value bored", "added", False),
        ],
    ),
    (
        lambda _, __, schemas: schemas["CallType"]["enum"].remove("api"),
        [
            ("field items[].call_type value api", "removed", True),
            ("parameter call_type value api", "removed", True),
        ],
    ),
    (
        lambda _, __, schemas: schemas["CallPage"]["properties"]["total_count"].update(minimum=1),
        [("field total_count", "minimum", False)],
    ),
]

REQUEST: list[tuple[Callable[[Document, Document, Document], object], list[tuple[str, str, bool]]]] = [
    (lambda _, one, __: one["limit"].update(required=True), [("parameter limit", "required", True)]),
    (lambda _, one, __: one["limit"]["schema"].update(maximum=50), [("parameter limit", "maximum", True)]),
    (lambda _, one, __: one["limit"]["schema"].update(maximum=200), [("parameter limit", "maximum", False)]),
    (lambda _, one, __: one["limit"]["schema"].update(minimum=2), [("parameter limit", "minimum", True)]),
    (lambda _, one, __: one["limit"]["schema"].pop("minimum"), [("parameter limit", "minimum", False)]),
    (lambda _, one, __: one["limit"]["schema"].update(default=20), [("parameter limit", "default", False)]),
    (lambda _, one, __: one["sort_order"]["schema"].update(default="asc"), [("parameter sort_order", "default", True)]),
    (lambda _, one, __: one["cursor"]["schema"].update(maxLength=99), [("parameter cursor", "maxLength", True)]),
    (lambda _, one, __: one["cursor"]["schema"].update(type="integer"), [("parameter cursor", "type", True)]),
    (
        lambda _, one, __: one["limit"]["schema"].update(type=["integer", "string"]),
        [("parameter limit", "type", False)],
    ),
    (lambda _, one, __: one["cursor"].update(allowEmptyValue=True), [("parameter cursor", "allowEmptyValue", False)]),
    (lambda _, one, __: one["call_to"].update(explode=False), [("parameter call_to", "repeated", True)]),
    (
        lambda _, one, __: one["call_to"]["schema"]["items"].pop("pattern"),
        [("parameter call_to", "items pattern", False)],
    ),
    (lambda _, one, __: one["call_to"]["schema"].update(maxItems=5), [("parameter call_to", "maxItems", True)]),
    (lambda _, one, __: one["agent_id"]["schema"]["items"].pop("format"), [("parameter agent_id", "format", True)]),
    (
        lambda _, one, __: one["cursor"].update(name="page"),
        [
            ("parameter cursor", "removed", True),
            ("parameter page", "added", False),
        ],
    ),
]


@pytest.mark.parametrize(("edit", "expected"), RESPONSE + REQUEST)
def test_a_change_is_named_and_classified(
    edit: Callable[[Document, Document, Document], object], expected: list[tuple[str, str, bool]]
) -> None:
    changes = changed(edit)
    assert names(changes) == expected
    assert version_step(changes) == ("major" if any(breaking for *_, breaking in expected) else "minor")
    assert all(change.reason for change in changes)


@pytest.mark.parametrize("place", ["parameter", "parameter's schema", "field", "object"])
def test_a_deprecation_is_told_and_does_not_break(place: str) -> None:
    new = copy.deepcopy(spec())
    cursor, call = new["components"]["parameters"]["Cursor"], new["components"]["schemas"]["Call"]["properties"]
    told, node = {
        "parameter": ("parameter cursor", cursor),
        "parameter's schema": ("parameter cursor", cursor["schema"]),
        "field": ("field items[].variant_label", call["variant_label"]),
        "object": ("field items[].agent", call["agent"]),
    }[place]
    node["deprecated"] = True
    one, two = elements(spec()), elements(new)
    assert [*map(str, compare(one, two))] == [f"compatible  {told}: now deprecated (it still works)"]
    assert [*map(str, compare(two, one))] == [f"compatible  {told}: no longer deprecated (it still works)"]
    assert version_step(compare(one, two)) == "minor"


def test_a_new_parameter_breaks_only_if_required() -> None:
    for required in (False, True):
        new = copy.deepcopy(spec())
        tenant = {"name": "tenant", "in": "query", "required": required, "schema": {"type": "string"}}
        new["paths"]["/v3/calls"]["get"]["parameters"].append(tenant)
        assert names(compare(elements(spec()), elements(new))) == [("parameter tenant", "added", required)]


@pytest.mark.parametrize(("where", "required"), [("header", True), ("header", False), ("cookie", True)])
def test_a_parameter_outside_the_query_is_named(where: str, required: bool) -> None:
    new = copy.deepcopy(spec())
    tenant = {"name": "X-Tenant", "in": where, "required": required, "schema": {"type": "string"}}
    new["paths"]["/v3/calls"]["get"]["parameters"].append(tenant)
    assert names(compare(elements(spec()), elements(new))) == [(f"{where} parameter X-Tenant", "added", required)]
    assert names(compare(elements(new), elements(spec()))) == [(f"{where} parameter X-Tenant", "removed", False)]


OPERATION: list[tuple[Callable[[Document], object], tuple[str, str, bool]]] = [
    (lambda new: new.update(servers=[{"url": "https://eu.tryvox.co"}]), ("operation GET /v3/calls", "servers", True)),
    (lambda new: new["servers"].append({"url": "https://eu.co"}), ("operation GET /v3/calls", "servers", False)),
    (lambda new: new.update(security=[{"key": []}]), ("operation GET /v3/calls", "security", True)),
    (lambda new: new["security"].append({}), ("operation GET /v3/calls", "security", False)),
    (
        lambda new: new["components"]["securitySchemes"]["organisationKey"].update(scheme="basic"),
        ("operation GET /v3/calls", "security", True),
    ),
    (
        lambda new: new["paths"]["/v3/calls"]["get"].update(deprecated=True),
        ("operation GET /v3/calls", "deprecated", False),
    ),
    (
        lambda new: new["paths"]["/v3/calls"]["get"]["responses"]["429"].pop("headers"),
        ("header 429 Retry-After", "removed", False),
    ),
    (
        lambda new: new["paths"]["/v3/calls"]["get"]["responses"]["401"].pop("content"),
        ("answer 401", "body", False),
    ),
]


@pytest.mark.parametrize(("edit", "expected"), OPERATION)
def test_changes_of_the_operation_itself_are_named(
    edit: Callable[[Document], object], expected: tuple[str, str, bool]
) -> None:
    new = copy.deepcopy(spec())
    edit(new)
    assert names(compare(elements(spec()), elements(new))) == [expected]


def places(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Each key of the contract that matters: not descriptions, not defaults of OpenAPI."""
    for key, value in node.items() if isinstance(node, dict) else ():
        words = {"description", "summary", "example", "examples", "title", "tags", "operationId", "info", "openapi"}
        words |= {"x-published"}  # of the evidence, not of the operation
        unsaid = (key, value) in [("style", "form"), ("explode", True), ("additionalProperties", True)]
        unsaid = unsaid or (key == "type" and not {"properties", "enum"}.isdisjoint(node))
        if (key in words and path[-1:] != ("properties",)) or unsaid:
            continue
        yield (*path, key)
        yield from places(value, (*path, key))


@pytest.mark.parametrize("path", [*places(spec())], ids="/".join)
def test_every_removal_from_the_contract_is_noticed(path: tuple[str, ...]) -> None:
    new = copy.deepcopy(spec())
    node = new
    for key in path[:-1]:
        node = node[key]
    del node[path[-1]]
    try:
        assert compare(elements(spec()), elements(new))
    except DocumentError as error:
        assert str(error)  # noqa: PT017 - either way is fine, as long as it is noticed


SCHEMAS: list[tuple[str, Any]] = [
    ("uniqueItems", True),
    ("deprecated", True),
    ("exclusiveMinimum", 5),
    ("multipleOf", 2),
    ("not", {"const": "x"}),
    ("contentEncoding", "base64"),
    ("additionalProperties", False),
    ("additionalProperties", {"type": "string"}),
    ("patternProperties", {"^x": {}}),
]


@pytest.mark.parametrize(("keyword", "value"), SCHEMAS)
def test_every_changed_constraint_of_a_value_is_named(keyword: str, value: object) -> None:
    new = copy.deepcopy(spec())
    new["components"]["schemas"]["CallMetadata"][keyword] = value
    new["components"]["parameters"]["Cursor"]["schema"][keyword] = value
    changes = compare(elements(spec()), elements(new))
    assert {change.element for change in changes} == {"field items[].metadata", "parameter cursor"}


@pytest.mark.parametrize(
    ("schema", "same"),
    [
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 9}, {"type": "integer", "minimum": 1, "maximum": 9}),
        (
            {"type": "integer", "minimum": 0, "exclusiveMinimum": True, "maximum": 10, "exclusiveMaximum": True},
            {"type": "integer", "minimum": 1, "maximum": 9},
        ),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, {"type": "string", "enum": ["a", "b"]}),
        ({"anyOf": [{"const": "a"}, {"type": "null"}]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"enum": [1, 2]}, {"type": "integer", "enum": [1, 2]}),
        ({"type": "array", "items": True}, {"type": "array"}),
        ({"oneOf": [{"enum": ["a"]}, {"enum": [None]}]}, {"type": ["string", "null"], "enum": ["a", None]}),
        ({"anyOf": [{"type": "string", "enum": ["a"]}, {"type": "string"}]}, {"type": "string", "enum": ["a"]}),
        (
            {"allOf": [{"type": "object"}, {"properties": {"a": {"type": "string"}}}]},
            {"properties": {"a": {"type": "string"}}},
        ),
        ({"type": "object", "additionalProperties": {"description": "x", "nullable": True}}, {"type": "object"}),
        ({"deprecated": False, "uniqueItems": False, "title": "x", "x-order": 1}, {}),
        (True, {}),
    ],
)
def test_equivalent_schemas_do_not_differ(schema: object, same: object) -> None:
    one, other = copy.deepcopy(spec()), copy.deepcopy(spec())
    one["components"]["schemas"]["Call"]["properties"]["id"] = schema
    other["components"]["schemas"]["Call"]["properties"]["id"] = same
    assert compare(elements(one), elements(other)) == []


def test_unrelated_and_recursive_parts_do_not_disturb() -> None:
    new = copy.deepcopy(spec())
    new["paths"] = {"/agents": {"$ref": "#/nowhere"}, **new["paths"]}
    new["paths"]["/v3/calls"]["post"] = {"$ref": "#/nowhere"}
    answers = new["paths"]["/v3/calls"]["get"]["responses"]
    answers["2XX"] = answers.pop("200")
    parent = {"oneOf": [{"$ref": "#/components/schemas/Call"}, {"type": "null"}]}
    new["components"]["schemas"]["Call"]["properties"]["transferred_from"] = parent
    theirs = elements(new, OURS)
    assert names(compare(elements(spec()), theirs)) == [("field items[].transferred_from", "added", False)]
    assert others(new, theirs) == 1  # what a reference leads to is not counted
    with pytest.raises(DocumentError, match="#/nowhere"):
        elements(new)


def test_changes_inside_maps_and_alternatives_are_seen() -> None:
    new = copy.deepcopy(spec())
    more = {"type": "object", "properties": {"price": {"type": "string"}}}
    new["components"]["schemas"]["CallMetadata"]["additionalProperties"] = more
    new["components"]["schemas"]["CallCost"]["oneOf"] = [
        {"properties": {"fee": {"type": "string"}}},
        {"properties": {"tax": {"type": "string"}}},
    ]
    assert names(compare(elements(spec()), elements(new))) == [
        ("field items[].metadata", "type", True),
        ("field items[].call_cost.fee", "added", False),
        ("field items[].call_cost.tax", "added", False),
        ("field items[].metadata.*.price", "added", False),
    ]


def test_media_type_and_false_default_changes_are_named() -> None:
    new = copy.deepcopy(spec())
    content = new["paths"]["/v3/calls"]["get"]["responses"]["200"]["content"]
    content["application/vnd.api+json"] = content.pop("application/json")
    new["components"]["parameters"]["Cursor"]["schema"]["default"] = False
    assert names(compare(elements(spec()), elements(new))) == [
        ("parameter cursor", "default", True),
        ("answer 200", "media", False),
    ]


def test_a_field_of_alternatives_merges_their_types() -> None:
    new = copy.deepcopy(spec())
    kinds = [{"properties": {"kind": {"type": "string", "enum": [kind]}}} for kind in ("sip", "pstn")]
    new["components"]["schemas"]["Call"]["properties"]["line"] = {"oneOf": [*kinds, {"type": "null"}]}
    assert elements(new)["field items[].line.kind"].facts == {"type": "string", "enum": ["sip", "pstn"]}


@pytest.mark.parametrize(
    "server",
    [
        {"url": "https://Client-API.tryvox.co:443/"},
        {"url": "https://{host}", "variables": {"host": {"default": "client-api.tryvox.co"}}},
    ],
)
@pytest.mark.parametrize("place", ["document", "path", "operation"])
def test_equivalent_server_urls_do_not_differ(server: dict[str, Any], place: str) -> None:
    new = copy.deepcopy(spec())
    if place == "document":
        new["servers"] = [server]
    else:
        item = new["paths"]["/calls"] = new["paths"].pop("/v3/calls")
        new["servers"] = [{"url": "https://example.com"}]
        versioned = {**server, "url": server["url"].rstrip("/") + "/v3"}
        (item if place == "path" else item["get"])["servers"] = [versioned]
    assert compare(elements(spec()), elements(new)) == []


def test_mutually_recursive_schemas_are_compared_in_bounds() -> None:
    new = copy.deepcopy(spec())
    names_ = [f"Entity{number}" for number in range(30)]
    for name in names_:
        refers = {other: {"$ref": f"#/components/schemas/{other}"} for other in names_ if other != name}
        new["components"]["schemas"][name] = {"type": "object", "properties": refers}
    new["components"]["schemas"]["Call"]["properties"]["entity"] = {"$ref": "#/components/schemas/Entity0"}
    changes = compare(elements(spec()), elements(new))
    assert "field items[].entity" in {change.element for change in changes}
    assert len(changes) <= 50 * 30 * 30


def test_a_document_written_by_tools_is_read() -> None:
    new = copy.deepcopy(spec())
    operation = new["paths"]["/v3/calls"]["get"]
    for answer in operation["responses"].values():
        answer["content"] = {"*/*": next(iter(answer["content"].values()))}
    operation["responses"]["429"]["headers"]["X-Left"] = {"description": "How many are left."}
    operation["parameters"][-1] = {"$ref": "#/paths/~1v3~1calls/get/x-all/0"}
    operation["x-all"] = [new["components"]["parameters"]["Limit"]]
    new["components"]["schemas"]["Page[Call]"] = new["components"]["schemas"].pop("CallPage")
    operation["responses"]["200"]["content"]["*/*"]["schema"] = {"$ref": "#/components/schemas/Page%5BCall%5D"}
    new["components"]["parameters"]["Limit"]["schema"]["exclusiveMinimum"] = False
    assert names(compare(elements(spec()), elements(new))) == [("header 429 X-Left", "added", False)]


def test_removing_the_key_is_a_breaking_change() -> None:
    new = copy.deepcopy(spec())
    new["security"] = []
    assert names(compare(elements(spec()), elements(new))) == [("operation GET /v3/calls", "security", True)]


def test_added_and_removed_responses_are_not_breaking() -> None:
    new = copy.deepcopy(spec())
    answers = new["paths"]["/v3/calls"]["get"]["responses"]
    answers["422"] = answers.pop("404")
    assert names(compare(elements(spec()), elements(new))) == [
        ("answer 404", "removed", False),
        ("answer 422", "added", False),
    ]


def test_error_body_changes_are_named_but_not_breaking() -> None:
    new = copy.deepcopy(spec())
    body = new["components"]["schemas"]["ErrorBody"]["properties"]
    body["code"] = {"type": ["string", "null"]}
    del body["message"]
    body["hint"] = {"type": "string"}
    assert names(compare(elements(spec()), elements(new))) == [
        ("error error.code", "nullable", False),
        ("error error.hint", "added", False),
        ("error error.message", "removed", False),
    ]


def in_other_words(node: Any) -> Any:
    """The same schema written differently: with OpenAPI 3.0's nullable, and allOf around references."""
    if isinstance(node, list):
        return [in_other_words(item) for item in node]
    if not isinstance(node, dict):
        return node
    node = {key: in_other_words(value) for key, value in node.items()}
    if isinstance(node.get("type"), list):
        node["nullable"] = True
        *kinds, _ = node.pop("type")
        node |= {"type": kinds[0]} if len(kinds) == 1 else {"anyOf": [{"type": kind} for kind in kinds]}
    if "oneOf" in node:
        *others, _ = node.pop("oneOf")
        node |= {"nullable": True, **({"allOf": others} if len(others) == 1 else {"anyOf": others})}
    return node


def test_equivalent_contracts_do_not_differ() -> None:
    other = in_other_words(copy.deepcopy(spec()))
    other["openapi"] = "3.0.3"
    other["servers"] = [{"url": "https://client-api.tryvox.co/v3"}]
    # Other operations beside it, the version in the server's URL, and a parameter of the whole path.
    other["paths"] = {"/agents": {"get": {"responses": {}}}, "/calls": other["paths"]["/v3/calls"]}
    other["paths"]["/calls"]["parameters"] = [other["paths"]["/calls"]["get"]["parameters"].pop()]
    other["paths"]["/calls"]["post"] = {"responses": {}}
    other["paths"]["x-order"] = 5
    theirs = elements(other, OURS)
    assert compare(elements(spec()), theirs) == []
    assert drift(elements(spec()), elements(other)) == []
    assert others(other, theirs) == 2


def two_operations() -> Document:
    """The contract with a second operation, which ends a call."""
    document = copy.deepcopy(spec())
    reason = {"type": "object", "required": ["why"], "properties": {"why": {"type": "string"}}}
    ended = {"type": "object", "properties": {"ended": {"type": "boolean"}}}
    document["paths"]["/v3/calls/{id}"] = {
        "parameters": [{"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}],
        "post": {
            "parameters": [{"name": "limit", "in": "query", "schema": {"type": "integer", "default": 5}}],
            "requestBody": {"content": {"application/json": {"schema": reason}}},
            "responses": {"201": {"content": {"application/json": {"schema": ended}}}, "404": {}},
        },
    }
    return document


SECOND = "POST /v3/calls/{id}"
SECOND_CHANGES: list[tuple[Callable[[Document], object], tuple[str, str, bool]]] = [
    (lambda post: post.update(deprecated=True), (f"operation {SECOND}", "deprecated", False)),
    (lambda post: post["parameters"].pop(), (f"parameter limit of {SECOND}", "removed", True)),
    (lambda post: post["parameters"][0]["schema"].pop("default"), (f"parameter limit of {SECOND}", "default", True)),
    (lambda post: post["responses"].pop("404"), (f"answer 404 of {SECOND}", "removed", False)),
    (
        lambda post: post["responses"]["201"]["content"]["application/json"]["schema"]["properties"].pop("ended"),
        (f"field ended of {SECOND}", "removed", True),
    ),
    (
        lambda post: post["requestBody"]["content"]["application/json"]["schema"]["properties"].update(
            why={"type": "string", "maxLength": 5}
        ),
        (f"body parameter why of {SECOND}", "maxLength", True),
    ),
]


def test_only_the_removal_of_an_operation_breaks() -> None:
    one, two = elements(spec()), elements(two_operations())
    assert names(compare(one, two)) == [(f"operation {SECOND}", "added", False)]
    assert names(compare(two, one)) == [(f"operation {SECOND}", "removed", True)]


@pytest.mark.parametrize(("edit", "expected"), SECOND_CHANGES)
def test_changes_of_a_second_operation_are_named(
    edit: Callable[[Document], object], expected: tuple[str, str, bool]
) -> None:
    new = two_operations()
    edit(new["paths"]["/v3/calls/{id}"]["post"])
    assert names(compare(elements(two_operations()), elements(new))) == [expected]


def test_drift_reports_on_the_operations_of_the_contract() -> None:
    one, two = elements(spec()), elements(two_operations())
    assert drift(one, two) == []
    assert names(drift(two, one)) == [(f"operation {SECOND}", "removed", True)]


def test_a_path_written_twice_is_read_once() -> None:
    new = two_operations()
    new["servers"] = [{"url": "https://client-api.tryvox.co/v3"}, {"url": "https://client-api.tryvox.co"}]
    new["paths"]["/calls"] = {"get": {"responses": {}}}
    assert names(compare(elements(two_operations()), elements(new))) == [
        ("operation GET /v3/calls", "servers", False),
        (f"operation {SECOND}", "servers", False),
    ]


@pytest.mark.parametrize(
    ("document", "message"),
    [
        (None, "not an OpenAPI document"),
        ([], "not an OpenAPI document"),
        ({"openapi": "3.1.0"}, "no paths"),
        ({"paths": {}}, "no GET /v3/calls"),
        ({"paths": {"/v3/calls": {"post": {}}}}, "no GET /v3/calls"),
        ({"paths": {"/v3/calls": {"get": {"responses": {}}}}}, "no schema for the 200 response"),
        ({"paths": {"/v3/calls": {"$ref": "#/nowhere"}}}, "#/nowhere, which does not exist"),
        ({"paths": {"/v3/calls": {"$ref": "#/paths/~1v3~1calls"}}}, "circular reference"),
        ({"paths": {"/v3/calls": 5}}, "int instead of an object"),
        (
            {"servers": [{"url": "http://[bad"}], "paths": {"/calls": {"get": {}}}},
            "not a valid OpenAPI document",
        ),
        ({"paths": []}, "not a valid OpenAPI document"),
        ({"paths": {"/v3/calls": {"get": {"parameters": 5}}}}, "not a valid OpenAPI document"),
        ({"servers": 5, "paths": {"/calls": {"get": {}}}}, "not a valid OpenAPI document"),
    ],
)
def test_a_document_without_the_operation_is_reported(document: Any, message: str) -> None:
    with pytest.raises(DocumentError, match=message):
        elements(document)


@pytest.mark.parametrize(("fact", "value"), [("maximum", "100"), ("format", ["x"]), ("enum", 5), ("minLength", True)])
def test_a_value_of_the_wrong_kind_is_reported(fact: str, value: object) -> None:
    document = copy.deepcopy(spec())
    document["components"]["parameters"]["Cursor"]["schema"][fact] = value
    with pytest.raises(DocumentError, match=f"an invalid {fact}: "):
        elements(document)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, SCRIPT, *arguments], capture_output=True, text=True, check=False)


def test_the_script_compares_files_and_revisions(tmp_path: Path) -> None:
    same, grown, shrunk = (tmp_path / name for name in ("same.json", "grown.yaml", "shrunk.yaml"))
    same.write_text(json.dumps(spec()))
    contract = (ROOT / "openapi" / "calls.yaml").read_text(encoding="utf-8")
    grown.write_text(contract.replace("enum: [asc, desc]", "enum: [asc, desc, random]"))
    shrunk.write_text(contract.replace("maximum: 100", "maximum: 50"))

    assert run(str(ROOT / "openapi" / "calls.yaml"), str(same)).returncode == 0
    compatible = run(str(same), str(grown))
    assert compatible.returncode == 1
    assert compatible.stdout.splitlines() == [
        "compatible  parameter sort_order value random: added (enums are open)",
        "1 change, none of them breaking: the next version is a minor one.",
    ]
    breaking = run("HEAD", str(shrunk))
    assert breaking.returncode == 2, breaking.stderr
    assert "parameter limit: maximum 100 became 50" in breaking.stdout


def test_the_script_tells_of_a_second_operation(tmp_path: Path) -> None:
    one, two, vendors = (tmp_path / name for name in ("one.json", "two.json", "vendors.json"))
    one.write_text(json.dumps(spec()))
    two.write_text(json.dumps(two_operations()))
    vendors.write_text(json.dumps(two_operations() | {"info": {"title": "The vendor's API"}}))

    added, removed = run(str(one), str(two)), run(str(two), str(one))
    assert added.returncode == 1
    assert f"compatible  operation {SECOND}: added (calling it is optional)" in added.stdout
    assert removed.returncode == 2
    assert f"breaking    operation {SECOND}: removed (code that calls it fails)" in removed.stdout
    for order in ((one, vendors), (vendors, one)):
        done = run(*map(str, order))
        told = f"No difference.\n{vendors} has other operations, which are not compared: 1\n"
        assert (done.returncode, done.stdout) == (0, told)


def test_the_script_writes_json_for_programs(tmp_path: Path) -> None:
    new = copy.deepcopy(spec())
    del new["components"]["schemas"]["Call"]["properties"]["id"]
    (tmp_path / "new.yaml").write_text(yaml.safe_dump(new))
    done = run(str(ROOT / "openapi" / "calls.yaml"), str(tmp_path / "new.yaml"), "--json")
    assert json.loads(done.stdout) == {
        "changes": [
            {
                "element": "field items[].id",
                "change": "removed",
                "old": "string",
                "new": None,
                "breaking": True,
                "reason": "code that reads it fails",
            }
        ],
        "version_step": "major",
    }


def test_an_invalid_command_line_has_its_own_exit_status() -> None:
    done = run("HEAD")
    assert done.returncode == 3
    assert done.stderr.startswith("compare_specs: ")


@pytest.mark.parametrize("source", ["nowhere", "--output=x", "/etc", ":/"])
def test_unreadable_input_is_reported_in_one_line(source: str) -> None:
    done = run("--", "HEAD", source)
    assert done.returncode == 3
    assert done.stderr.startswith("compare_specs: ")
    assert done.stderr.count("\n") == 1


def test_a_calls_schema_of_another_path_is_ignored() -> None:
    document = copy.deepcopy(spec())
    document["paths"]["/calls"] = document["paths"].pop("/v3/calls")
    document["servers"] = [{"url": "https://client-api.tryvox.co/v2"}]
    for only in (None, OURS):
        with pytest.raises(DocumentError, match="has no GET /v3/calls"):
            elements(document, only)


def test_a_document_may_lack_error_responses() -> None:
    document = copy.deepcopy(spec())
    responses = document["paths"]["/v3/calls"]["get"]["responses"]
    document["paths"]["/v3/calls"]["get"]["responses"] = {"200": responses["200"]}
    found = elements(document).values()
    assert "field" in {one.kind for one in found}
    assert "error" not in {one.kind for one in found}


def test_a_reference_to_a_non_object_is_reported() -> None:
    document = copy.deepcopy(spec())
    document["components"]["schemas"]["Call"]["properties"]["id"] = {"$ref": "#/info/title"}
    with pytest.raises(DocumentError, match="refers to #/info/title, which is not an object"):
        elements(document)


def test_alternatives_that_agree_on_a_field_are_one() -> None:
    document = copy.deepcopy(spec())
    call = document["components"]["schemas"]["Call"]["properties"]
    both = {"type": "string"}
    call["agent"] = {"oneOf": [{"type": "object", "properties": {"name": both, str(n): both}} for n in range(2)]}
    assert elements(document)["field items[].agent.name"].facts == {"type": "string"}
