from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Self, cast
from uuid import UUID

import attrs


@attrs.define(kw_only=True)
class CallAgent:
    """The agent on the call.

    Attributes:
        agent_id (UUID): The agent's identifier.
        agent_version (str): `current`, `production`, or `v` and a number.
    """

    agent_id: UUID
    agent_version: str

    @cached_property
    def additional_properties(self) -> dict[str, Any]:
        """What came beside the declared properties."""
        return {}

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and CallAgent.to_dict(
            self
        ) == CallAgent.to_dict(cast("CallAgent", other))

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

        agent_id = str(self.agent_id)

        _json["agent_id"] = agent_id
        agent_version = self.agent_version

        _json["agent_version"] = agent_version
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""

        _rest = dict(src_dict)
        agent_id = UUID(_rest.pop("agent_id"))

        agent_version = cast(str, _rest.pop("agent_version"))

        _new = cls(
            agent_id=agent_id,
            agent_version=agent_version,
        )
        _new.additional_properties.update(_rest)

        return _new
