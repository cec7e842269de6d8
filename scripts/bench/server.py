"""A server that only writes prepared bytes, in a process of its own, so that nobody measures it.

`GET /CALLS/LATENCY/v3/calls?cursor=N` is page N, from 0, of a history of that many calls, held back for so many
milliseconds.
"""

from __future__ import annotations

import multiprocessing
import re
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from multiprocessing.connection import Connection
from urllib.parse import urlsplit

from bench.pages import DIFFERENT, PAGE_SIZE, body, compact, made_up

_ASKED = re.compile(rb"GET /(?P<calls>\d+)/(?P<latency>\d+)/v3/calls(?:\?(?:\S*&)?cursor=(?P<number>\d+))?")
_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
_MOST = 1 << 16


@contextmanager
def running() -> Iterator[str]:
    """Where the server is, such as `http://127.0.0.1:40123`, for as long as it is needed."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=_serve, args=(theirs,), daemon=True)
    process.start()
    theirs.close()
    try:
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join()


def history(server: str, calls: int, *, latency_ms: int = 0) -> str:
    """The base URL under which a history of so many calls is read."""
    return f"{server}/{calls}/{latency_ms}"


def exchange(base_url: str, pages: int) -> None:
    """Ask for pages and do nothing with them: what is left is the time of the server and the sockets."""
    url = urlsplit(base_url)
    with socket.create_connection((url.hostname, url.port)) as connection:
        for number in range(pages):
            connection.sendall(b"GET %b/v3/calls?cursor=%d HTTP/1.1\r\n\r\n" % (url.path.encode(), number))
            head, _, rest = connection.recv(_MOST).partition(b"\r\n\r\n")
            missing = int(head.rpartition(b" ")[2]) - len(rest)
            while missing > 0:
                missing -= len(connection.recv(_MOST))


def _serve(told: Connection) -> None:
    sys.setswitchinterval(1e-4)
    items = made_up()
    whole = [compact(page) for page in items]

    @cache
    def last(number: int, size: int) -> bytes:
        return compact(items[number % DIFFERENT][:size])

    def answer(request: bytes) -> bytes:
        asked = _ASKED.match(request)
        if asked is None:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
        calls, number = int(asked["calls"]), int(asked["number"] or 0)
        time.sleep(int(asked["latency"]) / 1_000)
        left = calls - number * PAGE_SIZE
        page = whole[number % DIFFERENT] if left >= PAGE_SIZE else last(number, left)
        written = body(page, total=calls, next_cursor=str(number + 1) if left > PAGE_SIZE else None)
        return _HEAD % len(written) + written

    def attend(connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pending = b""
        with connection:
            while part := connection.recv(_MOST):
                request, end, rest = (pending + part).partition(b"\r\n\r\n")
                pending = rest if end else request
                if end:
                    connection.sendall(answer(request))

    with socket.create_server(("127.0.0.1", 0)) as listening:
        told.send(listening.getsockname()[1])
        while True:
            connection, _ = listening.accept()
            threading.Thread(target=attend, args=(connection,), daemon=True).start()
