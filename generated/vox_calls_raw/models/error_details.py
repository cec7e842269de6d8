from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self


class ErrorDetails(dict[str, Any]):
    """More about the failure, by kind. May be empty."""

    def to_dict(self) -> dict[str, Any]:
        """A plain copy."""

        _json: dict[str, Any] = {}
        _json.update(self)

        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON."""

        _new = cls()
        _new.update(src_dict)

        return _new
