"""Reads what an OpenAPI document says about its operations, as one element per fact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec

from vox_calls_tools.drift.schemas import FREE_OBJECT, DocumentError, Schemas

METHOD, PATH = "get", "/v3/calls"
OPERATION = f"{METHOD.upper()} {PATH}"
"""The operation that every document must have."""

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")

# Maximum expansions of one kind of object: mutually recursive schemas would take very long.
_MOST_TIMES = 50
_LONGEST_URL = 2_000  # variables can multiply each other
# Keys of a parameter that are not facts: descriptions, and what `repeated` and the schema cover.
_OF_PARAMETERS = frozenset({"name", "in", "description", "example", "examples", "schema", "style", "explode"})


@attrs.frozen
class Element:
    """What a document says about one thing: an operation, a parameter, a field of a page or an error, a response.

    Attributes:
        kind: `operation`, `parameter` (in the query; others name their place, such as `header parameter` or `body
            parameter`), `field`, `error` (a field of an error body), `answer` or `header` (of a response).
        name: Name, such as `status`, `items[].agent.agent_id` or `429`.
        facts: Facts by name, such as `type`, `enum`, `nullable`, `required`; only those that the document states.
        operation: Operation that it belongs to, by method and path.

    Example:
        >>> contract()["parameter limit"].facts["maximum"]
        100
    """

    kind: str
    name: str
    facts: Mapping[str, Any]
    operation: str = OPERATION

    def __str__(self) -> str:
        of = "" if self.operation in {OPERATION, self.name} else f" of {self.operation}"
        return f"{self.kind} {self.name}{of}"

    @property
    def may_be_absent(self) -> bool:
        """Whether the client decodes an absent field as null or empty instead of failing."""
        empty = str(self.facts.get("type", "")).startswith(("array", FREE_OBJECT)) and "." in self.name
        return bool(self.facts.get("nullable")) or empty


def contract() -> dict[str, Element]:
    """Return the contract that the package was generated from.

    Returns:
        Its elements by kind and name.

    Example:
        >>> contract()["field items[].start_at"].facts["type"]
        'integer'
    """
    return elements(_packaged())


def published() -> frozenset[str]:
    """Return the parameters that the vendor has published and that nobody has shown the live server with.

    Example:
        >>> "campaign_id" in published()
        True
    """
    parameters = _packaged()["components"]["parameters"].values()
    return frozenset(parameter["name"] for parameter in parameters if parameter.get("x-published"))


def _packaged() -> dict[str, Any]:
    text = resources.files("vox_calls_raw").joinpath("contract.json").read_bytes()
    return msgspec.json.decode(text, type=dict[str, Any])


def elements(document: object, only: Collection[str] | None = None) -> dict[str, Element]:
    """Return everything that a document says about its operations.

    Args:
        document: The parsed document.
        only: Operations to read, such as `GET /v3/calls`; None reads all.

    Returns:
        The elements by kind and name, such as `field items[].start_at`.

    Raises:
        DocumentError: The document is not OpenAPI, or has no `GET /v3/calls`.

    Example:
        print(*elements(parse_document(Path("openapi.yaml").read_bytes())))
    """
    if not isinstance(document, dict) or "paths" not in document:
        raise DocumentError("not an OpenAPI document: it has no paths")
    found: dict[str, Element] = {}
    try:
        for reader in _readers(document, only):
            if f"operation {reader.name}" not in found:
                found |= {str(element): element for element in reader.elements()}
    except RecursionError:
        raise DocumentError("the document has schemas that are nested too deeply, or that contain themselves") from None
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DocumentError(f"not a valid OpenAPI document: {error!r}"[:300]) from None
    if f"operation {OPERATION}" not in found:
        raise DocumentError(f"the document has no {OPERATION}")
    return found


def operations(found: Mapping[str, Element]) -> set[str]:
    """Return the operations that some elements belong to.

    Example:
        >>> operations(contract())
        {'GET /v3/calls'}
    """
    return {element.operation for element in found.values()}


def others(document: object, found: Mapping[str, Element]) -> int:
    """Count the operations of a document without elements among those found.

    Example:
        >>> others({"paths": {"/v3/calls": {"get": {}, "post": {}}}}, contract())
        1
    """
    paths = document.get("paths") if isinstance(document, dict) else None
    items = paths.values() if isinstance(paths, dict) else ()
    listed = sum(method in item for item in items if isinstance(item, dict) for method in _METHODS)
    return max(0, listed - len(operations(found)))


def _readers(document: dict[str, Any], only: Collection[str] | None) -> Iterator[_Reader]:
    schemas = Schemas(document)
    for path, item in document["paths"].items():
        wanted = [method for method in _METHODS if _may_be(method, path, only)]
        resolved = schemas.resolve(item) if wanted else {}
        for method in wanted:
            if method in resolved:
                reader = _Reader(schemas, path, resolved, method, only or {OPERATION})
                if only is None or reader.name in only:
                    yield reader


def _may_be(method: str, path: str, only: Collection[str] | None) -> bool:
    if only is None:
        return path.startswith("/")  # other keys are extensions
    return any(name.startswith(f"{method.upper()} ") and name.endswith(path) for name in only)


class _Reader:
    """Reads one operation."""

    def __init__(self, schemas: Schemas, path: str, item: dict[str, Any], method: str, known: Collection[str]) -> None:
        self._document = schemas.document
        self._schemas = schemas
        self._told: Counter[tuple[str, ...]] = Counter()
        self._item = item
        self._operation = schemas.resolve(item[method])
        self._whole = [url.rstrip("/") + path for url in self._urls()]
        schemas.spend(len(self._whole) + len(self._stated("security") or ()))
        # The version may be in the path or in the server's URL: `/v3/calls`, or `/calls` at `https://.../v3`.
        served = sorted({f"{method.upper()} {urlsplit(url).path}" for url in self._whole})
        stated = f"{method.upper()} {path}"
        usual = served[0] if len(served) == 1 else stated
        self.name = next((name for name in (stated, *served) if name in known), usual)
        answers = self._operation.get("responses", {})
        self._answers = {str(status).replace("x", "X"): answer for status, answer in answers.items()}
        if "2XX" in self._answers:
            self._answers.setdefault("200", self._answers.pop("2XX"))
        succeeded = sorted(status for status in self._answers if status.startswith("2"))
        self._success = "200" if self.name == OPERATION or not succeeded else succeeded[0]

    def _urls(self) -> list[str]:
        listed = (node.get("servers") for node in (self._operation, self._item, self._document))
        return [_address(server) for server in next(filter(None, listed), [])]

    def elements(self) -> Iterator[Element]:
        yield self.operation()
        for found in (self.parameters(), self.body(), self.answers(), self.fields(), self.errors()):
            yield from (attrs.evolve(element, operation=self.name) for element in found)

    def operation(self) -> Element:
        path = self.name.partition(" ")[2]
        security = self._stated("security")
        facts = {
            "servers": sorted(url.removesuffix(path) for url in self._whole if url.endswith(path) and url != path),
            "security": None if security is None else sorted(map(self._requirement, security)) or ["none"],
            "deprecated": self._operation.get("deprecated", False),
        }
        return Element("operation", self.name, {name: fact for name, fact in facts.items() if fact}, self.name)

    def _stated(self, name: str) -> list[Any] | None:
        found: list[Any] | None = self._operation.get(name, self._document.get(name))
        return found

    def _requirement(self, requirement: dict[str, Any]) -> str:
        known = self._document.get("components", {}).get("securitySchemes", {})
        schemes = [self._schemas.resolve(known.get(name, {"type": name})) for name in requirement]
        parts = ("type", "scheme", "in", "name")
        told = [" ".join(str(scheme[part]).lower() for part in parts if part in scheme) for scheme in schemes]
        return " and ".join(sorted(told)) or "none"

    def parameters(self) -> Iterator[Element]:
        both = [*self._item.get("parameters", []), *self._operation.get("parameters", [])]
        for parameter in map(self._schemas.resolve, both):
            where = parameter.get("in")
            facts = {name: fact for name, fact in parameter.items() if fact and name not in _OF_PARAMETERS}
            facts = {name: fact for name, fact in facts.items() if not name.startswith("x-")}
            facts |= self._schemas.facts(parameter.get("schema", {}))
            if str(facts.get("type")).startswith("array"):
                facts["repeated"] = parameter.get("style", "form") == "form" and parameter.get("explode", True)
            facts.pop("nullable", None)  # a query string cannot express null
            yield Element("parameter" if where == "query" else f"{where} parameter", parameter["name"], facts)

    def body(self) -> Iterator[Element]:
        """Yield the fields of the request body, which only other operations have."""
        yield from self._fields("", self._body(self._operation.get("requestBody", {})), "body parameter")

    def answers(self) -> Iterator[Element]:
        failure = self._failure()
        for status, answer in self._answers.items():
            told = list(self._fields("", self._body(answer), "error"))
            same = failure not in (None, answer) and told and told == list(self.errors())
            media = {} if status != self._success else self._media(answer)
            yield Element("answer", status, {"body": "as of 400"} if same else media)
            if not same and answer != failure and status != self._success:
                yield from (attrs.evolve(one, name=f"{status} {one.name}") for one in told)
            for name, header in self._schemas.resolve(answer).get("headers", {}).items():
                schema = self._schemas.resolve(header).get("schema", {})
                yield Element("header", f"{status} {name}", self._schemas.facts(schema))

    def fields(self) -> Iterator[Element]:
        page = self._body(self._answers.get(self._success, {}))
        if not page and self.name == OPERATION:
            raise DocumentError("the document has no schema for the 200 response")
        yield from self._fields("", page, "field")

    def errors(self) -> Iterator[Element]:
        """Yield the fields of an error: those of the 400 response, else of the default response."""
        if failure := self._failure():
            yield from self._fields("", self._body(failure), "error")

    def _failure(self) -> dict[str, Any] | None:
        listed = (self._answers.get(status) for status in ("400", "4XX", "default"))
        return next((answer for answer in listed if answer), None)

    def _media(self, answer: object) -> dict[str, Any]:
        """Return the media types of a response, unless it is plain JSON."""
        kinds = {name.partition(";")[0].strip().lower() for name in self._schemas.resolve(answer).get("content", {})}
        return {} if kinds & {"application/json", "*/*"} else {"media": sorted(kinds)}

    def _body(self, answer: object) -> object:
        content: dict[str, Any] = self._schemas.resolve(answer).get("content", {})
        return next(
            (media.get("schema", {}) for name, media in content.items() if "json" in name.lower() or "*" in name), {}
        )

    def _fields(self, path: str, node: object, kind: str, above: tuple[object, ...] = ()) -> Iterator[Element]:
        schema = self._schemas.normal(node)
        properties = schema.get("properties", {})
        names = tuple(properties)
        if properties in above or self._told[names] == _MOST_TIMES:
            return  # recursive, or mutually recursive
        self._told[names] += bool(names)
        required = set(schema.get("required", [])) if properties else set()
        above = (*above, properties) if properties else above
        if schema.get("type") == "array":
            yield from self._fields(f"{path}[]", schema.get("items", {}), kind, above)
        for name, inner in properties.items():
            where = f"{path}.{name}".removeprefix(".")
            self._schemas.spend(len(where) // 10)
            yield Element(kind, where, self._schemas.facts(inner) | ({"required": True} if name in required else {}))
            yield from self._fields(where, inner, kind, above)
        if isinstance(schema.get("additionalProperties"), dict):
            yield from self._fields(f"{path}.*".removeprefix("."), schema["additionalProperties"], kind, above)


def _address(server: dict[str, Any]) -> str:
    """Return the URL of a server: variables replaced by defaults, host in lower case, no default port."""
    url = str(server.get("url", ""))
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
        if len(url) > _LONGEST_URL:
            raise DocumentError(f"the document has a server URL of more than {_LONGEST_URL:,} characters")
    parts = urlsplit(url)
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return parts._replace(netloc=parts.netloc.lower().removesuffix(usual)).geturl()
