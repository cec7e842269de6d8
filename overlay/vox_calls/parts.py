"""Stretches of time, which a long history is divided into to be read at several places at once. Pure."""

from __future__ import annotations

import re
from itertools import pairwise

import attrs

from vox_calls.timestamps import READ_AS_SECONDS

_CURSOR = re.compile(r"(?P<after>[0-9]{1,15})-(?P<before>[0-9]{1,15}):(?P<cursor>.*)", re.DOTALL)


@attrs.frozen
class Part:
    """A stretch of time, both its ends included.

    Attributes:
        after: Its first millisecond, as unix time.
        before: Its last one.
    """

    after: int
    before: int

    @classmethod
    def of_cursor(cls, text: str) -> tuple[Part, str | None] | None:
        """The part that a cursor of `cursor` is of, and the server's cursor in it; None where it is no such cursor."""
        found = _CURSOR.fullmatch(text)
        return found and (cls(int(found["after"]), int(found["before"])), found["cursor"] or None)

    def cursor(self, cursor: str | None) -> str:
        """A name for the page at one of the server's cursors, or for the first one, from which reading can go on."""
        return f"{self.after}-{self.before}:{cursor or ''}"

    def holds(self, other: Part) -> bool:
        """Whether another part lies in this one."""
        return self.after <= other.after <= other.before <= self.before

    def beyond(self, other: Part, *, ascending: bool) -> Part | None:
        """What is left of this one behind another one in it, in the order of reading."""
        rest = Part(other.before + 1, self.before) if ascending else Part(self.after, other.after - 1)
        return rest if rest.after <= rest.before else None

    def divide(self, count: int, *, first: int, last: int) -> list[Part]:
        """So many parts, or fewer, without gaps, in the order of time; those between two instants are of one length."""
        first, last = max(first, self.after), min(last, self.before)
        ends = sorted({first + (last - first) * number // count for number in range(1, count)})
        ends = [end for end in ends if self.after <= end < self.before]
        ends = [end for end in ends if end not in READ_AS_SECONDS and end + 1 not in READ_AS_SECONDS]
        return [Part(one + 1, other) for one, other in pairwise([self.after - 1, *ends, self.before])]
