"""End a test that exceeds its time limit, child processes included.

pytest-timeout raises in the test. A test that then waits for a child, as leaving `with subprocess.Popen(...)` does,
would wait for ever: an interrupted child may sit in a lock. So some seconds later the children are killed, and if the
test still does not end, this process is.
"""

from __future__ import annotations

import faulthandler
import os
import threading
from collections.abc import Iterator

import psutil
import pytest
from _pytest.faulthandler import fault_handler_stderr_fd_key

GRACE = float(os.environ.get("TEST_GRACE", "10"))
"""Seconds from the limit to killing the children, and from then to killing the process."""


@pytest.fixture(autouse=True)
def _time_limit(request: pytest.FixtureRequest) -> Iterator[None]:
    marker = request.node.get_closest_marker("timeout")
    limit = float(marker.args[0] if marker else request.config.getini("timeout"))
    ended = threading.Event()
    stderr = request.config.stash[fault_handler_stderr_fd_key]  # the original, which pytest does not capture
    threading.Thread(target=_watch, args=(ended, limit, stderr), name="time-limit", daemon=True).start()
    yield
    ended.set()


def _watch(ended: threading.Event, limit: float, stderr: int) -> None:
    if ended.wait(limit + GRACE):
        return
    for child in psutil.Process().children(recursive=True):
        child.kill()
    if not ended.wait(GRACE):
        faulthandler.dump_traceback(stderr)
        os._exit(1)
