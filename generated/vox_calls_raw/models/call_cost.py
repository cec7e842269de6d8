from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self, cast

import attrs


@attrs.define(kw_only=True)
class CallCost:
    """The cost of a call.

    Attributes:
        total_cost (None | str): Korean won as a decimal string.
    """

    total_cost: None | str
    additional_properties: dict[str, Any] = attrs.field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""

        total_cost: None | str
        total_cost = self.total_cost

        _json: dict[str, Any] = {}
        _json.update(self.additional_properties)

        _json["total_cost"] = total_cost
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""

        _rest = dict(src_dict)

        def _parse_total_cost(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        total_cost = _parse_total_cost(_rest.pop("total_cost"))

        _new = cls(
            total_cost=total_cost,
        )
        _new.additional_properties.update(_rest)

        return _new
