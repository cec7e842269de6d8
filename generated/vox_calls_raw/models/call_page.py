from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
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

    @cached_property
    def additional_properties(self) -> dict[str, Any]:
        """What came beside the declared properties."""
        return {}

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and CallPage.to_dict(
            self
        ) == CallPage.to_dict(cast("CallPage", other))

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

        items = []
        for items_item_data in self.items:
            items_item = items_item_data.to_dict()
            items.append(items_item)

        _json["items"] = items
        total_count = self.total_count

        _json["total_count"] = total_count
        next_cursor = self.next_cursor

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

        total_count = cast(int, _rest.pop("total_count"))

        next_cursor = cast(None | str, _rest.pop("next_cursor"))

        _new = cls(
            items=items,
            total_count=total_count,
            next_cursor=next_cursor,
        )
        _new.additional_properties.update(_rest)

        return _new
