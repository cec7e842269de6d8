from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import attrs

if TYPE_CHECKING:
    from ..models.error_details import ErrorDetails


@attrs.define(kw_only=True)
class ErrorBody:
    """What went wrong.

    Attributes:
        code (str): A stable name for the kind of failure.
        message (str): A sentence for a person.
        details (ErrorDetails): More about the failure, by kind. May be empty.
    """

    code: str
    message: str
    details: ErrorDetails
    additional_properties: dict[str, Any] = attrs.field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""

        code = self.code

        message = self.message

        details = self.details.to_dict()

        _json: dict[str, Any] = {}
        _json.update(self.additional_properties)

        _json["code"] = code
        _json["message"] = message
        _json["details"] = details
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""
        from ..models.error_details import ErrorDetails

        _rest = dict(src_dict)
        code = _rest.pop("code")

        message = _rest.pop("message")

        details = ErrorDetails.from_dict(_rest.pop("details"))

        _new = cls(
            code=code,
            message=message,
            details=details,
        )
        _new.additional_properties.update(_rest)

        return _new
