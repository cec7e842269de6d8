from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

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

    @cached_property
    def additional_properties(self) -> dict[str, Any]:
        """What came beside the declared properties."""
        return {}

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and ErrorEnvelope.to_dict(
            self
        ) == ErrorEnvelope.to_dict(cast("ErrorEnvelope", other))

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

        error = self.error.to_dict()

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
