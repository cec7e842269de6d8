"""Masks personal data in calls, for `--mask`.

Only texts known to be harmless are shown. Phone numbers keep their last four digits. Everything else that may contain
personal data is hidden: summaries, metadata, variables, custom analysis data and unknown fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from vox_calls import Call
from vox_calls.toolkit import Field, fields_of
from vox_calls_tools.export.columns import HIDDEN, without_secret

HARMLESS = frozenset({"id", "agent_id", "agent_version", "total_cost", "user_sentiment", "variant_label"})
"""The texts of a call without personal data. New fields of the contract stay hidden until added here."""

_NUMBER = "_number"  # suffix of all fields that hold a phone number
_DIALLED = re.compile(r"[0-9+*#() .-]*")
_ALL_BUT_LAST_FOUR = re.compile(r"[0-9](?=(?:[^0-9]*[0-9]){4})")


def masked(call: Call) -> dict[str, Any]:
    """Return the JSON of a call with personal data masked, in the same shape."""
    return _object(call.to_dict(), Call)


def without_recording(call: Call) -> dict[str, Any]:
    """Return the JSON of a call with the recording URL redacted: anyone who has it can listen."""
    return without_secret(call.to_dict())


def mask_number(text: str) -> str:
    """Mask a phone number except its last four digits; hide any other text.

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


def _value(value: object, field: Field | None) -> object:
    if value is None:
        return None
    if field is None:
        return HIDDEN
    if isinstance(value, list):
        return [_value(item, field) for item in value]
    if isinstance(value, dict):
        hidden = {HIDDEN: HIDDEN} if value and not field.map else {}  # a map may hold no text
        return _object(value, field.model) if field.model else hidden
    if not isinstance(value, str) or field.enum or field.wire_name in HARMLESS:
        return value
    return mask_number(value) if field.wire_name.endswith(_NUMBER) else HIDDEN
