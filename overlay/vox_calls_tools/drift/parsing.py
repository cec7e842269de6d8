"""Parses OpenAPI documents in JSON or YAML, within bounds of time and memory."""

from __future__ import annotations

from types import ModuleType

import msgspec

from vox_calls_tools.drift.schemas import DocumentError

MOST_BYTES = 10_000_000
"""Maximum length of a document in bytes."""

# 300,000 scalars of YAML take 3 s and 150 MB. No document of an API comes near.
_MOST_VALUES = 300_000
_MOST_LEVELS = 200


def parse_document(text: bytes) -> object:
    """Parse an OpenAPI document in JSON or YAML.

    Args:
        text: The bytes of the document.

    Raises:
        DocumentError: The document is neither, it is too large or too deep, or it is YAML and the extra `cli` is not
            installed.

    Example:
        >>> parse_document(b'{"openapi": "3.1.0"}')
        {'openapi': '3.1.0'}
    """
    if len(text) > MOST_BYTES:
        raise DocumentError(f"the document is longer than {MOST_BYTES // 1_000_000} MB")
    _check(text.count(b"{") + text.count(b"["), 0)  # parsed, they take 40 times as much memory
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _parse_yaml(text)
    _require_bounded(document)
    return document


def _parse_yaml(text: bytes) -> object:
    try:
        import yaml  # noqa: PLC0415 - an extra, and slow to import

        # libyaml takes seconds where pure Python takes a minute, but not every build of PyYAML has it.
        loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
        _require_bounded_yaml(yaml, text, loader)
        return yaml.load(text, loader)  # noqa: S506 - both are safe
    except ModuleNotFoundError:
        raise DocumentError("the document is not JSON; to read YAML: pip install 'vox-calls[cli]'") from None
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DocumentError(f"the document is neither JSON nor YAML: {' '.join(str(error).split())[:200]}") from None


def _require_bounded_yaml(yaml: ModuleType, text: bytes, loader: type) -> None:
    """Raise DocumentError before loading: deep nesting crashes libyaml, and aliases multiply what they refer to."""
    sizes: dict[str, int] = {}
    started: list[tuple[str | None, int]] = []
    values = 0
    for event in yaml.parse(text, loader):
        if isinstance(event, yaml.AliasEvent):
            if event.anchor not in sizes:
                raise DocumentError(f"the document has an alias *{event.anchor} to itself or to nothing"[:200])
            values += sizes[event.anchor]
        elif isinstance(event, yaml.NodeEvent):
            values += 1
            sizes |= {event.anchor: 1} if event.anchor and isinstance(event, yaml.ScalarEvent) else {}
        if isinstance(event, yaml.CollectionStartEvent):
            started.append((event.anchor, values - 1))
        elif isinstance(event, yaml.CollectionEndEvent):
            anchor, before = started.pop()
            sizes |= {anchor: values - before} if anchor else {}
        _check(values, len(started))


def _require_bounded(document: object) -> None:
    """Raise DocumentError for a document that would take long to compare."""
    values, level, todo = 1, 0, [document]
    while todo:
        inner = [value for value in todo if isinstance(value, list | dict)]
        values += sum(map(len, inner))
        level += bool(inner)
        _check(values, level)
        todo = [each for value in inner for each in (value.values() if isinstance(value, dict) else value)]


def _check(values: int, levels: int) -> None:
    if values > _MOST_VALUES:
        raise DocumentError(f"the document has more than {_MOST_VALUES:,} values, aliases expanded")
    if levels > _MOST_LEVELS:
        raise DocumentError(f"the document has more than {_MOST_LEVELS} levels")
