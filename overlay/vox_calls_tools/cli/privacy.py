"""Personal data in calls, hidden for `--mask`.

It errs on the safe side: a text is shown only where it is known to be harmless. Phone numbers keep their last four
digits. Everything else that may hold a name, an address or a number is hidden whole: summaries, metadata, variables,
results of an organisation's own analysis, and fields that this version does not know.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vox_calls import Call
from vox_calls.toolkit import Field, fields_of
from vox_calls_tools.export.columns import HIDDEN, without_secret

HARMLESS = frozenset({"id", "agent_id", "agent_version", "total_cost", "user_sentiment", "variant_label"})
"""The texts of a call that tell nobody who was on it. A text that the contract gains is hidden until it is here."""

_NUMBER = "_number"  # how the API calls each of its fields that holds a phone number
_DIALLED = re.compile(r"[0-9+*#() .-]*")
_ALL_BUT_LAST_FOUR = re.compile(r"[0-9](?=(?:[^0-9]*[0-9]){4})")


def masked(call: Call) -> dict[str, Any]:
    """The JSON of a call without personal data, in the same shape."""
    return _object(call.to_dict(), Call)


def without_recording(call: Call) -> dict[str, Any]:
    """The JSON of a call, but for the URL of its recording, which is a secret: whoever holds it can listen."""
    return without_secret(call.to_dict())


def mask_number(text: str) -> str:
    """A phone number with its last four digits alone; anything that is no number is hidden whole.

    Example:
        >>> mask_number("01012345678")
        '*******5678'
        >>> mask_number("anonymous")
        '[hidden]'
    """
    return _ALL_BUT_LAST_FOUR.sub("*", text) if _DIALLED.fullmatch(text) else HIDDEN


def _object(raw: Mapping[str, Any], cls: type[Any]) -> dict[str, Any]:
    known = {field.wire_name: field for field in fields_of(cls)}
    return {key: _value(value, known.get(key)) for key, value in raw.items()}


def _value(value: Any, field: Field | None) -> Any:  # noqa: ANN401 - any JSON
    if value is None:
        return None
    if field is None:
        return HIDDEN
    if isinstance(value, list):
        return [_value(item, field) for item in value]
    if isinstance(value, dict):
        return _object(value, field.model) if field.model else {HIDDEN: HIDDEN} if value else {}
    if not isinstance(value, str) or field.enum or field.wire_name in HARMLESS:
        return value
    return mask_number(value) if field.wire_name.endswith(_NUMBER) else HIDDEN
