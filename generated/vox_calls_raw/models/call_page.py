from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self, cast

import attrs

if TYPE_CHECKING:
    from ..models.call import Call


@attrs.define(kw_only=True)
class CallPage:
    """One page of calls and where the next one begins.

    Attributes:
        items (list[Call]): The calls of this page, in the order asked for. May be empty
            before the end.
        total_count (int): How many calls match the filters at this moment. It moves
            while calls come in.
        next_cursor (None | str): Send it as `cursor` to read the next page. Null on the
            last page.
    """

    items: list[Call]
    total_count: int
    next_cursor: None | str
    additional_properties: dict[str, Any] = attrs.field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""

        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)

        total_count = self.total_count

        next_cursor: None | str
        next_cursor = self.next_cursor

        _json: dict[str, Any] = {}
        _json.update(self.additional_properties)

        _json["items"] = items
        _json["total_count"] = total_count
        _json["next_cursor"] = next_cursor
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""
        from ..models.call import Call

        _rest = dict(src_dict)
        items = []
        _items = _rest.pop("items")
        for items_item_data in _items:
            items_item = Call.from_dict(items_item_data)

            items.append(items_item)

        total_count = _rest.pop("total_count")

        def _parse_next_cursor(data: object) -> None | str:
            if data is None:
                return data
            return cast(None | str, data)

        next_cursor = _parse_next_cursor(_rest.pop("next_cursor"))

        _new = cls(
            items=items,
            total_count=total_count,
            next_cursor=next_cursor,
        )
        _new.additional_properties.update(_rest)

        return _new
