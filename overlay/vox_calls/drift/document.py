"""An OpenAPI document becomes the facts that it states of `GET /v3/calls`, one element each, however it is written.

References, `allOf`, `nullable: true` of OpenAPI 3.0, type arrays of 3.1 and `oneOf` with null all say the same thing in
other words: here they become the same facts, so that two documents of different hands can be compared.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from typing import Any
from urllib.parse import urlsplit

import attrs
import msgspec

from vox_calls.errors import VoxCallsError

METHOD, PATH = "get", "/v3/calls"

_BOUNDS = ("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern")
_KINDS: Mapping[str, Any] = {
    "type": str,
    "format": str,
    "pattern": str,
    "enum": list,
    **dict.fromkeys(("minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems"), (int, float)),
}
_DEEPEST = 20

FREE_OBJECT = "free object"
"""The type of an object without declared properties: any key, any value."""


class DocumentError(VoxCallsError):
    """A document that cannot be read, or that does not describe the operation. The message says which."""


@attrs.frozen
class Element:
    """One parameter, one field of a page or of a failure, or one answer, and what the document says of it.

    Attributes:
        kind: `parameter`, `field`, `error` (a field of a failure) or `answer`.
        name: Such as `status`, `items[].agent.agent_id` or `429`.
        facts: By name, such as `type`, `enum`, `nullable`, `required`; those that are not stated are left out.

    """

    kind: str
    name: str
    facts: Mapping[str, Any]

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    @property
    def may_be_absent(self) -> bool:
        """Whether a reader takes the absent field for null or for empty, instead of failing."""
        empty = str(self.facts.get("type", "")).startswith(("array", FREE_OBJECT)) and "." in self.name
        return bool(self.facts.get("nullable")) or empty


def contract() -> dict[str, Element]:
    """The contract that this version of the package was generated from."""
    text = resources.files("vox_calls_raw").joinpath("contract.json").read_bytes()
    return elements(msgspec.json.decode(text))


def parse_document(text: bytes) -> object:
    """The document in JSON or YAML.

    Raises:
        DocumentError: Where it is neither, or is YAML and the extra `cli` is not there to read it.
    """
    try:
        return msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    try:
        import yaml  # noqa: PLC0415 - an extra, and slow to import

        return yaml.safe_load(text)
    except ModuleNotFoundError:
        raise DocumentError("the document is not JSON; for YAML: pip install 'vox-calls[cli]'") from None
    except (yaml.YAMLError, UnicodeDecodeError, RecursionError) as error:
        raise DocumentError(f"the document is neither JSON nor YAML: {' '.join(str(error).split())[:200]}") from None


def elements(document: object) -> dict[str, Element]:
    """Everything that the document says of the operation, by kind and name.

    Raises:
        DocumentError: Where it is no OpenAPI document, or has no `GET /v3/calls`.

    """
    if not isinstance(document, dict) or "paths" not in document:
        raise DocumentError("this is not an OpenAPI document: it has no paths")
    try:
        reader = _Reader(document)
        found = [*reader.parameters(), *reader.answers(), *reader.fields(), *reader.errors()]
    except (AttributeError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DocumentError(f"this is not an OpenAPI document as it has to be: {error!r}"[:300]) from None
    return {str(element): element for element in found}


class _Reader:
    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._item, self._operation = self._find()

    def _find(self) -> tuple[dict[str, Any], dict[str, Any]]:
        # The version may stand in the path or in the server's URL: `/v3/calls`, or `/calls` of `https://.../v3`.
        bases = [urlsplit(server.get("url", "")).path.rstrip("/") for server in self._document.get("servers", [])]
        for base in ["", *bases]:
            for path, item in self._document["paths"].items():
                resolved = self.resolve(item)
                if base + path == PATH and METHOD in resolved:
                    return resolved, self.resolve(resolved[METHOD])
        raise DocumentError(f"the document has no {METHOD.upper()} {PATH}")

    def resolve(self, node: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """The node itself, behind its references; what stands beside a reference goes before what it refers to."""
        for _ in range(_DEEPEST):
            if not isinstance(node, dict):
                raise DocumentError(f"the document has {type(node).__name__} where an object belongs")
            if "$ref" not in node:
                return node
            beside = {key: value for key, value in node.items() if key != "$ref"}
            node = {**self._target(node["$ref"]), **beside}
        raise DocumentError("the document has a reference that leads nowhere but to itself")

    def _target(self, reference: str) -> dict[str, Any]:
        target: Any = self._document
        for part in reference.removeprefix("#/").split("/"):
            key = part.replace("~1", "/").replace("~0", "~")
            if not isinstance(target, dict) or key not in target:
                raise DocumentError(f"the document refers to {reference}, which is not in it")
            target = target[key]
        if not isinstance(target, dict):
            raise DocumentError(f"the document refers to {reference}, which is no object")
        return target

    def parameters(self) -> Iterator[Element]:
        both = [*self._item.get("parameters", []), *self._operation.get("parameters", [])]
        for parameter in map(self.resolve, both):
            if parameter.get("in") != "query":
                continue
            facts = self._facts(parameter.get("schema", {}))
            facts["required"] = bool(parameter.get("required"))
            if facts.get("type") == "array":
                facts["repeated"] = parameter.get("style", "form") == "form" and parameter.get("explode", True)
                items = self._facts(self._schema(parameter["schema"]).get("items", {}))
                facts |= {f"items {name}" if name in _BOUNDS else name: value for name, value in items.items()}
                facts["type"] = f"array of {items.get('type', 'anything')}"
            # "Nullable" has no meaning in a query string, and no default is the same as a default of null.
            yield Element("parameter", parameter["name"], {k: v for k, v in facts.items() if k != "nullable"})

    def answers(self) -> Iterator[Element]:
        for status in self._operation.get("responses", {}):
            yield Element("answer", str(status), {})

    def fields(self) -> Iterator[Element]:
        success = self._operation.get("responses", {}).get("200") or self._operation.get("responses", {}).get(200)
        if success is None:
            raise DocumentError("the document does not say what a 200 looks like")
        yield from self._fields("field", "", self._body(success), depth=0)

    def errors(self) -> Iterator[Element]:
        """The fields of a failure: those of the answer to a bad request, or of the one for all that is not listed."""
        answers = self._operation.get("responses", {})
        failure = answers.get("400") or answers.get(400) or answers.get("default")
        if failure is not None:
            yield from self._fields("error", "", self._body(failure), depth=0)

    def _body(self, answer: Any) -> Any:  # noqa: ANN401 - any JSON
        content: dict[str, Any] = self.resolve(answer).get("content", {})
        return next((media.get("schema", {}) for name, media in content.items() if "json" in name), {})

    def _fields(self, kind: str, path: str, node: Any, depth: int) -> Iterator[Element]:  # noqa: ANN401 - any JSON
        if depth > _DEEPEST:
            return
        schema = self._schema(node)
        if schema.get("type") == "array":
            yield from self._fields(kind, f"{path}[]", schema.get("items", {}), depth + 1)
        for name, inner in schema.get("properties", {}).items():
            where = f"{path}.{name}".removeprefix(".")
            facts = self._facts(inner)
            if facts.get("type") == "array":
                items = self._facts(self._schema(inner).get("items", {}))
                facts["type"] = f"array of {items.get('type', 'anything')}"
                if "enum" in items:
                    facts["enum"] = items["enum"]
            yield Element(kind, where, facts | {"required": name in schema.get("required", [])})
            yield from self._fields(kind, where, inner, depth + 1)

    def _facts(self, node: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        schema = self._schema(node)
        facts: dict[str, Any] = {"nullable": schema["nullable"]}
        for name in ("type", "format", "default", "enum", *_BOUNDS):
            if schema.get(name) is not None:
                if not isinstance(schema[name], _KINDS.get(name, object)) or isinstance(schema[name], bool):
                    raise DocumentError(f"the document has a {name} that is {schema[name]!r}"[:200])
                facts[name] = schema[name]
        return facts

    def _schema(self, node: Any) -> dict[str, Any]:  # noqa: ANN401 - any JSON
        """The schema in one form: one type, `nullable`, no combinations but those that cannot be undone."""
        schema = dict(self.resolve(node or {}))
        kinds = schema.get("type")
        kinds = list(kinds) if isinstance(kinds, list) else [kinds] if kinds else []
        nullable = bool(schema.pop("nullable", False)) or "null" in kinds
        for part in schema.pop("allOf", []):
            inner = self._schema(part)
            nullable = nullable or inner["nullable"]
            schema["properties"] = {**inner.get("properties", {}), **schema.get("properties", {})}
            schema["required"] = [*inner.get("required", []), *schema.get("required", [])]
            schema = {**inner, **schema}
            kinds = kinds or [inner["type"]] * ("type" in inner)
        choices = [self._schema(choice) for choice in schema.pop("oneOf", []) + schema.pop("anyOf", [])]
        nullable = nullable or any(choice["nullable"] or choice.get("type") == "null" for choice in choices)
        real = [choice for choice in choices if choice.get("type") != "null"]
        if len(real) == 1:
            schema = {**real[0], **schema}
            kinds = kinds or [real[0]["type"]] * ("type" in real[0])
        elif real:
            kinds = kinds or sorted({str(choice.get("type", "anything")) for choice in real})
            if all("enum" in choice for choice in real):
                schema["enum"] = [value for choice in real for value in choice["enum"]]
        kinds = [kind for kind in kinds if kind != "null"] or (["null"] if kinds == ["null"] else [])
        if "const" in schema:
            schema["enum"] = [schema.pop("const")]
        if isinstance(schema.get("enum"), list):
            nullable = nullable or None in schema["enum"]
            schema["enum"] = [value for value in schema["enum"] if value is not None]
        if "properties" in schema and not kinds:
            kinds = ["object"]
        if kinds == ["object"] and not schema.get("properties"):
            kinds = [FREE_OBJECT]
        if kinds:
            schema["type"] = " or ".join(sorted(set(kinds)))
        return {**schema, "nullable": nullable}
