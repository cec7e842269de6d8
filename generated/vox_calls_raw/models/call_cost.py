from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self, cast

import attrs


@attrs.define(kw_only=True)
class CallCost:
    """The cost of a call. After a transfer to a person it grows until that person hangs
    up.

    Attributes:
        total_cost (float | None | str): Korean won as a decimal string, or as a number.
    """

    total_cost: float | None | str

    @cached_property
    def additional_properties(self) -> dict[str, Any]:
        """What came beside the declared properties."""
        return {}

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and CallCost.to_dict(
            self
        ) == CallCost.to_dict(cast("CallCost", other))

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

        total_cost = self.total_cost

        _json["total_cost"] = total_cost
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""

        _rest = dict(src_dict)
        total_cost = cast(float | None | str, _rest.pop("total_cost"))

        _new = cls(
            total_cost=total_cost,
        )
        _new.additional_properties.update(_rest)

        return _new
