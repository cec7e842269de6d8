"""Compares two documents: what was added, removed or changed, and whether it breaks users' code."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from vox_calls_tools.drift.document import Element, operations

# Formats that the generator maps to their own Python types.
_TYPED_FORMATS = frozenset({"uuid", "date", "date-time", "binary"})


@attrs.frozen
class _Rule:
    """When a changed fact breaks code, and the reason to give in either case."""

    breaks: Callable[[Any, Any], bool]
    breaking: str
    compatible: str


def _always(_: object, __: object) -> bool:
    return True


def _never(_: object, __: object) -> bool:
    return False


def _stated(_: object, now: object) -> bool:
    return bool(now)


def _gone(_: object, now: object) -> bool:
    return not now


def _raised(was: float | None, now: float | None) -> bool:
    return now is not None and (was is None or now > was)


def _lowered(was: float | None, now: float | None) -> bool:
    return now is not None and (was is None or now < was)


def _fewer(was: list[Any] | None, now: list[Any] | None) -> bool:
    return bool(was and now and not set(was) <= set(now))


def _retyped(was: str | None, now: str | None) -> bool:
    return bool({was, now} & _TYPED_FORMATS)


def _less(was: str | None, now: str | None) -> bool:
    return was is None or (now is not None and not set(was.split(" or ")) <= set(now.split(" or ")))


_NARROWER, _WIDER = "values accepted before are rejected", "more values are accepted"
_RETYPED = _Rule(_retyped, "its Python type changes", "its Python type stays the same")

_DEPRECATED = _Rule(_never, "", "it still works")
_RAISED, _LOWERED = _Rule(_raised, _NARROWER, _WIDER), _Rule(_lowered, _NARROWER, _WIDER)

_OF_PARAMETERS: Mapping[str, _Rule] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems"), _RAISED),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems"), _LOWERED),
    **dict.fromkeys(("pattern", "enum", "uniqueItems", "multipleOf", "not"), _Rule(_stated, _NARROWER, _WIDER)),
    "required": _Rule(_stated, "every request must have it", "requests may omit it"),
    "type": _Rule(_less, "requests are encoded differently", _WIDER),
    "allowEmptyValue": _Rule(_never, "", "the client sends no empty values"),
    "default": _Rule(_always, "the same request gets a different response", ""),
    "format": _RETYPED,
    "deprecated": _DEPRECATED,
}
_OF_FIELDS: Mapping[str, _Rule] = {
    "nullable": _Rule(_stated, "it may be None now", "it is never None"),
    "enum": _Rule(_gone, "its Python type changes", "its values are still strings"),
    "format": _RETYPED,
    "type": _Rule(_always, "its Python type changes", ""),
    "additionalProperties": _Rule(_stated, "unknown fields are no longer kept", "unknown fields are kept"),
    "deprecated": _DEPRECATED,
}
_OF_THE_OPERATION: Mapping[str, _Rule] = {
    "servers": _Rule(_fewer, "requests go to a server that is gone", "the previous servers remain"),
    "security": _Rule(_fewer, "requests are not authorised", "the previous schemes remain"),
    "deprecated": _DEPRECATED,
}
_RULES = {"parameter": _OF_PARAMETERS, "field": _OF_FIELDS, "operation": _OF_THE_OPERATION}
_OTHERWISE = {
    "operation": _Rule(_never, "", "nothing depends on it"),
    "parameter": _Rule(_always, "requests are encoded differently", ""),
    "field": _Rule(_never, "", "decoding does not depend on it"),
    "error": _Rule(_never, "", "error classes depend on the status alone"),
    "answer": _Rule(_never, "", "error classes depend on the status alone"),
    "header": _Rule(_never, "", "headers are read as they are"),
}
_LONGEST = 1_000  # of a value; a pattern can be megabytes
_INSIDE = re.compile("^((items|values) )+")
_ADDED = {
    "operation": "calling it is optional",
    "parameter": "requests may omit it",
    "field": "calls keep unknown fields",
    "header": "reading it is optional",
}


@attrs.frozen
class Change:
    """One difference between two documents.

    Attributes:
        element: The element, such as `parameter status` or `field items[].queue`.
        change: `added`, `removed`, or the name of the fact that changed.
        old: The old value; None if there was none.
        new: The new value; None if there is none.
        breaking: Whether it breaks code that uses the package.
        reason: Why or why not, in a few words.

    Example:
        for change in compare(elements(old), elements(new)):
            print(change, "breaks code" if change.breaking else "")
    """

    element: str
    change: str
    old: Any
    new: Any
    breaking: bool
    reason: str

    def __str__(self) -> str:
        mark = "breaking  " if self.breaking else "compatible"
        if self.change in {"added", "removed"}:
            return f"{mark}  {self.element}: {self.change} ({self.reason})"
        if self.old is True or self.new is True:
            return f"{mark}  {self.element}: {'now' if self.new else 'no longer'} {self.change} ({self.reason})"
        return f"{mark}  {self.element}: {self.change} {_told(self.old)} became {_told(self.new)} ({self.reason})"


def compare(old: Mapping[str, Element], new: Mapping[str, Element]) -> list[Change]:
    """Compare two documents.

    Args:
        old: The elements of the old document.
        new: The elements of the new document.

    Returns:
        All differences, breaking ones first.

    Example:
        >>> old = {"parameter status": Element("parameter", "status", {"type": "string"})}
        >>> print(*compare(old, {}))
        breaking    parameter status: removed (the server rejects unknown parameters)
    """
    changes: list[Change] = []
    one_sided = {name.partition(" ")[2] for name in old.keys() ^ new.keys() if name.startswith("operation ")}
    for name in sorted(old.keys() | new.keys()):
        if not name.startswith("operation ") and (old.get(name) or new[name]).operation in one_sided:
            continue  # the operation itself is told
        if name not in old:
            changes.append(_added(new[name]))
        elif name not in new:
            changes.append(_removed(old[name]))
        else:
            changes += _changed(old[name], new[name])
    return sorted(changes, key=lambda change: not change.breaking)


def drift(contract: Mapping[str, Element], document: Mapping[str, Element]) -> list[Change]:
    """Compare the contract with another description of the API, such as the vendor's, in the contract's operations.

    Intended differences are left out: required and nullable fields, open objects, the bounds of filters, the errors
    that the contract adds, and servers and security schemes that the other document does not state.

    Args:
        contract: The elements of the contract.
        document: The elements of the other document.

    Returns:
        The other differences, breaking ones first.

    Example:
        for change in drift(contract(), elements(parse_document(vendors_document))):
            print(change)
    """
    ours = operations(contract)
    theirs = {name: element for name, element in document.items() if element.operation in ours}
    return [change for change in compare(contract, theirs) if not _is_ours(change)]


def _is_ours(change: Change) -> bool:
    kind = change.element.partition(" ")[0]
    fact = change.change.rpartition(" ")[2]
    if kind in {"answer", "error", "header"}:
        return fact in {"removed", "required", "nullable", "body", "additionalProperties"}
    if kind == "operation":
        return change.new is None and fact != "removed"
    if kind == "field":
        return fact == "additionalProperties" or (fact in {"required", "nullable"} and not change.new)
    return fact in {"minimum", "minLength", "minItems", "pattern"} and change.new is None


def version_step(changes: Iterable[Change]) -> str:
    """Return the version step that some changes require: `major`, `minor` or `none`.

    Example:
        >>> version_step([])
        'none'
    """
    kinds = {change.breaking for change in changes}
    return "major" if True in kinds else "minor" if kinds else "none"


def _added(element: Element) -> Change:
    breaks = bool(element.facts.get("required")) and element.kind.endswith("parameter")
    reason = _ADDED.get(element.kind.rpartition(" ")[2], "error classes depend on the status alone")
    if breaks:
        reason = "every request must have it"
    return Change(str(element), "added", None, _summary(element), breaks, reason)


def _removed(element: Element) -> Change:
    reason = {
        "operation": "code that calls it fails",
        "parameter": "the server rejects unknown parameters",
        "field": "code that reads it fails",
    }.get(element.kind)
    breaks = reason is not None
    return Change(str(element), "removed", _summary(element), None, breaks, reason or "nothing depends on it")


def _changed(old: Element, new: Element) -> Iterator[Change]:
    for fact in sorted(old.facts.keys() | new.facts.keys()):
        was, now = old.facts.get(fact), new.facts.get(fact)
        if was == now:
            continue
        if fact == "enum" and was and now:
            yield from _enum_changes(str(old), was, now)
            continue
        rule = _rule(new, fact)
        breaks = rule.breaks(was, now)
        yield Change(str(old), fact, was, now, breaks, rule.breaking if breaks else rule.compatible)


def _rule(element: Element, fact: str) -> _Rule:
    kind = element.kind.rpartition(" ")[2]
    if (str(element), fact) == ("parameter limit", "default"):
        return _Rule(_never, "", "the client always sends a limit")
    if (kind, fact) == ("field", "required"):
        if element.may_be_absent:
            return _Rule(_never, "", "an absent field is None or empty")
        return _Rule(_gone, "an absent field is an error", "it is always present")
    return _RULES.get(kind, {}).get(_INSIDE.sub("", fact), _OTHERWISE[kind])


def _enum_changes(name: str, old: list[Any], new: list[Any]) -> Iterator[Change]:
    for value in new:
        if value not in old:
            yield Change(f"{name} value {value}", "added", None, value, breaking=False, reason="enums are open")
    for value in old:
        if value not in new:
            yield Change(
                f"{name} value {value}", "removed", value, None, breaking=True, reason="code that names it fails"
            )


def _summary(element: Element) -> str:
    return str(element.facts.get("type", "listed"))


def _told(value: object) -> str:
    return "nothing" if value is None else str(value)[:_LONGEST]
