"""Controls a sandbox from a test: its calls, its clock, its failures, and the requests that it received."""

from __future__ import annotations

import itertools
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from vox_calls.models import Call
from vox_calls.timestamps import from_unix_ms, to_unix_ms
from vox_calls_tools.sandbox import handmade
from vox_calls_tools.sandbox.app import SeenRequest, Settings
from vox_calls_tools.sandbox.errors import MisusedError
from vox_calls_tools.sandbox.faults import Script, Step
from vox_calls_tools.sandbox.limits import VENDOR_LIMITS, Window
from vox_calls_tools.sandbox.progress import ANALYSIS_AFTER, COST_AFTER, LASTS, WAITS, Span, milliseconds, plan
from vox_calls_tools.sandbox.server import Sandbox
from vox_calls_tools.sandbox.synthetic import synthetic_calls

_EVERYTHING = 2**31
_SET_BY_COURSE = frozenset({"start_at", "end_at"})


class VoxSandbox:
    """A running sandbox for one test: the value of the fixture `vox_sandbox`.

    It starts without calls, faults and rate limits. Its clock stands still at the start of the test, and moves when
    `advance` is called.

    Args:
        server: The sandbox to control.

    Attributes:
        base_url: The base URL, for `Client(base_url=...)`. The fixture sets `VOX_BASE_URL` to it.
        api_key: The accepted key. The fixture sets `VOX_API_KEY` to it.

    Example:
        def test_missed_calls_are_counted(vox_sandbox):
            vox_sandbox.add(status="not_connected", to_number="01012345678")
            assert my_code.count_missed_calls() == 1
    """

    def __init__(self, server: Sandbox) -> None:
        self.base_url: str = server.base_url
        self.api_key: str = server.api_key
        self._server = server
        self._began = self._now = to_unix_ms(datetime.now(UTC))
        self._numbers = itertools.count(1)
        self._requests: list[SeenRequest] = []
        self._windows: Sequence[Window] = ()
        self._script: Script | None = None
        server.store.clear()
        self._configure()

    def _configure(self) -> None:
        self._server.configure(
            Settings(
                self.api_key,
                windows=self._windows,
                clock=self._seconds,
                now=lambda: self._now,
                faults=self._script,
                on_request=self._requests.append,
            )
        )

    def _seconds(self) -> float:
        # A rate-limited client sleeps in real time, so that counts too.
        return time.monotonic() + (self._now - self._began) / 1_000

    @property
    def now(self) -> datetime:
        """The time on its clock, in UTC."""
        return from_unix_ms(self._now)

    def advance(self, span: Span) -> None:
        """Move its clock forward.

        Args:
            span: Seconds, or a timedelta.

        Raises:
            MisusedError: The length of time is invalid, for example negative.
        """
        self._now += milliseconds(span, "the time to advance")

    @property
    def calls(self) -> list[Call]:
        """Its calls in their current state, oldest first."""
        self._server.store.go_on(self._now)
        page = self._server.store.page({}, ascending=True, after=None, limit=_EVERYTHING)
        return [Call.from_dict(msgspec.json.decode(item)) for item in page.items]

    def add(self, **fields: Any) -> Call:
        """Add a call, or replace the one with its id.

        Fields left out get made-up values consistent with the others. Without fields, it is an inbound call that has
        just ended, with analysis and cost.

        Args:
            **fields: Fields of the API, by name. Instants may be aware datetimes. Objects may be partial, such as
                `agent={"agent_version": "v3"}`. Pass unknown fields in `additional_properties={...}`, and unknown enum
                values as members, such as `CallStatus("new")`.

        Returns:
            The call as a client reads it.

        Raises:
            MisusedError: A field is unknown, or its value is invalid.
        """
        call = self._make(fields)
        self._server.store.add([call])
        return Call.from_dict(call)

    def place(
        self,
        *,
        waits: Span = WAITS,
        lasts: Span = LASTS,
        analysis_after: Span = ANALYSIS_AFTER,
        cost_after: Span = COST_AFTER,
        **fields: Any,
    ) -> Call:
        """Add a call that progresses as time advances: queued, ongoing, ended, then with analysis and cost.

        Args:
            waits: Seconds, or a timedelta, until it is connected; with `status="canceled"` or `"not_connected"`, until
                it is given up.
            lasts: Seconds, or a timedelta, that it is connected.
            analysis_after: Seconds, or a timedelta, from its end to its analysis.
            cost_after: Seconds, or a timedelta, from its end to its cost.
            **fields: Fields of its final state, see `add`. Start and end follow from the other arguments.

        Returns:
            The call in its current state.

        Raises:
            MisusedError: A field or a length of time is invalid.
        """
        if given := _SET_BY_COURSE.intersection(fields):
            raise MisusedError(f"place() sets {' and '.join(sorted(given))} itself: pass waits= and lasts= instead")
        course = plan(
            self._make(fields),
            placed_at=self._now,
            waits=waits,
            lasts=lasts,
            analysis_after=analysis_after,
            cost_after=cost_after,
        )
        self._server.store.place(course)
        return self._get(course.call["id"])

    def change(self, call_id: str, **fields: Any) -> Call:
        """Change fields of a call. It no longer progresses over time.

        Args:
            call_id: The id of the call.
            **fields: Fields to replace, see `add`.

        Returns:
            The changed call.

        Raises:
            MisusedError: There is no such call, or a field is invalid.
        """
        call = handmade.changed(self._get(call_id).to_dict(), fields)
        if call["id"] != call_id:
            raise MisusedError("the id of a call cannot change; remove the call and add another")
        self._server.store.add([call])
        return Call.from_dict(call)

    def remove(self, *call_ids: str) -> None:
        """Remove calls by id.

        Raises:
            MisusedError: An id is unknown. No call is removed.
        """
        for call_id in call_ids:
            self._get(call_id)
        self._server.store.remove(*call_ids)

    def clear(self) -> None:
        """Remove all calls."""
        self._server.store.clear()

    def make_up(self, count: int, *, seed: int = 1) -> list[Call]:
        """Add synthetic calls of the last 90 days, in realistic proportions.

        Args:
            count: Number of calls.
            seed: Seed of the random numbers. The same seed at the same time gives the same calls.

        Returns:
            The added calls.
        """
        made_up = list(synthetic_calls(count, seed=seed, until=self.now))
        self._server.store.add(made_up)
        return [Call.from_dict(call) for call in made_up]

    def load(self, path: str | Path) -> list[Call]:
        """Add the calls of an exported file: `.jsonl`, `.csv` or `.parquet`, compressed or not.

        After an error, none of them is added.

        Args:
            path: The file.

        Returns:
            The added calls.

        Raises:
            ConfigurationError: The name of the file has no known format.
            vox_calls_tools.stats.FileError: The file cannot be read, or a line is not a call.
            MisusedError: Two calls have the same id.
        """
        loaded = list(handmade.read_calls(Path(path)))
        self._server.store.add(loaded)
        return [Call.from_dict(call) for call in loaded]

    def fail(self, *steps: Step | Mapping[str, Any] | None, repeat: bool = False) -> None:
        """Script the next requests; without steps, remove the script.

        Args:
            *steps: One step per request, such as `{"status": 503}` or `{"fault": "cut"}`; None is the normal response.
                See `vox_calls_tools.sandbox.Step`.
            repeat: Whether to start over after the last step.

        Raises:
            MisusedError: A step is invalid.
        """
        try:
            self._script = Script([msgspec.convert(step, Step | None) for step in steps], repeat=repeat)
        except msgspec.ValidationError as error:
            raise MisusedError(f"invalid step: {error}") from None
        self._configure()

    def limit_rate(self, *windows: Window) -> None:
        """Answer 429 to requests beyond some limits from now on. Both real time and `advance` count.

        Args:
            *windows: The limits; without any, the vendor's.
        """
        self._windows = windows or VENDOR_LIMITS
        self._configure()

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests received so far, oldest first, without the key."""
        return list(self._requests)

    def _make(self, fields: Mapping[str, Any]) -> handmade.Call:
        return handmade.handmade(fields, number=next(self._numbers), now=self._now)

    def _get(self, call_id: str) -> Call:
        self._server.store.go_on(self._now)
        call = self._server.store.get(call_id)
        if call is None:
            raise MisusedError(f"no call has the id {call_id!r}")
        return Call.from_dict(call)
