"""A rate limit shared by several processes on one machine, through a file.

    from vox_calls import Client
    from vox_calls_tools.shared_rate_limit import SharedRateLimit

    with Client(rate_limit=SharedRateLimit("/var/lib/reports/vox-calls.sqlite")) as client:
        ...

Use it instead of `RateLimit` when several processes use one key: the vendor limits the key, not the process.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vox_calls import ConfigurationError, RateLimit
from vox_calls.toolkit import required_wait

__all__ = ["SharedRateLimit"]

_TABLES = """
CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, started REAL NOT NULL, answered REAL);
CREATE TABLE IF NOT EXISTS held (until REAL NOT NULL);
"""
_PATIENCE = 30.0
# Seconds after which an unanswered request counts as abandoned, by a process presumed dead.
_ABANDONED = 300.0


class SharedRateLimit:
    """A `RateLimit` that all processes which open the same file share.

    A 429 received by one process pauses all of them. The file is an SQLite database and must be on a local disk. It
    holds wall-clock times: setting the system clock back may add a wait of up to a minute.

    Args:
        path: The file. Created if missing.
        per_second: Maximum number of requests in any second.
        per_minute: Maximum number of requests in any minute.

    Attributes:
        path: The absolute path of the file.
        limit: The limits, as a `RateLimit`.

    Raises:
        ConfigurationError: For invalid limits; or, when a client is made, for a file that cannot be used.

    Example:
        with Client(rate_limit=SharedRateLimit("vox-calls.sqlite")) as client:
            for call in client.list_calls():
                ...
    """

    def __init__(self, path: str | os.PathLike[str], *, per_second: int = 5, per_minute: int = 120) -> None:
        self.path: Path = Path(path).absolute()  # the working directory may change
        self.limit: RateLimit = RateLimit(per_second=per_second, per_minute=per_minute)

    def limiter(self) -> SharedLimiter:
        """Make the limiter of one client."""
        return SharedLimiter(self.path, self.limit)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, {self.limit!r})"


class SharedLimiter:
    """A limiter that keeps its state in a file. It uses wall-clock time, because callers' clocks may differ."""

    def __init__(self, path: Path, limit: RateLimit) -> None:
        self._path = path
        self._windows = limit.windows
        self._longest = max(seconds for seconds, _ in self._windows)
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._inherited: list[sqlite3.Connection | None] = []
        self._in_flight: list[int] = []
        with self._transaction():
            pass
        _limiters.add(self)

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def acquire(self, now: float) -> float:
        """Return 0 if a request may be sent now, which then counts as in flight; else the seconds to wait."""
        with self._transaction() as connection:
            now = time.time()  # callers pass a monotonic clock, which other processes do not share
            connection.execute(
                "DELETE FROM requests WHERE answered NOT BETWEEN ? AND ? OR started NOT BETWEEN ? AND ?",
                (now - self._longest, now + self._longest, now - self._longest - _ABANDONED, now + self._longest),
            )
            connection.execute("DELETE FROM held WHERE until NOT BETWEEN ? AND ?", (now, now + _ABANDONED))
            answered = connection.execute("SELECT answered FROM requests WHERE answered IS NOT NULL ORDER BY answered")
            (unanswered,) = connection.execute(
                "SELECT count(*) FROM requests WHERE answered IS NULL AND started > ?", (now - _ABANDONED,)
            ).fetchone()
            (until,) = connection.execute("SELECT coalesce(max(until), 0) FROM held").fetchone()
            wait: float = max(until - now, required_wait([at for (at,) in answered], unanswered, self._windows, now))
            if wait <= 0.0:
                made = connection.execute("INSERT INTO requests (started) VALUES (?)", (now,))
                self._in_flight.append(int(made.lastrowid or 0))
            return wait

    def release(self, now: float) -> None:  # noqa: ARG002 - as in acquire
        """Note that a request in flight was answered, or that it will not be."""
        with self._transaction() as connection:
            if self._in_flight:
                # Any of our requests will do: they count alike.
                connection.execute(
                    "UPDATE requests SET answered = ? WHERE id = ?", (time.time(), self._in_flight.pop())
                )

    def hold(self, seconds: float, now: float) -> None:  # noqa: ARG002 - as in acquire
        """Pause all requests for some seconds, because the server answered 429."""
        with self._transaction() as connection:
            connection.execute("INSERT INTO held VALUES (?)", (time.time() + seconds,))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock:
            try:
                connection = self._connection = self._connection or self._connect()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                finally:
                    connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise ConfigurationError(f"the shared rate limit in {self._path} cannot be used: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=16
        )
        connection.executescript(_TABLES)
        return connection

    def hold_for_fork(self) -> None:
        """Before a fork: wait for open transactions to end. SQLite would attribute them to the new process."""
        self._lock.acquire()

    def release_in_parent(self) -> None:
        """After a fork, in the parent: release the lock."""
        self._lock.release()

    def renew_in_child(self) -> None:
        """After a fork, in the child: drop the parent's connection and its requests in flight."""
        self._inherited.append(self._connection)  # closing it could end a transaction of the parent
        self._connection = None
        self._in_flight = []
        self._lock.release()


_limiters: weakref.WeakSet[SharedLimiter] = weakref.WeakSet()

_held: list[SharedLimiter] = []


def _before_fork() -> None:
    for limiter in list(_limiters):
        limiter.hold_for_fork()
        _held.append(limiter)


def _after_fork_in_parent() -> None:
    while _held:
        _held.pop().release_in_parent()


def _after_fork_in_child() -> None:
    while _held:
        _held.pop().renew_in_child()


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(before=_before_fork, after_in_parent=_after_fork_in_parent, after_in_child=_after_fork_in_child)
