"""The contract is valid OpenAPI, and client and sandbox agree with it."""

from __future__ import annotations

import ast
import inspect
import re
import typing
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from enum import Enum
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

import vox_calls
import vox_calls_raw.models
from contract import ROOT, operation, parameters, resolve, schemas, spec
from vox_calls import _connection, query, rate_limit
from vox_calls_raw.api.calls import list_calls as raw_list_calls
from vox_calls_tools.sandbox import parameters as of_sandbox
from vox_calls_tools.sandbox import store

ENUMS = {name: schema["enum"] for name, schema in schemas().items() if "enum" in schema}
OBJECTS = {name: schema for name, schema in schemas().items() if schema.get("type") == "object"}
CLIENTS = [vox_calls.Client, vox_calls.AsyncClient]


def test_the_spec_is_valid_openapi_3_1() -> None:
    OpenAPIV31SpecValidator(spec()).validate()


def test_the_operation_is_the_vendors() -> None:
    assert [server["url"] for server in spec()["servers"]] == ["https://client-api.tryvox.co"]
    assert operation()["operationId"] == "list_calls"
    schemes = spec()["components"]["securitySchemes"]
    assert [schemes[name]["scheme"] for requirement in spec()["security"] for name in requirement] == ["bearer"]
    assert list(operation()["responses"]) == ["200", "400", "401", "403", "404", "429", "default"]
    assert "Retry-After" in operation()["responses"]["429"]["headers"]


def test_all_parameters_are_optional() -> None:
    assert all(parameter["in"] == "query" and not parameter.get("required") for parameter in parameters().values())


def test_arrays_are_repeated_parameters_and_never_empty() -> None:
    arrays = {name: one for name, one in parameters().items() if one["schema"].get("type") == "array"}
    assert arrays
    assert all(one["style"] == "form" and one["explode"] is True for one in arrays.values())
    assert all(one["schema"]["minItems"] == 1 for one in arrays.values())


def test_limit_and_order_have_the_vendors_bounds_and_defaults() -> None:
    limit = parameters()["limit"]["schema"]
    assert (limit["minimum"], limit["maximum"], limit["default"]) == (1, 100, 50)
    assert parameters()["sort_order"]["schema"]["default"] == "desc"
    assert query.MAX_PAGE_SIZE == of_sandbox.MAX_LIMIT == limit["maximum"]
    assert limit["default"] == of_sandbox.DEFAULT_LIMIT


def test_enums_and_objects_are_named_schemas() -> None:
    # The generator names an unnamed schema after its position: moving it would rename the user's class.
    for where, node in nodes(spec()):
        inline = "enum" in node or "properties" in node
        named = where.startswith("/components/schemas/") and where.count("/") == len(("", "components", "schemas"))
        assert named or not inline, f"{where} belongs into components/schemas, with a $ref in its place"


def test_every_component_is_used() -> None:
    text = (ROOT / "openapi" / "calls.yaml").read_text(encoding="utf-8")
    for kind in ("schemas", "parameters"):
        for name in spec()["components"][kind]:
            assert f'#/components/{kind}/{name}"' in text, f"nothing refers to {name} of components/{kind}"


def nodes(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Each object of the spec except examples, with its path."""
    if isinstance(node, dict):
        yield where, node
        for key, value in node.items():
            if key not in {"example", "examples"}:
                yield from nodes(value, f"{where}/{key}")
    elif isinstance(node, list):
        for position, value in enumerate(node):
            yield from nodes(value, f"{where}/{position}")


def examples() -> dict[str, tuple[Any, dict[str, Any]]]:
    """Each example of the spec by its path, with its schema."""
    found: dict[str, tuple[Any, dict[str, Any]]] = {}
    for where, node in nodes(spec()):
        schema = node.get("schema", node)
        several = node.get("examples", [])
        if isinstance(several, dict):
            several = [one["value"] for one in several.values()]
        for position, example in enumerate([*several, *([node["example"]] if "example" in node else [])]):
            found[f"{where}/{position}"] = (example, schema)
    return found


EXAMPLES = examples()


@pytest.mark.parametrize("where", EXAMPLES)
def test_each_example_is_valid(where: str) -> None:
    example, schema = EXAMPLES[where]
    validator = jsonschema.Draft202012Validator
    whole = {**schema, "components": spec()["components"]}
    jsonschema.validate(example, whole, cls=validator, format_checker=validator.FORMAT_CHECKER)


def test_the_error_example_lists_the_known_parameters() -> None:
    example = operation()["responses"]["400"]["content"]["application/json"]["examples"]["unknown_parameter"]["value"]
    assert example["error"]["details"]["allowed_query_parameters"] == list(parameters())


def test_each_parameter_and_each_plain_field_has_an_example() -> None:
    assert all("example" in parameter for parameter in parameters().values())
    for schema in OBJECTS.values():
        for name, field in schema.get("properties", {}).items():
            plain = "type" in field and field["type"] not in ("array", "object")
            assert not plain or field.get("examples"), f"{name} has no example"


@pytest.mark.parametrize("name", ENUMS)
def test_each_enum_value_is_a_member_of_its_enum(name: str) -> None:
    enum = getattr(vox_calls, name)
    assert issubclass(enum, Enum)
    assert [member.value for member in enum] == ENUMS[name]


@pytest.mark.parametrize("name", OBJECTS)
def test_each_response_field_is_known_to_its_class(name: str) -> None:
    properties = OBJECTS[name].get("properties", {})
    generated = getattr(vox_calls_raw.models, name)
    if properties:
        wire_names = [field.metadata.get("wire_name", field.name) for field in attrs.fields(generated) if field.init]
        assert sorted(wire_names) == sorted(properties)  # optional ones come last
    else:
        assert generated == dict[str, Any]


def test_a_call_has_each_field_under_its_wire_name() -> None:
    assert {field.name for field in attrs.fields(vox_calls.Call)} >= set(schemas()["Call"]["properties"])


@pytest.mark.parametrize("client", CLIENTS)
def test_each_parameter_is_offered_by_list_calls(client: type[Any]) -> None:
    offered = set(inspect.signature(client.list_calls).parameters) - {"self"}
    own = {"page_size", "max_items", "prefetch", "on_invalid"}
    assert offered - own == set(parameters()) - {"limit"}, "list_calls and openapi/calls.yaml differ"
    assert own <= offered


@pytest.mark.parametrize("client", CLIENTS)
def test_each_argument_of_list_calls_is_explained(client: type[Any]) -> None:
    explained = set(re.findall(r"^    (\w+): ", inspect.cleandoc(client.list_calls.__doc__), re.MULTILINE))
    offered = set(inspect.signature(client.list_calls).parameters) - {"self"}
    assert offered - explained == set() == explained - offered - {"InvalidQueryError", "VoxCallsError"}


def is_instant(name: str) -> bool:
    return getattr(query.NORMALISERS.get(name), "func", None) is query._instant


def is_duration(name: str) -> bool:
    return getattr(query.NORMALISERS.get(name), "func", None) is query._duration


def are_pairs(name: str) -> bool:
    return query.NORMALISERS.get(name) is query._pairs


def plain_types(name: str, schema: dict[str, Any]) -> set[object]:
    """The types of one value of a filter."""
    resolved = resolve(schema)
    if "enum" in resolved and "$ref" in schema:
        return {getattr(vox_calls, schema["$ref"].rpartition("/")[2]), str}
    if resolved["type"] == "integer":
        return {datetime, str, float} if is_instant(name) else {timedelta, int} if is_duration(name) else {int}
    if resolved["type"] == "boolean":
        return {bool}
    if query.NORMALISERS.get(name) is query._campaign:
        return {str, int}  # a number in a string
    return {UUID, str} if resolved.get("format") == "uuid" else {str}


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("name", sorted(set(parameters()) - {"limit"}))
def test_each_parameter_has_a_type_that_fits_the_contract(client: type[Any], name: str) -> None:
    schema = parameters()[name]["schema"]
    one = plain_types(name, schema.get("items", schema))
    hints = set(typing.get_args(typing.get_type_hints(client.list_calls)[name]))
    many = {hint for hint in hints if typing.get_origin(hint) is not None}
    assert hints - many == one | {type(None)}
    if are_pairs(name):
        assert {typing.get_origin(hint) for hint in many} == {Mapping, Iterable}
    elif schema.get("type") == "array":
        (iterable,) = many
        (inner,) = typing.get_args(iterable)
        assert typing.get_origin(iterable) is Iterable
        assert set(typing.get_args(inner) or [inner]) == one
    else:
        assert not many


@pytest.mark.parametrize("name", parameters())
def test_client_and_contract_have_the_same_bounds(name: str) -> None:
    no_bounds = {"type", "format", "items", "$ref", "enum", "description"}
    schema = parameters()[name]["schema"]
    inside = schema.get("items", {})
    kept: dict[str, Any] = {"minItems": 1} if schema.get("type") == "array" else {}
    if name == "agent_version":
        kept["pattern"] = f"^({query._AGENT_VERSION.pattern})$"
    if query.NORMALISERS.get(name) is query.NORMALISERS["call_from"]:
        kept["pattern"] = f"^{query._LOCAL_NUMBER.pattern}$"
    if is_instant(name) or is_duration(name):
        kept["minimum"] = 0
    if are_pairs(name):
        kept |= {"maxItems": query._MOST_PAIRS, "pattern": "^[^:]+:"}
    keywords = getattr(query.NORMALISERS.get(name), "keywords", {})
    kept |= {word: keywords[own] for word, own in (("minimum", "least"), ("maximum", "most")) if own in keywords}
    special: dict[str, dict[str, Any]] = {
        "campaign_id": {"pattern": f"^{query._DIGITS.pattern}$"},
        "sort_order": {"default": "desc"},
        "cursor": {"minLength": 1},
        "limit": {"minimum": 1, "maximum": query.MAX_PAGE_SIZE, "default": of_sandbox.DEFAULT_LIMIT},
    }
    stated = {word: one[word] for one in (schema, inside) for word in one if word not in no_bounds}
    assert stated == special.get(name, kept)


def test_the_sandbox_accepts_the_clients_phone_numbers() -> None:
    assert of_sandbox._NUMBER.pattern == query._LOCAL_NUMBER.pattern, "sandbox/parameters.py and query.py differ"


def test_the_server_is_the_contracts() -> None:
    assert _connection.DEFAULT_BASE_URL in {server["url"] for server in spec()["servers"]}, (
        "_connection.py and calls.yaml differ"
    )


def test_descriptions_name_existing_things() -> None:
    fields = {name for schema in OBJECTS.values() for name in schema.get("properties", {})}
    names = fields | set(parameters()) | {value for values in ENUMS.values() for value in values}
    for where, node in nodes(spec()):
        words = node.get("description")
        said = set(re.findall(r"`([a-z]+(?:_[a-z]+)+)`", words)) if isinstance(words, str) else set()
        assert said <= names, f"{where} speaks of {', '.join(said - names)}"


def test_figures_in_descriptions_match_the_code() -> None:
    limit = rate_limit.DEFAULT_RATE_LIMIT
    assert (
        f"second ({limit.per_second}) or this minute ({limit.per_minute})"
        in operation()["responses"]["429"]["description"]
    )
    assert f"1 to {query.MAX_PAGE_SIZE}" in (vox_calls.Client.list_calls.__doc__ or "")
    least, most = re.findall("[0-9]+(?=[,}])", query._LOCAL_NUMBER.pattern)
    evidence = (ROOT / "openapi" / "evidence.md").read_text(encoding="utf-8")
    rules = (ROOT / "openapi" / "conformance" / "README.md").read_text(encoding="utf-8")
    assert f"({least} to {most} digits)" in str(rejection_of_a_number("1"))
    assert f"{least} to {most} digits" in evidence
    assert f"{least} to {most} ASCII digits" in rules


def rejection_of_a_number(number: str) -> ValueError:
    with pytest.raises(ValueError, match="not a phone number") as caught:
        query._phone_number(number)
    return caught.value


def test_every_body_is_json() -> None:
    assert {kind for answer in operation()["responses"].values() for kind in answer["content"]} == {"application/json"}


def test_each_filter_is_known_to_the_client_and_the_sandbox() -> None:
    paging = {"sort_order", "cursor", "limit"}
    assert set(query.NORMALISERS) == set(parameters()) - paging | {"sort_order"}
    assert list(inspect.signature(raw_list_calls._get_kwargs).parameters) == list(parameters())
    assert tuple(parameters()) == of_sandbox.ALLOWED_PARAMETERS
    assert set(store.CONDITIONS) == set(parameters()) - paging == set(of_sandbox.FILTERS)


def test_the_client_repeats_no_field_or_enum_value() -> None:
    derived = {"start_at", "end_at", "call_cost", "total_cost", "items", "total_count", "next_cursor", "id"}
    derived |= {"call_type", "status"}  # the repr of a call
    derived |= {"recording_url"}  # not in pickles
    # A single word may be plain English.
    fields = {name for schema in OBJECTS.values() for name in schema.get("properties", {}) if "_" in name} - derived
    fields -= {"error", "code", "message", "details", *parameters()}  # the envelope's, and those of filters
    values = {value for name in ENUMS for value in ENUMS[name] if "_" in value} - set(parameters())
    package = vox_calls.__path__[0]
    for module in sorted(Path(package).glob("*.py")):
        name, source = module.name, module.read_text(encoding="utf-8")
        repeated = _string_constants(source) & (fields | values)
        assert not repeated, f"{name} repeats the contract: {', '.join(repeated)}"


def _string_constants(source: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
