from enum import StrEnum
from typing import Self, SupportsIndex


class DisconnectionReason(StrEnum):
    """Why a call ended."""

    USER_HANGUP = "user_hangup"
    AGENT_HANGUP = "agent_hangup"
    DIAL_NO_ANSWER = "dial_no_answer"
    DIAL_FAILED = "dial_failed"
    DIAL_BUSY = "dial_busy"
    VOICEMAIL_REACHED = "voicemail_reached"
    CONCURRENCY_LIMIT_REACHED = "concurrency_limit_reached"
    INSUFFICIENT_BALANCE = "insufficient_balance"
    ERROR_VOXAI = "error_voxai"
    MAX_DURATION_REACHED = "max_duration_reached"
    INACTIVITY = "inactivity"
    FLOW_ERROR = "flow_error"
    CALL_TRANSFER = "call_transfer"
    ORPHANED_NO_AGENT_PICKUP = "orphaned_no_agent_pickup"
    DIAL_DECLINED = "dial_declined"
    DAILY_CALL_LIMIT_REACHED = "daily_call_limit_reached"
    HOURLY_CALL_LIMIT_REACHED = "hourly_call_limit_reached"
    BLOCKED_NUMBER = "blocked_number"
    OPERATOR_HANGUP = "operator_hangup"

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        if not isinstance(value, str):
            return None
        member = str.__new__(cls, value)
        member._name_ = member._value_ = str(value)
        return member

    def __reduce_ex__(
        self, protocol: SupportsIndex, /
    ) -> tuple[type[Self], tuple[str]]:
        """How to pickle and copy it: by value."""
        return type(self), (self._value_,)

    @property
    def is_known(self) -> bool:
        """Whether the contract lists this value."""
        return self._value_ in type(self)._value2member_map_
