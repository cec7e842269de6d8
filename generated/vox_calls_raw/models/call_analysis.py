from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

import attrs

if TYPE_CHECKING:
    from ..models.custom_analysis_item import CustomAnalysisItem


@attrs.define(kw_only=True)
class CallAnalysis:
    """The result of the analysis that follows a call.

    Attributes:
        summary (None | str): The conversation in a few sentences.
        user_sentiment (None | str): How the person on the call felt, such as
            `positive`, `neutral` or `negative`.
        custom_analysis_data (CustomAnalysisItem | list[CustomAnalysisItem] | None): The
            results of the organisation's own analysis items: a list of them, or one object.
    """

    summary: None | str
    user_sentiment: None | str
    custom_analysis_data: CustomAnalysisItem | list[CustomAnalysisItem] | None

    @cached_property
    def additional_properties(self) -> dict[str, Any]:
        """What came beside the declared properties."""
        return {}

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and CallAnalysis.to_dict(
            self
        ) == CallAnalysis.to_dict(cast("CallAnalysis", other))

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

        summary = self.summary

        _json["summary"] = summary
        user_sentiment = self.user_sentiment

        _json["user_sentiment"] = user_sentiment
        custom_analysis_data = self.custom_analysis_data

        _json["custom_analysis_data"] = custom_analysis_data
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""
        from ..models.custom_analysis_item import CustomAnalysisItem

        _rest = dict(src_dict)
        summary = cast(None | str, _rest.pop("summary"))

        user_sentiment = cast(None | str, _rest.pop("user_sentiment"))

        custom_analysis_data = cast(
            CustomAnalysisItem | list[CustomAnalysisItem] | None,
            _rest.pop("custom_analysis_data"),
        )

        _new = cls(
            summary=summary,
            user_sentiment=user_sentiment,
            custom_analysis_data=custom_analysis_data,
        )
        _new.additional_properties.update(_rest)

        return _new
