"""Reads what an OpenAPI document says about `GET /v3/calls`, as one element per fact."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec

from vox_calls_tools.drift.schemas import FREE_OBJECT, DocumentError, Schemas

METHOD, PATH = "get", "/v3/calls"

# Maximum expansions of one kind of object: mutually recursive schemas would take very long.
_MOST_TIMES = 50
# Keys of a parameter that are not facts: descriptions, and what `repeated` and the schema cover.
_OF_PARAMETERS = frozenset({"name", "in", "description", "example", "examples", "schema", "style", "explode"})


@attrs.frozen
class Element:
    """What a document says about one thing: the operation, a parameter, a field of a page or an error, a response.

    Attributes:
        kind: `operation`, `parameter` (in the query; others name their place, such as `header parameter`), `field`,
            `error` (a field of an error body), `answer` or `header` (of a response).
        name: Name, such as `status`, `items[].agent.agent_id` or `429`.
        facts: Facts by name, such as `type`, `enum`, `nullable`, `required`; only those that the document states.

    Example:
        >>> contract()["parameter limit"].facts["maximum"]
        100
    """

    kind: str
    name: str
    facts: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

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
    text = resources.files("vox_calls_raw").joinpath("contract.json").read_bytes()
    return elements(msgspec.json.decode(text))


def parse_document(text: bytes) -> object:
    """Parse an OpenAPI document in JSON or YAML.

    Args:
        text: The bytes of the document.

    Raises:
        DocumentError: The document is neither, or it is YAML and the extra `cli` is not installed.

    Example:
        >>> parse_document(b'{"openapi": "3.1.0"}')
        {'openapi': '3.1.0'}
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        import yaml  # noqa: PLC0415 - an extra, and slow to import

        # libyaml takes seconds where pure Python takes a minute, but not every build of PyYAML has it.
        return yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
    except ModuleNotFoundError:
        raise DocumentError("the document is not JSON; to read YAML: pip install 'vox-calls[cli]'") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"the document is neither JSON nor YAML: {' '.join(str(error).split())[:200]}") from None


def elements(document: object) -> dict[str, Element]:
    """Return everything that a document says about the operation.

    Args:
        document: The parsed document.

    Returns:
        The elements by kind and name, such as `field items[].start_at`.

    Raises:
        DocumentError: The document is not OpenAPI, or has no `GET /v3/calls`.

    Example:
        print(*elements(parse_document(Path("openapi.yaml").read_bytes())))
    """
    if not isinstance(document, dict) or "paths" not in document:
        raise DocumentError("not an OpenAPI document: it has no paths")
    try:
        reader = _Reader(document)
        found = [reader.operation(), *reader.parameters(), *reader.answers(), *reader.fields(), *reader.errors()]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DocumentError(f"not a valid OpenAPI document: {error!r}"[:300]) from None
    return {str(element): element for element in found}


class _Reader:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._schemas = Schemas(document)
        self._told: Counter[tuple[str, ...]] = Counter()
        self._path, self._item, self._operation = self._find()
        answers = self._operation.get("responses", {})
        self._answers = {str(status).replace("x", "X"): answer for status, answer in answers.items()}
        if "2XX" in self._answers:
            self._answers.setdefault("200", self._answers.pop("2XX"))

    def _find(self) -> tuple[str, dict[str, Any], dict[str, Any]]:
        # The version may be in the path or in the server's URL: `/v3/calls`, or `/calls` at `https://.../v3`.
        for path, item in self._document["paths"].items():
            if not PATH.endswith(path) or METHOD not in (resolved := self._schemas.resolve(item)):
                continue
            operation = self._schemas.resolve(resolved[METHOD])
            urls = self._urls(operation) or self._urls(resolved) or self._urls(self._document)
            if path == PATH or any(urlsplit(url).path.rstrip("/") + path == PATH for url in urls):
                return path, resolved, operation
        raise DocumentError(f"the document has no {METHOD.upper()} {PATH}")

    def _urls(self, node: dict[str, Any]) -> list[str]:
        return [_address(server) for server in node.get("servers", [])]

    def operation(self) -> Element:
        urls = self._urls(self._operation) or self._urls(self._item) or self._urls(self._document)
        whole = [url.rstrip("/") + self._path for url in urls]
        security = self._stated("security")
        facts = {
            "servers": sorted(url.removesuffix(PATH) for url in whole if url.endswith(PATH) and url != PATH),
            "security": None if security is None else sorted(map(self._requirement, security)) or ["none"],
            "deprecated": self._operation.get("deprecated", False),
        }
        return Element("operation", f"{METHOD.upper()} {PATH}", {name: fact for name, fact in facts.items() if fact})

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

    def answers(self) -> Iterator[Element]:
        failure = self._failure()
        for status, answer in self._answers.items():
            told = list(self._fields("", self._body(answer), "error"))
            same = failure not in (None, answer) and told and told == list(self.errors())
            media = {} if status != "200" else self._media(answer)
            yield Element("answer", status, {"body": "as of 400"} if same else media)
            if not same and answer != failure and status != "200":
                yield from (attrs.evolve(one, name=f"{status} {one.name}") for one in told)
            for name, header in self._schemas.resolve(answer).get("headers", {}).items():
                schema = self._schemas.resolve(header).get("schema", {})
                yield Element("header", f"{status} {name}", self._schemas.facts(schema))

    def fields(self) -> Iterator[Element]:
        page = self._body(self._answers.get("200", {}))
        if not page:
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
        above = (*above, properties) if properties else above
        if schema.get("type") == "array":
            yield from self._fields(f"{path}[]", schema.get("items", {}), kind, above)
        for name, inner in properties.items():
            where = f"{path}.{name}".removeprefix(".")
            required = {"required": True} if name in schema.get("required", []) else {}
            yield Element(kind, where, self._schemas.facts(inner) | required)
            yield from self._fields(where, inner, kind, above)
        if isinstance(schema.get("additionalProperties"), dict):
            yield from self._fields(f"{path}.*".removeprefix("."), schema["additionalProperties"], kind, above)


def _address(server: dict[str, Any]) -> str:
    """Return the URL of a server: variables replaced by defaults, host in lower case, no default port."""
    url = str(server.get("url", ""))
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", str(variable.get("default", "")))
    parts = urlsplit(url)
    usual = {"https": ":443", "http": ":80"}.get(parts.scheme, "")
    return parts._replace(netloc=parts.netloc.lower().removesuffix(usual)).geturl()
