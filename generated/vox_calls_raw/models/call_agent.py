from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self
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
    additional_properties: dict[str, Any] = attrs.field(init=False, factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""

        agent_id = str(self.agent_id)

        agent_version = self.agent_version

        _json: dict[str, Any] = {}
        _json.update(self.additional_properties)

        _json["agent_id"] = agent_id
        _json["agent_version"] = agent_version
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""

        _rest = dict(src_dict)
        agent_id = UUID(_rest.pop("agent_id"))

        agent_version = _rest.pop("agent_version")

        _new = cls(
            agent_id=agent_id,
            agent_version=agent_version,
        )
        _new.additional_properties.update(_rest)

        return _new
