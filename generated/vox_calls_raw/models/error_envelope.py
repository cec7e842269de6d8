from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import attrs

if TYPE_CHECKING:
    from ..models.error_body import ErrorBody


@attrs.define(kw_only=True)
class ErrorEnvelope:
    """How the API reports a failure.

    Attributes:
        error (ErrorBody): What went wrong.
    """

    error: ErrorBody
    additional_properties: dict[str, Any] = attrs.field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""

        error = self.error.to_dict()

        _json: dict[str, Any] = {}
        _json.update(self.additional_properties)

        _json["error"] = error
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""
        from ..models.error_body import ErrorBody

        _rest = dict(src_dict)
        error = ErrorBody.from_dict(_rest.pop("error"))

        _new = cls(
            error=error,
        )
        _new.additional_properties.update(_rest)

        return _new
