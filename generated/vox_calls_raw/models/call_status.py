from enum import StrEnum
from typing import Self, SupportsIndex


class CallStatus(StrEnum):
    """The state that a call is in."""

    QUEUED = "queued"
    ONGOING = "ongoing"
    ENDED = "ended"
    ERROR = "error"
    CANCELED = "canceled"
    NOT_CONNECTED = "not_connected"

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
