from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
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

    @cached_property
    def additional_properties(self) -> dict[str, Any]:
        """What came beside the declared properties."""
        return {}

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and ErrorBody.to_dict(
            self
        ) == ErrorBody.to_dict(cast("ErrorBody", other))

    def __getstate__(self) -> dict[str, Any]:
        names = [field.name for field in attrs.fields(type(self))]
        return {name: getattr(self, name) for name in [*names, "additional_properties"]}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""

        _json: dict[str, Any] = {}
        _json.update(self.additional_properties)

        code = self.code

        _json["code"] = code
        message = self.message

        _json["message"] = message
        details = self.details

        _json["details"] = details
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""
        from ..models.error_details import ErrorDetails

        _rest = dict(src_dict)
        code = cast(str, _rest.pop("code"))

        message = cast(str, _rest.pop("message"))

        details = cast(ErrorDetails | None, _rest.pop("details"))

        _new = cls(
            code=code,
            message=message,
            details=details,
        )
        _new.additional_properties.update(_rest)

        return _new
