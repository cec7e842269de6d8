"""One rate limit for many processes: those on this machine that open the same file.

    from vox_calls import Client
    from vox_calls_tools.shared_rate_limit import SharedRateLimit

    with Client(rate_limit=SharedRateLimit("/var/lib/reports/vox-calls.sqlite")) as client:
        ...

It stands where a `RateLimit` would, for the limit is that of the key and not of a process.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vox_calls.errors import ConfigurationError
from vox_calls.pacing import RateLimit, expect_forks, pause

__all__ = ["SharedRateLimit"]

_TABLES = """
CREATE TABLE IF NOT EXISTS requests (id INTEGER PRIMARY KEY, started REAL NOT NULL, answered REAL);
CREATE TABLE IF NOT EXISTS held (until REAL NOT NULL);
"""
_PATIENCE = 30.0
# A request without an answer for so long belongs to a process that is no more.
_ABANDONED = 300.0


class SharedRateLimit:
    """How many requests a key has in any second and in any minute, for all processes that open the same file.

    The rules are those of `RateLimit`, kept over the requests of all of them, and a 429 that one of them meets holds
    back the others. The file is SQLite's; it has to be on a disk of this machine. Clocks are the machine's, so a clock
    that is set back may cost a wait of a minute.

    Args:
        path: The file. It is made where it is not there.
        per_second: Requests in any second.
        per_minute: Requests in any minute.

    Attributes:
        path: The file, from the root on.
        limit: The limits, as a `RateLimit`.

    Raises:
        ConfigurationError: Where the limits are no limits, or the file cannot be used; the latter when the client is
            made.

    Example:
        with Client(rate_limit=SharedRateLimit("vox-calls.sqlite")) as client:
            for call in client.list_calls():
                ...
    """

    def __init__(self, path: str | os.PathLike[str], *, per_second: int = 5, per_minute: int = 120) -> None:
        self.path: Path = Path(path).absolute()  # a process may change its folder
        self.limit: RateLimit = RateLimit(per_second=per_second, per_minute=per_minute)

    def pacer(self) -> SharedPacer:
        """What keeps the limit, for one client."""
        return SharedPacer(self.path, self.limit)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self.path)!r}, {self.limit!r})"


class SharedPacer:
    """A pacer whose memory is a file. It asks the machine's clock, since those of its callers may differ."""

    def __init__(self, path: Path, limit: RateLimit) -> None:
        self._connection: sqlite3.Connection | None = None
        self._path = path
        self._windows = limit.windows
        self._longest = max(seconds for seconds, _ in self._windows)
        self.lock: threading.Lock = threading.Lock()
        self._running: list[int] = []
        self._inherited: list[sqlite3.Connection | None] = []
        with self._turn():
            pass
        expect_forks(self)

    def __del__(self) -> None:
        if self._connection is not None:
            self._connection.close()

    def begin_anew(self) -> None:
        """After a fork: a connection of SQLite's is not for two processes."""
        # Kept, and not used: closing it would take the locks away from the process that it belongs to.
        self._inherited.append(self._connection)
        self._connection = None

    def acquire(self, now: float) -> float:
        """0 where a request may be sent at once, and it then counts as sent; else the seconds to wait and ask again."""
        with self._turn() as connection:
            now = time.time()  # the caller's clock is not that of other processes
            connection.execute(
                "DELETE FROM requests WHERE answered NOT BETWEEN ? AND ? OR started NOT BETWEEN ? AND ?",
                (now - self._longest, now + self._longest, now - self._longest - _ABANDONED, now + self._longest),
            )
            connection.execute("DELETE FROM held WHERE until NOT BETWEEN ? AND ?", (now, now + _ABANDONED))
            answered = connection.execute("SELECT answered FROM requests WHERE answered IS NOT NULL ORDER BY answered")
            (running,) = connection.execute(
                "SELECT count(*) FROM requests WHERE answered IS NULL AND started > ?", (now - _ABANDONED,)
            ).fetchone()
            (until,) = connection.execute("SELECT coalesce(max(until), 0) FROM held").fetchone()
            wait: float = max(until - now, pause([at for (at,) in answered], running, self._windows, now))
            if wait <= 0.0:
                made = connection.execute("INSERT INTO requests (started) VALUES (?)", (now,))
                self._running.append(int(made.lastrowid or 0))
            return wait

    def release(self, now: float) -> None:  # noqa: ARG002 - as in acquire
        """Say that a request was answered, or that no answer will come."""
        with self._turn() as connection:
            if self._running:
                # Which of its own does not matter: they count alike.
                connection.execute("UPDATE requests SET answered = ? WHERE id = ?", (time.time(), self._running.pop()))

    def hold(self, seconds: float, now: float) -> None:  # noqa: ARG002 - as in acquire
        """Let nothing through for some seconds: the server said so."""
        with self._turn() as connection:
            connection.execute("INSERT INTO held VALUES (?)", (time.time() + seconds,))

    @contextmanager
    def _turn(self) -> Iterator[sqlite3.Connection]:
        with self.lock:
            try:
                connection = self._connection or self._connect()
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                finally:
                    connection.execute("COMMIT")
            except (sqlite3.Error, OSError) as error:
                raise ConfigurationError(f"the shared rate limit in {self._path} cannot be used: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        # Requests of the process before a fork do not belong to this one.
        self._connection = connection = sqlite3.connect(
            self._path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False, cached_statements=16
        )
        connection.executescript(_TABLES)
        self._running = []
        return connection
