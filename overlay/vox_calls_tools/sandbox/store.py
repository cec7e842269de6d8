"""Stores calls in SQLite, with filters, order and keyset pagination, equally fast on every page."""

from __future__ import annotations

import itertools
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import attrs
import msgspec

from vox_calls.errors import VoxCallsError
from vox_calls_tools.sandbox.progress import Course, Progress

# The value that each filter is compared with. Stored in a column of the filter's name, indexed in order of time.
_VALUES: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "agent_id": lambda call: (call.get("agent") or {}).get("agent_id"),
    "agent_version": lambda call: (call.get("agent") or {}).get("agent_version"),
    "status": lambda call: call.get("status"),
    "call_type": lambda call: call.get("call_type"),
    "disconnection_reason": lambda call: call.get("disconnection_reason"),
    "call_from": lambda call: call.get("from_number"),
    "call_to": lambda call: call.get("to_number"),
    # The API shows neither, so the sandbox has them in the metadata.
    "customer_id": lambda call: (call.get("metadata") or {}).get("customer_id"),
    "campaign_id": lambda call: (call.get("metadata") or {}).get("campaign_id"),
}
CONDITIONS: Mapping[str, str] = {
    **{name: f"{name} IN ({{}})" for name in _VALUES},
    # Calls not connected yet match: the vendor documents that.
    "start_at_after": "(at >= {} OR waiting)",
    "start_at_before": "(at <= {} AND NOT waiting)",
    "duration_ms_min": "duration >= {}",
    "duration_ms_max": "duration <= {}",
    "metadata": "pairs_of(number, 'metadata', {})",
    "dynamic_variables": "pairs_of(number, 'dynamic_variables', {})",
}
"""The SQL condition of each filter of the API."""

# A narrow table to filter and sort, cheap to scan, and the JSON in another.
# `at` is the position of a call in time: its start; for a call without one its end, which stands for its creation, or
# the position of the call added before it.
# By default SQLite sorts indexes in temporary files, and calls may be confidential.
_SCHEMA = f"""
PRAGMA temp_store = MEMORY;
CREATE TABLE calls (
    at INTEGER NOT NULL, id TEXT NOT NULL, number INTEGER NOT NULL, waiting INTEGER NOT NULL, duration INTEGER,
    {" TEXT, ".join(_VALUES)} TEXT, PRIMARY KEY (at, id)
) WITHOUT ROWID;
CREATE TABLE bodies (number INTEGER PRIMARY KEY, json BLOB NOT NULL);
"""
# Created after the first calls are inserted, which is much faster than updating them for each insert.
_INDEXES = (
    "CREATE UNIQUE INDEX by_id ON calls (id)",
    *(f"CREATE INDEX by_{name} ON calls ({name}, at, id)" for name in _VALUES),
)
_INSERT = f"INSERT INTO calls VALUES (?, ?, ?, ?, ?, {', '.join('?' * len(_VALUES))})"  # noqa: S608 - from _VALUES
_LARGEST = 2**63 - 1
_BATCH = 100  # fits the processor's cache
_ENCODE = msgspec.json.Encoder().encode

Filters = Mapping[str, Sequence[Any]]
Position = tuple[int, str]
"""The position of a call in the order: its instant and its id."""


@attrs.frozen
class StoredPage:
    """Calls as JSON, the number of all matching calls, and the position of the last one if more follow."""

    items: list[bytes]
    total_count: int
    last: Position | None


class Store:
    """The calls of a sandbox, in memory. Threads may share it.

    Example:
        with Sandbox(synthetic_calls(100, seed=1, until=datetime.now(UTC))) as sandbox:
            sandbox.store.add([{"id": "a", "status": "ended"}])
            sandbox.store.remove("a")
    """

    def __init__(self) -> None:
        self._database = sqlite3.connect(":memory:", check_same_thread=False)
        self._database.executescript(_SCHEMA)
        self._database.create_function("pairs_of", -1, self._has_pairs)
        self._lock = threading.RLock()
        self._counts: dict[object, int] = {}
        self._latest: object = 0  # an instant, unless a call by hand has something else there
        self._number = 0
        self._indexed = False
        self._progress = Progress()

    def add(self, calls: Iterable[Mapping[str, Any]]) -> None:
        """Add calls, or replace those with the same ids.

        Args:
            calls: Calls as JSON objects. Only `id` is required.

        Raises:
            VoxCallsError: Two of these calls have the same id. None of them is added.
        """
        self._write(map(self._by_hand, calls))

    def place(self, course: Course) -> None:
        """Add a call that progresses over time, as `go_on` moves time forward."""
        with self._lock:
            self.remove(course.call["id"])
            self._progress.add(course)

    def go_on(self, now: int) -> None:
        """Update the calls in progress to an instant, in unix milliseconds."""
        with self._lock:
            if due := self._progress.due(now):
                self._write(due)

    def _by_hand(self, call: Mapping[str, Any]) -> Mapping[str, Any]:
        self._progress.forget([call["id"]])
        return call

    def _write(self, calls: Iterable[Mapping[str, Any]]) -> None:
        remaining = iter(calls)
        try:
            with self._transaction():
                while batch := list(itertools.islice(remaining, _BATCH)):
                    self._insert(batch)
                if not self._indexed:
                    for index in _INDEXES:
                        self._database.execute(index)
                    self._indexed = True
        except sqlite3.IntegrityError:
            raise VoxCallsError("two of the calls have the same id") from None

    def _insert(self, batch: list[Mapping[str, Any]]) -> None:
        if self._indexed:
            self._remove(call["id"] for call in batch)
        rows = [self._row(call) for call in batch]
        self._database.executemany(_INSERT, rows)
        bodies = zip((row[2] for row in rows), map(_ENCODE, batch), strict=True)
        self._database.executemany("INSERT INTO bodies VALUES (?, ?)", bodies)

    def _row(self, call: Mapping[str, Any]) -> tuple[Any, ...]:
        start_at, end_at = call.get("start_at"), call.get("end_at")
        at = _fitting(end_at if start_at is None else start_at)
        if at is not None:
            self._latest = at
        self._number += 1
        return (
            self._latest,
            call["id"],
            self._number,
            at is None and call.get("disconnection_reason") is None,
            _fitting(end_at - start_at) if isinstance(start_at, int) and isinstance(end_at, int) else None,
            *(value(call) for value in _VALUES.values()),
        )

    def remove(self, *ids: str) -> None:
        """Remove calls by id. Ignores unknown ids."""
        with self._transaction():
            self._progress.forget(ids)
            self._remove(ids)

    def _remove(self, ids: Iterable[str]) -> None:
        each = [(call_id,) for call_id in ids]
        self._database.executemany("DELETE FROM bodies WHERE number IN (SELECT number FROM calls WHERE id = ?)", each)
        self._database.executemany("DELETE FROM calls WHERE id = ?", each)

    def clear(self) -> None:
        """Remove all calls."""
        with self._transaction():
            self._progress.clear()
            self._database.execute("DELETE FROM bodies")
            self._database.execute("DELETE FROM calls")

    def _has_pairs(self, number: int, name: str, *pairs: str) -> bool:
        """Whether an object of a call has one of the values asked for under each key asked for."""
        (body,) = self._database.execute("SELECT json FROM bodies WHERE number = ?", (number,)).fetchone()
        held = msgspec.json.decode(body).get(name) or {}
        asked: dict[str, set[str]] = {}
        for pair in pairs:
            key, _, value = pair.partition(":")
            asked.setdefault(key, set()).add(value)
        return all(key in held and _text(held[key]) in values for key, values in asked.items())

    def get(self, call_id: str) -> dict[str, Any] | None:
        """Return the call with an id; None if there is none."""
        with self._lock:
            found = self._database.execute(
                "SELECT json FROM calls JOIN bodies USING (number) WHERE id = ?", (call_id,)
            ).fetchone()
        return None if found is None else msgspec.json.decode(found[0], type=dict[str, Any])

    def page(self, filters: Filters, *, ascending: bool, after: Position | None, limit: int) -> StoredPage:
        """Return a page of matching calls in order of time, after a position.

        Args:
            filters: Values of each filter, by the API's names.
            ascending: Whether the oldest calls come first.
            after: The position of the last call of the previous page; None for the first page.
            limit: Maximum number of calls.
        """
        conditions, values = _where(filters)
        order, beyond = ("ASC", ">") if ascending else ("DESC", "<")
        further = conditions
        if after:
            # The plus makes SQLite use the position, which is more selective than the bounds of the start.
            inside = [condition.replace("(at ", "(+at ") for condition in conditions]
            further = [*inside, f"(at, id) {beyond} (?, ?)"]
        with self._lock:
            rows = self._database.execute(
                f"SELECT at, id, json FROM calls JOIN bodies USING (number) {_all(further)}"  # noqa: S608 - from CONDITIONS
                f" ORDER BY at {order}, id {order} LIMIT ?",
                (*values, *(after or ()), limit + 1),
            ).fetchall()
            total = self._count(conditions, values)
        last = (rows[limit - 1][0], rows[limit - 1][1]) if len(rows) > limit else None
        return StoredPage([row[2] for row in rows[:limit]], total, last)

    def _count(self, conditions: list[str], values: tuple[Any, ...]) -> int:
        key = (tuple(conditions), values)
        if key not in self._counts:
            if len(self._counts) > 1_000:  # noqa: PLR2004 - bounds the memory of a long-lived sandbox
                self._counts.clear()
            counted = self._database.execute(f"SELECT count(*) FROM calls {_all(conditions)}", values)  # noqa: S608 - as above
            self._counts[key] = counted.fetchone()[0]
        return self._counts[key]

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        with self._lock, self._database:
            self._counts.clear()
            yield

    def close(self) -> None:
        """Release the memory."""
        with self._lock:
            self._database.close()


def _fitting(value: object) -> object:
    # Calls by hand may have any values, and SQLite has integers of 64 bits.
    return max(-_LARGEST, min(value, _LARGEST)) if isinstance(value, int) else value


def _text(value: object) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _where(filters: Filters) -> tuple[list[str], tuple[Any, ...]]:
    # A plus keeps SQLite from using an index. The index of one value is in order of time; with several values, sorting
    # all matches would take far longer than skipping what does not match.
    conditions = [
        ("" if len(values) == 1 else "+") + CONDITIONS[name].format(", ".join("?" * len(values)))
        for name, values in filters.items()
    ]
    return conditions, tuple(value for values in filters.values() for value in values)


def _all(conditions: list[str]) -> str:
    return f"WHERE {' AND '.join(conditions)}" if conditions else ""
