"""A server that answers with given bytes, and the secrets that its answers hold."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

KEY = "vox_live_0123456789abcdef"
RECORDING = "https://recordings.example.com/a.wav?signature=c0ffee"


@contextmanager
def serving(answer: bytes | Callable[[], Iterator[bytes]]) -> Iterator[str]:
    """A server that answers each connection with `answer`, whole or part by part, and closes it."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    with suppress(OSError), connection:
                        connection.recv(65_536)
                        for part in [answer] if isinstance(answer, bytes) else answer():
                            connection.sendall(part)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()


def http(body: bytes, status: str = "200 OK", length: int | None = None) -> bytes:
    head = (
        f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
