"""A sandbox in the hands of a test: its calls, its clock, what goes wrong, and what it was asked."""

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
    """A running sandbox, for one test: it begins without calls, faults and rate limits. The fixture `vox_sandbox`.

    Its clock stands still at the instant when the test began, and goes on when it is told to.

    Args:
        server: The sandbox that it takes over.

    Attributes:
        base_url: For `Client(base_url=...)`; the fixture also puts it into `VOX_BASE_URL`.
        api_key: The key that it takes; the fixture also puts it into `VOX_API_KEY`.

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
        # A client that waits for its turn waits in earnest, so real time counts as well.
        return time.monotonic() + (self._now - self._began) / 1_000

    @property
    def now(self) -> datetime:
        """The instant on its clock, in UTC."""
        return from_unix_ms(self._now)

    def advance(self, span: Span) -> None:
        """Let time go by, in seconds or as a timedelta.

        Raises:
            MisusedError: For what is no length of time. It never goes back.
        """
        self._now += milliseconds(span, "the time to advance")

    @property
    def calls(self) -> list[Call]:
        """Its calls as they are now, oldest first."""
        self._server.store.go_on(self._now)
        page = self._server.store.page({}, ascending=True, after=None, limit=_EVERYTHING)
        return [Call.from_dict(msgspec.json.decode(item)) for item in page.items]

    def add(self, **fields: Any) -> Call:  # noqa: ANN401 - the fields of a call
        """Add one call, and give it back as a client reads it.

        Any field may be left out; it is then made up so that it goes with the others. Without any, it is an inbound
        call that has just ended, with its analysis and cost. A call replaces one with its id.

        Args:
            **fields: Those of the API, under their own names. Instants may be aware datetimes. Of an object, such as
                `agent={"agent_version": "v3"}`, a part is enough. Fields that this version does not know are in
                `additional_properties={...}`, and a value that an enum does not have is `CallStatus("new")`.

        Raises:
            MisusedError: For a field that there is not, and for a value that it cannot have.
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
        **fields: Any,  # noqa: ANN401 - the fields of a call
    ) -> Call:
        """Add one call that goes on as `advance` lets time go by: queued, ongoing, ended, then with analysis and cost.

        Args:
            waits: How long until it is connected, in seconds or as a timedelta; with `status="canceled"` or
                `"not_connected"`, until it is given up.
            lasts: How long it is connected.
            analysis_after: How long from its end until its analysis is there.
            cost_after: How long from its end until its cost is there.
            **fields: What it is in the end, as for `add`. Its start and end follow from the above.

        Raises:
            MisusedError: As for `add`, and for what is no length of time.
        """
        if given := _SET_BY_COURSE.intersection(fields):
            raise MisusedError(f"{' and '.join(sorted(given))} of a call that goes on with time: say waits= and lasts=")
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

    def change(self, call_id: str, **fields: Any) -> Call:  # noqa: ANN401 - the fields of a call
        """Put other values into a call, and give it back. It stays as it is then: it no longer goes on with time.

        Raises:
            MisusedError: Where there is no such call; and as for `add`.
        """
        call = handmade.changed(self._get(call_id).to_dict(), fields)
        if call["id"] != call_id:
            raise MisusedError("the id of a call does not change; remove it, and add another")
        self._server.store.add([call])
        return Call.from_dict(call)

    def remove(self, *call_ids: str) -> None:
        """Remove calls.

        Raises:
            MisusedError: Where one of them is not there. None is then removed.
        """
        for call_id in call_ids:
            self._get(call_id)
        self._server.store.remove(*call_ids)

    def clear(self) -> None:
        """Remove all calls."""
        self._server.store.clear()

    def make_up(self, count: int, *, seed: int = 1) -> list[Call]:
        """Add made-up calls of the last 90 days, in the proportions seen in the wild. Another seed, other calls."""
        made_up = list(synthetic_calls(count, seed=seed, until=self.now))
        self._server.store.add(made_up)
        return [Call.from_dict(call) for call in made_up]

    def load(self, path: str | Path) -> list[Call]:
        """Add the calls of a file that `vox-calls export` wrote: `.jsonl`, `.csv` or `.parquet`, packed or not.

        Raises:
            ConfigurationError: Where the name of the file does not say what is in it.
            vox_calls_tools.stats.FileError: Where it cannot be read, or a line is no call; with the file and the line.
            MisusedError: Where two of its calls have the same id. None of its calls is added after any of these.
        """
        loaded = list(handmade.read_calls(Path(path)))
        self._server.store.add(loaded)
        return [Call.from_dict(call) for call in loaded]

    def fail(self, *steps: Step | Mapping[str, Any] | None, repeat: bool = False) -> None:
        """Say what happens to each of the next requests in turn; without steps, nothing more goes wrong.

        Args:
            *steps: Such as `{"status": 503}`, `{"fault": "cut"}`, or None for the usual answer. The form is that of
                `vox_calls_tools.sandbox.Step`.
            repeat: Whether they begin anew behind the last one.

        Raises:
            MisusedError: For what is no step.
        """
        try:
            self._script = Script([msgspec.convert(step, Step | None) for step in steps], repeat=repeat)
        except msgspec.ValidationError as error:
            raise MisusedError(f"this is no step: {error}") from None
        self._configure()

    def limit_rate(self, *windows: Window) -> None:
        """Refuse requests beyond these limits from now on; without any, beyond the vendor's.

        Real time counts, and what `advance` adds to it.
        """
        self._windows = windows or VENDOR_LIMITS
        self._configure()

    @property
    def requests(self) -> list[SeenRequest]:
        """The requests that came, oldest first, whatever they were answered. None of them has the key."""
        return list(self._requests)

    def _make(self, fields: Mapping[str, Any]) -> handmade.Call:
        return handmade.handmade(fields, number=next(self._numbers), now=self._now)

    def _get(self, call_id: str) -> Call:
        self._server.store.go_on(self._now)
        call = self._server.store.get(call_id)
        if call is None:
            raise MisusedError(f"there is no call with the id {call_id!r}")
        return Call.from_dict(call)
