from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast

import attrs

if TYPE_CHECKING:
    from ..models.error_details import ErrorDetails


@attrs.define(kw_only=True)
class ErrorBody:
    """What went wrong.

    Attributes:
        code (str): A stable name for the kind of failure.
        message (str): A sentence for a person.
        details (ErrorDetails | None): More about the failure, by kind. Null or empty
            where there is nothing to add.
    """

    code: str
    message: str
    details: ErrorDetails | None
    additional_properties: dict[str, Any] = attrs.field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        from ..models.error_details import ErrorDetails

        code = self.code

        message = self.message

        details: dict[str, Any] | None
        if isinstance(self.details, ErrorDetails):
            details = self.details.to_dict()
        else:
            details = self.details

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

        def _parse_details(data: object) -> ErrorDetails | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                details_type_0 = ErrorDetails.from_dict(data)

                return details_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(ErrorDetails | None, data)

        details = _parse_details(_rest.pop("details"))

        _new = cls(
            code=code,
            message=message,
            details=details,
        )
        _new.additional_properties.update(_rest)

        return _new
