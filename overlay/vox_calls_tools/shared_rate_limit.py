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
from collections import deque
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

from vox_calls import ConfigurationError, RateLimit
from vox_calls.toolkit import Waiter, required_wait

__all__ = ["SharedRateLimit"]

_TABLES = (
    "CREATE TABLE IF NOT EXISTS sent (id INTEGER PRIMARY KEY, process TEXT NOT NULL, started REAL, answered REAL)",
    "CREATE TABLE IF NOT EXISTS held (until REAL NOT NULL)",
)
_MOMENT = 0.005  # seconds to wait for another process inside SQLite, which is more than its transactions take
_PAUSE = 0.02
_PATIENCE = 30.0
_ABANDONED = 600.0  # seconds after which a request in flight counts no more, whoever sent it
_PROCESSES = Path("/proc")

# SQLite remembers what a process has locked, and a fork would copy that: no transaction is open during one.
_lock = threading.Lock()
if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)

Statement = tuple[str, tuple[float | int | str, ...]]


class SharedRateLimit:
    """A `RateLimit` that all processes which open the same file share.

    A 429 received by one process pauses all of them. The requests in flight of a process that died count as answered.
    The file is an SQLite database and must be on a local disk. It holds times of the machine's monotonic clock, so
    setting the time changes nothing. Asking it never blocks: where another process has the file, the client waits as it
    does for the limit itself, on an event loop too, and gives up after 30 seconds.

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
    """A limiter that keeps its state in a file.

    Each transaction has a connection of its own, so no connection crosses a fork or a thread.
    """

    def __init__(self, path: Path, limit: RateLimit) -> None:
        self._path = path
        self._windows = limit.windows
        self._longest = max(seconds for seconds, _ in self._windows)
        self._in_flight: dict[int, list[int]] = {}  # of each process, since a fork copies this
        self._unwritten: deque[Statement] = deque()
        self._busy_since: float | None = None
        self._write()

    def acquire(self, now: float, waiter: Waiter) -> float:  # noqa: ARG002 - in no order; the clock is the file's
        """Return 0 if a request may be sent now, which then counts as in flight; else the seconds to wait."""
        with self._transaction() as file:
            if file is None:
                return _PAUSE
            now = time.monotonic()
            # What lies in the future is of the time before a restart.
            for statement in (
                "DELETE FROM sent WHERE answered NOT BETWEEN ?1 - ?2 AND ?1 OR started NOT BETWEEN ?1 - ?3 AND ?1",
                "DELETE FROM held WHERE until NOT BETWEEN ?1 AND ?1 + ?3",
            ):
                file.execute(statement, (now, self._longest, _ABANDONED))
            self._release_dead(file, now)
            answered = [
                at for (at,) in file.execute("SELECT answered FROM sent WHERE answered NOT NULL ORDER BY answered")
            ]
            (in_flight,) = file.execute("SELECT count(*) FROM sent WHERE answered IS NULL").fetchone()
            (until,) = file.execute("SELECT coalesce(max(until), 0) FROM held").fetchone()
            wait: float = max(until - now, required_wait(answered, in_flight, self._windows, now))
            if wait <= 0.0:
                made = file.execute("INSERT INTO sent (process, started) VALUES (?, ?)", (_process(os.getpid()), now))
                self._in_flight.setdefault(os.getpid(), []).append(int(made.lastrowid or 0))
            return wait

    def release(self, now: float) -> None:  # noqa: ARG002 - as in acquire
        """Note that a request in flight was answered, or that it will not be."""
        mine = self._in_flight.get(os.getpid())
        if mine:
            # Any of our requests will do: they count alike.
            self._write("UPDATE sent SET answered = ? WHERE id = ?", time.monotonic(), mine.pop())

    def hold(self, seconds: float, now: float) -> None:  # noqa: ARG002 - as in acquire
        """Pause all requests for some seconds, because the server answered 429."""
        self._write("INSERT INTO held VALUES (?)", time.monotonic() + seconds)

    def _write(self, statement: str = "", *values: float) -> None:
        """Write now, or with the next transaction if another process has the file."""
        if statement:
            self._unwritten.append((statement, values))
        with self._transaction():
            pass

    def _release_dead(self, file: sqlite3.Connection, now: float) -> None:
        for (process,) in file.execute("SELECT DISTINCT process FROM sent WHERE answered IS NULL").fetchall():
            if not _is_alive(process):
                file.execute("UPDATE sent SET answered = ? WHERE process = ? AND answered IS NULL", (now, process))

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection | None]:
        """Open the file; None where another process has it."""
        try:
            with _lock, closing(sqlite3.connect(self._path, timeout=_MOMENT, isolation_level=None)) as file:
                try:
                    file.execute("PRAGMA synchronous = OFF")  # a crash of the machine ends what the file is about
                    file.execute("BEGIN EXCLUSIVE")  # so that committing cannot fail because somebody reads
                except sqlite3.OperationalError as error:
                    self._be_patient(error)
                    yield None
                    return
                self._busy_since = None
                for table in _TABLES:
                    file.execute(table)
                while self._unwritten:
                    file.execute(*self._unwritten[0])
                    self._unwritten.popleft()
                yield file
                file.execute("COMMIT")
        except (sqlite3.Error, OSError) as error:
            raise ConfigurationError(f"the shared rate limit in {self._path} cannot be used: {error}") from error

    def _be_patient(self, error: sqlite3.OperationalError) -> None:
        if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY:
            raise error
        self._busy_since = self._busy_since or time.monotonic()
        if time.monotonic() - self._busy_since > _PATIENCE:
            self._busy_since = None
            raise error


def _process(pid: int) -> str:
    """What identifies a process, even if its number is given to another one later."""
    return f"{pid} {_stat(pid)[1]}"


def _is_alive(process: str) -> bool:
    pid, began = process.split()
    if (_PROCESSES / "self" / "stat").exists():
        state, begins = _stat(int(pid))
        return begins == began and state not in {"Z", "X"}
    if os.name == "posix":
        with suppress(PermissionError):
            try:
                os.kill(int(pid), 0)
            except ProcessLookupError:
                return False
    return True


def _stat(pid: int) -> tuple[str, str]:
    """State and start of a process, where the system shows them (proc(5), fields 3 and 22)."""
    try:
        fields = (_PROCESSES / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return "X", "-"
    return fields[0], fields[19]
