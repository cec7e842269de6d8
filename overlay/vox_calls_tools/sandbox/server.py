"""A sandbox that runs: a socket on loopback, and uvicorn behind it in the foreground or in a thread."""

from __future__ import annotations

import secrets
import socket
import threading
import time
from collections.abc import Iterable, Mapping, MutableMapping
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl

import uvicorn

from vox_calls.errors import VoxCallsError
from vox_calls_tools.sandbox.app import SeenRequest, Settings, create_app
from vox_calls_tools.sandbox.exchanges import read_exchanges
from vox_calls_tools.sandbox.exchanges_app import create_exchanges
from vox_calls_tools.sandbox.faults import App, Faults, Message, Receive, Send
from vox_calls_tools.sandbox.store import Store
from vox_calls_tools.sandbox.verdicts import KEY

HOST = "127.0.0.1"
_BACKLOG = 128
_PATIENCE = 5.0  # seconds to let the thread finish what it is answering
_GLANCE = 0.001  # seconds


class PortTakenError(VoxCallsError):
    """The port cannot be listened on: somebody else does, or it takes more rights. The message says which."""


def make_key() -> str:
    """A key that no other sandbox has.

    Example:
        >>> make_key().startswith("vox_sandbox_")
        True
    """
    return f"vox_sandbox_{secrets.token_urlsafe(24)}"


class Served:
    """An application on a port of this machine, as a context manager. It lives in a thread and ends with the block.

    Args:
        port: Where to listen; 0 for any port that is free.

    Attributes:
        base_url: Such as `http://127.0.0.1:40123`.

    Raises:
        PortTakenError: Where the port is not free.
    """

    def __init__(self, port: int) -> None:
        self._socket = _listen(port)
        self.base_url: str = f"http://{HOST}:{self._socket.getsockname()[1]}"

    def _prepare(self, app: Any, *, date_header: bool = True) -> None:  # noqa: ANN401 - any ASGI application
        config = uvicorn.Config(
            app,
            access_log=False,
            date_header=date_header,
            interface="asgi3",
            lifespan="off",
            log_level="critical",
            server_header=False,
            timeout_graceful_shutdown=1,
            timeout_keep_alive=60,
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self.serve, name="vox-calls-sandbox", daemon=True)

    def serve(self) -> None:
        """Serve in this thread until interrupted."""
        self._server.run(sockets=[self._socket])

    def _hang_up(self, scope: MutableMapping[str, Any]) -> None:
        for connection in self._server.server_state.connections:
            if getattr(connection, "client", None) == scope["client"]:
                connection.transport.abort()

    def close(self) -> None:
        """Stop serving and give the port back."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)
        self._socket.close()

    def __enter__(self) -> Self:
        # Not before uvicorn has imported all it needs: an interrupt in the middle of another thread's import may leave
        # Python's import lock taken, and this thread would wait for it without end.
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(_GLANCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Sandbox(Served):
    """The API on a port of this machine, as a context manager. It lives in a thread and ends with the block.

    Args:
        calls: The calls to begin with, as JSON has them.
        port: Where to listen; 0 for any port that is free.
        settings: Key, rate limits and latency; a new key and the vendor's limits without them.

    Attributes:
        base_url: Such as `http://127.0.0.1:40123`, for `Client(base_url=...)` or `VOX_BASE_URL`.
        api_key: The key that it takes.
        store: Its calls, to add to and to remove from while it runs.

    Raises:
        PortTakenError: Where the port is not free.

    Example:
        with Sandbox(synthetic_calls(1_000, seed=1, until=datetime.now(UTC))) as sandbox:
            client = Client(sandbox.api_key, base_url=sandbox.base_url)
    """

    def __init__(
        self, calls: Iterable[Mapping[str, Any]] = (), *, port: int = 0, settings: Settings | None = None
    ) -> None:
        settings = settings or Settings(make_key())
        super().__init__(port)
        self.store: Store = Store()
        try:
            self.store.add(calls)
        except BaseException:
            self._socket.close()
            self.store.close()
            raise
        self.configure(settings)
        self._prepare(self._answer)

    def configure(self, settings: Settings) -> None:
        """Behave in another way from the next request on. Faults and the counts of rate limits begin anew."""
        app: App = create_app(self.store, settings)
        if settings.faults is not None:
            app = Faults(app, settings.faults, self._hang_up)
        self.api_key: str = settings.api_key
        self._behind = app, settings.on_request

    async def _answer(self, scope: Message, receive: Receive, send: Send) -> None:
        app, on_request = self._behind
        if on_request is not None and scope["type"] == "http":
            on_request(_seen(scope, self.api_key))
        await app(scope, receive, send)

    def close(self) -> None:
        """Stop serving and give port and memory back."""
        super().close()
        self.store.close()


class ExchangesSandbox(Served):
    """The server of every exchange of `openapi/conformance/`, each under a base URL of its own.

    Args:
        port: Where to listen; 0 for any port that is free.

    Attributes:
        base_url: Where `GET /exchanges` lists the exchanges.
        api_key: The key that each of them takes.

    Raises:
        PortTakenError: Where the port is not free.

    Example:
        with ExchangesSandbox() as sandbox:
            exchanges = httpx.get(f"{sandbox.base_url}/exchanges").json()["exchanges"]
    """

    api_key: str = KEY

    def __init__(self, *, port: int = 0) -> None:
        scripted = read_exchanges()
        super().__init__(port)
        # The case says what day it is, and the header of the real one would contradict it.
        self._prepare(create_exchanges(scripted, self.base_url, self._hang_up), date_header=False)


def _seen(scope: Message, api_key: str) -> SeenRequest:
    query: dict[str, list[str]] = {}
    asked = scope["query_string"].decode("latin-1").replace(api_key, "***")
    for name, value in parse_qsl(asked, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    return SeenRequest(scope["method"], scope["path"].replace(api_key, "***"), query)


def _listen(port: int) -> socket.socket:
    # Said in full, asyncio sees that it is TCP and sends small answers at once; else each waits for 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # Where there is the former, the latter would let two sandboxes have one port.
        listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTakenError(f"cannot listen on {HOST}:{port}: {error.strerror}; choose another --port, or 0") from None
    return listener
