from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

import attrs

from ..models.call_status import CallStatus
from ..models.call_type import CallType
from ..models.disconnection_reason import DisconnectionReason

if TYPE_CHECKING:
    from ..models.call_agent import CallAgent
    from ..models.call_analysis import CallAnalysis
    from ..models.call_cost import CallCost
    from ..models.call_dynamic_variables import CallDynamicVariables
    from ..models.call_metadata import CallMetadata


@attrs.define(kw_only=True)
class Call:
    """One call, as it stands at the moment of the answer.

    Attributes:
        id (str): The call's identifier, a UUID as far as has been seen.
        agent (CallAgent): The agent on the call.
        call_type (CallType): The channel and direction of a call.
        status (CallStatus): The state that a call is in.
        disconnection_reason (DisconnectionReason | None): Why the call ended. Null
            while it runs.
        from_number (None | str): The caller's number, domestic form, digits only. Null
            for web calls.
        to_number (None | str): The number that was called, domestic form, digits only.
            Null for web calls.
        presentation_number (None | str): The number shown to the person called,
            domestic form, digits only.
        start_at (int | None): When the call was connected, in unix milliseconds. Null
            before that.
        end_at (int | None): When the call ended, in unix milliseconds. Null while it
            runs.
        recording_url (None | str): Where the recording can be fetched, signed for a
            short time: whoever holds the URL can listen, so treat it as a secret. Null
            without a recording.
        metadata (CallMetadata): Whatever the caller of the API attached to the call.
            Any key, any value.
        dynamic_variables (CallDynamicVariables): The variables that the agent's prompt
            was filled with. Any key, any value.
        call_analysis (CallAnalysis | None): What the platform made of the conversation.
            Null until that is done.
        call_cost (CallCost | None): What the call cost. Null until it is computed and
            for calls never connected.
        variant_label (None | str): The label of the agent variant that took the call,
            if it was in a test.
        opt_out_sensitive_data_storage (bool | None): Whether sensitive data of this
            call is not kept. When true, the recording and the analysis are null.
    """

    id: str
    agent: CallAgent
    call_type: CallType
    status: CallStatus
    disconnection_reason: DisconnectionReason | None
    from_number: None | str
    to_number: None | str
    presentation_number: None | str
    start_at: int | None
    end_at: int | None
    recording_url: None | str
    metadata: CallMetadata
    dynamic_variables: CallDynamicVariables
    call_analysis: CallAnalysis | None
    call_cost: CallCost | None
    variant_label: None | str
    opt_out_sensitive_data_storage: bool | None

    @cached_property
    def additional_properties(self) -> dict[str, Any]:
        """What came beside the declared properties."""
        return {}

    def __eq__(self, other: object) -> bool:
        return other.__class__ is self.__class__ and Call.to_dict(self) == Call.to_dict(
            cast("Call", other)
        )

    def __getstate__(self) -> dict[str, Any]:
        names = [field.name for field in attrs.fields(type(self))]
        return {name: getattr(self, name) for name in [*names, "additional_properties"]}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def to_dict(self) -> dict[str, Any]:
        """The object as JSON has it."""
        from ..models.call_analysis import CallAnalysis
        from ..models.call_cost import CallCost

        _json: dict[str, Any] = {}
        _json.update(self.additional_properties)

        id = self.id

        _json["id"] = id
        agent = self.agent.to_dict()

        _json["agent"] = agent
        call_type = self.call_type.value

        _json["call_type"] = call_type
        status = self.status.value

        _json["status"] = status
        disconnection_reason: None | str
        if isinstance(self.disconnection_reason, DisconnectionReason):
            disconnection_reason = self.disconnection_reason.value
        else:
            disconnection_reason = self.disconnection_reason

        _json["disconnection_reason"] = disconnection_reason
        from_number = self.from_number

        _json["from_number"] = from_number
        to_number = self.to_number

        _json["to_number"] = to_number
        presentation_number = self.presentation_number

        _json["presentation_number"] = presentation_number
        start_at = self.start_at

        _json["start_at"] = start_at
        end_at = self.end_at

        _json["end_at"] = end_at
        recording_url = self.recording_url

        _json["recording_url"] = recording_url
        metadata = self.metadata

        _json["metadata"] = metadata
        dynamic_variables = self.dynamic_variables

        _json["dynamic_variables"] = dynamic_variables
        call_analysis: dict[str, Any] | None
        if isinstance(self.call_analysis, CallAnalysis):
            call_analysis = self.call_analysis.to_dict()
        else:
            call_analysis = self.call_analysis

        _json["call_analysis"] = call_analysis
        call_cost: dict[str, Any] | None
        if isinstance(self.call_cost, CallCost):
            call_cost = self.call_cost.to_dict()
        else:
            call_cost = self.call_cost

        _json["call_cost"] = call_cost
        variant_label = self.variant_label

        _json["variant_label"] = variant_label
        opt_out_sensitive_data_storage = self.opt_out_sensitive_data_storage

        _json["opt_out_sensitive_data_storage"] = opt_out_sensitive_data_storage
        return _json

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Read the object from JSON. A required property that is missing is a KeyError."""
        from ..models.call_agent import CallAgent
        from ..models.call_analysis import CallAnalysis
        from ..models.call_cost import CallCost
        from ..models.call_dynamic_variables import CallDynamicVariables
        from ..models.call_metadata import CallMetadata

        _rest = dict(src_dict)
        id = cast(str, _rest.pop("id"))

        agent = CallAgent.from_dict(_rest.pop("agent"))

        call_type = CallType(_rest.pop("call_type"))

        status = CallStatus(_rest.pop("status"))

        def _parse_disconnection_reason(data: object) -> DisconnectionReason | None:
            if data is None:
                return data
            try:
                if not isinstance(data, str):
                    raise TypeError()
                disconnection_reason_type_0 = DisconnectionReason(data)

                return disconnection_reason_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(DisconnectionReason | None, data)

        disconnection_reason = _parse_disconnection_reason(
            _rest.pop("disconnection_reason")
        )

        from_number = cast(None | str, _rest.pop("from_number"))

        to_number = cast(None | str, _rest.pop("to_number"))

        presentation_number = cast(None | str, _rest.pop("presentation_number"))

        start_at = cast(int | None, _rest.pop("start_at"))

        end_at = cast(int | None, _rest.pop("end_at"))

        recording_url = cast(None | str, _rest.pop("recording_url"))

        metadata = cast(CallMetadata, _rest.pop("metadata"))

        dynamic_variables = cast(CallDynamicVariables, _rest.pop("dynamic_variables"))

        def _parse_call_analysis(data: object) -> CallAnalysis | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                call_analysis_type_0 = CallAnalysis.from_dict(data)

                return call_analysis_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CallAnalysis | None, data)

        call_analysis = _parse_call_analysis(_rest.pop("call_analysis"))

        def _parse_call_cost(data: object) -> CallCost | None:
            if data is None:
                return data
            try:
                if not isinstance(data, dict):
                    raise TypeError()
                call_cost_type_0 = CallCost.from_dict(data)

                return call_cost_type_0
            except (TypeError, ValueError, AttributeError, KeyError):
                pass
            return cast(CallCost | None, data)

        call_cost = _parse_call_cost(_rest.pop("call_cost"))

        variant_label = cast(None | str, _rest.pop("variant_label"))

        opt_out_sensitive_data_storage = cast(
            bool | None, _rest.pop("opt_out_sensitive_data_storage")
        )

        _new = cls(
            id=id,
            agent=agent,
            call_type=call_type,
            status=status,
            disconnection_reason=disconnection_reason,
            from_number=from_number,
            to_number=to_number,
            presentation_number=presentation_number,
            start_at=start_at,
            end_at=end_at,
            recording_url=recording_url,
            metadata=metadata,
            dynamic_variables=dynamic_variables,
            call_analysis=call_analysis,
            call_cost=call_cost,
            variant_label=variant_label,
            opt_out_sensitive_data_storage=opt_out_sensitive_data_storage,
        )
        _new.additional_properties.update(_rest)

        return _new
