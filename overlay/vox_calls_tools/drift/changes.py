"""Two documents: what was added, removed or changed, and whether that breaks the code of this package's users."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import attrs

from vox_calls_tools.drift.document import Element

# What the generator turns into a Python type of its own.
_TYPED_FORMATS = frozenset({"uuid", "date", "date-time", "binary"})


@attrs.frozen
class _Rule:
    """When a change of a fact breaks code, and the words for either case."""

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


_NARROWER, _WIDER = "values that were taken are refused", "more is taken than before"
_RETYPED = _Rule(_retyped, "its Python type changes", "it stays what it is in Python")

_DEPRECATED = _Rule(_never, "", "it still works")
_RAISED, _LOWERED = _Rule(_raised, _NARROWER, _WIDER), _Rule(_lowered, _NARROWER, _WIDER)

_OF_PARAMETERS: Mapping[str, _Rule] = {
    **dict.fromkeys(("minimum", "exclusiveMinimum", "minLength", "minItems"), _RAISED),
    **dict.fromkeys(("maximum", "exclusiveMaximum", "maxLength", "maxItems"), _LOWERED),
    **dict.fromkeys(("pattern", "enum", "uniqueItems", "multipleOf", "not"), _Rule(_stated, _NARROWER, _WIDER)),
    "required": _Rule(_stated, "every request has to have it", "requests need not have it any more"),
    "type": _Rule(_less, "requests are written in another way", _WIDER),
    "allowEmptyValue": _Rule(_never, "", "this package sends no empty values"),
    "default": _Rule(_always, "the same request has another answer", ""),
    "format": _RETYPED,
    "deprecated": _DEPRECATED,
}
_OF_FIELDS: Mapping[str, _Rule] = {
    "nullable": _Rule(_stated, "code meets None where it did not", "None comes no more"),
    "enum": _Rule(_gone, "its Python type changes", "its values are strings as before"),
    "format": _RETYPED,
    "type": _Rule(_always, "its Python type changes", ""),
    "additionalProperties": _Rule(_stated, "unknown fields have no place any more", "unknown fields have a place"),
}
_OF_THE_OPERATION: Mapping[str, _Rule] = {
    "servers": _Rule(_fewer, "requests go where nobody listens", "the one that was there still is"),
    "security": _Rule(_fewer, "requests are not let in", "the way in that was there still is"),
    "deprecated": _DEPRECATED,
}
_RULES = {"parameter": _OF_PARAMETERS, "field": _OF_FIELDS, "operation": _OF_THE_OPERATION}
_OTHERWISE = {
    "operation": _Rule(_never, "", "nothing depends on it"),
    "parameter": _Rule(_always, "requests are written in another way", ""),
    "field": _Rule(_never, "", "nothing that is read depends on it"),
    "error": _Rule(_never, "", "a failure is typed by its status whatever its body"),
    "answer": _Rule(_never, "", "a failure is typed by its status whatever its body"),
    "header": _Rule(_never, "", "it is read as it comes"),
}
_INSIDE = re.compile("^((items|values) )+")
_ADDED = {
    "parameter": "requests need not have it",
    "field": "calls keep it, known or not",
    "header": "it may be read",
}


@attrs.frozen
class Change:
    """One difference.

    Attributes:
        element: Such as `parameter status` or `field items[].queue`.
        change: `added`, `removed`, or the name of the fact that changed.
        old: What it was; None where it was not there.
        new: What it is; None where it is no more.
        breaking: Whether code that uses this package has to be changed.
        reason: Why, in a few words.


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
    """Every difference, breaking ones first.

    Example:
        >>> old = {"parameter status": Element("parameter", "status", {"type": "string"})}
        >>> print(*compare(old, {}))
        breaking    parameter status: removed (the server refuses what it does not know)
    """
    changes: list[Change] = []
    for name in sorted(old.keys() | new.keys()):
        if name not in old:
            changes.append(_added(new[name]))
        elif name not in new:
            changes.append(_removed(old[name]))
        else:
            changes += _changed(old[name], new[name])
    return sorted(changes, key=lambda change: not change.breaking)


def drift(contract: Mapping[str, Element], document: Mapping[str, Element]) -> list[Change]:
    """Where another description of the API, such as its vendor's, says something else than the contract.

    What the contract says beyond it on purpose is left out: that all fields are listed as required, that more of them
    may be null, that objects are open, that filters have bounds of ours, and which errors are typed; and what the
    other does not state of servers and keys.

    Example:
        for change in drift(contract(), elements(parse_document(vendors_document))):
            print(change)
    """
    return [change for change in compare(contract, document) if not _is_ours(change)]


def _is_ours(change: Change) -> bool:
    kind = change.element.partition(" ")[0]
    fact = change.change.rpartition(" ")[2]
    if kind in {"answer", "error", "header"}:
        return fact in {"removed", "required", "nullable", "body", "additionalProperties"}
    if kind == "operation":
        return change.new is None
    if kind == "field":
        return fact == "additionalProperties" or (fact in {"required", "nullable"} and not change.new)
    return fact in {"minimum", "minLength", "minItems", "pattern"} and change.new is None


def version_step(changes: Iterable[Change]) -> str:
    """The step of the version that the changes ask for: `major`, `minor` or `none`.

    Example:
        >>> version_step([])
        'none'
    """
    kinds = {change.breaking for change in changes}
    return "major" if True in kinds else "minor" if kinds else "none"


def _added(element: Element) -> Change:
    breaks = bool(element.facts.get("required")) and element.kind.endswith("parameter")
    reason = _ADDED.get(element.kind.rpartition(" ")[2], "errors are typed by status whatever the contract lists")
    if breaks:
        reason = "every request has to have it"
    return Change(str(element), "added", None, _summary(element), breaks, reason)


def _removed(element: Element) -> Change:
    reason = {
        "parameter": "the server refuses what it does not know",
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
    if (kind, element.name, fact) == ("parameter", "limit", "default"):
        return _Rule(_never, "", "this package sends a limit of its own")
    if (kind, fact) == ("field", "required"):
        if element.may_be_absent:
            return _Rule(_never, "", "absent is None or empty, as before")
        return _Rule(_gone, "absent is an error", "it is always there")
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


def _told(value: Any) -> str:  # noqa: ANN401 - any JSON
    return "nothing" if value is None else str(value)
