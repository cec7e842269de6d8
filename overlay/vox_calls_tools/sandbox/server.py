"""Runs the sandbox: uvicorn on a loopback socket, in the foreground or in a thread."""

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
_PATIENCE = 5.0  # seconds for the thread to finish its responses
_GLANCE = 0.001  # seconds


class PortTakenError(VoxCallsError):
    """The port is in use or not permitted. The message says which."""


def make_key() -> str:
    """Make a random API key.

    Example:
        >>> make_key().startswith("vox_sandbox_")
        True
    """
    return f"vox_sandbox_{secrets.token_urlsafe(24)}"


class Served:
    """An application on a local port. A context manager that serves from a thread.

    Args:
        port: The port to listen on; 0 for any free port.

    Attributes:
        base_url: The base URL, such as `http://127.0.0.1:40123`.

    Raises:
        PortTakenError: The port is not available.
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
        """Serve in the current thread until interrupted."""
        self._server.run(sockets=[self._socket])

    def _hang_up(self, scope: MutableMapping[str, Any]) -> None:
        for connection in self._server.server_state.connections:
            if getattr(connection, "client", None) == scope["client"]:
                connection.transport.abort()

    def close(self) -> None:
        """Stop serving, and release the port."""
        self._server.should_exit = True
        if self._thread.is_alive():
            self._thread.join(_PATIENCE)
        self._socket.close()

    def __enter__(self) -> Self:
        # Wait until uvicorn has imported all it needs: an interrupt during an import in another thread may leave
        # Python's import lock held, and this thread would wait for it forever.
        self._thread.start()
        while not self._server.started and self._thread.is_alive():
            time.sleep(_GLANCE)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()


class Sandbox(Served):
    """The API on a local port. A context manager that serves from a thread.

    Args:
        calls: The initial calls, as JSON objects.
        port: The port to listen on; 0 for any free port.
        settings: Key, rate limits, latency and more; None for a new key and the vendor's limits.

    Attributes:
        base_url: The base URL, such as `http://127.0.0.1:40123`, for `Client(base_url=...)` or `VOX_BASE_URL`.
        api_key: The accepted key.
        store: The calls. May be changed while the sandbox runs.

    Raises:
        PortTakenError: The port is not available.
        VoxCallsError: Two calls have the same id.

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
        """Apply other settings from the next request on. Resets faults and rate limits."""
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
        """Stop serving, and release the port and the memory."""
        super().close()
        self.store.close()


class ExchangesSandbox(Served):
    """A server for the exchanges of `openapi/conformance/`, each with its own base URL.

    Args:
        port: The port to listen on; 0 for any free port.

    Attributes:
        base_url: The base URL. `GET /exchanges` there lists the exchanges.
        api_key: The key that all exchanges accept.

    Raises:
        PortTakenError: The port is not available.
        ConfigurationError: The exchanges are not installed.

    Example:
        with ExchangesSandbox() as sandbox:
            exchanges = httpx.get(f"{sandbox.base_url}/exchanges").json()["exchanges"]
    """

    api_key: str = KEY

    def __init__(self, *, port: int = 0) -> None:
        scripted = read_exchanges()
        super().__init__(port)
        # The Date header would contradict the date of the case.
        self._prepare(create_exchanges(scripted, self.base_url, self._hang_up), date_header=False)


def _seen(scope: Message, api_key: str) -> SeenRequest:
    query: dict[str, list[str]] = {}
    asked = scope["query_string"].decode("latin-1").replace(api_key, "***")
    for name, value in parse_qsl(asked, keep_blank_values=True):
        query.setdefault(name, []).append(value)
    return SeenRequest(scope["method"], scope["path"].replace(api_key, "***"), query)


def _listen(port: int) -> socket.socket:
    # With an explicit protocol, asyncio detects TCP and sets TCP_NODELAY; otherwise each response is delayed by 40 ms.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # On Windows, SO_REUSEADDR would let two sandboxes share one port.
        listener.setsockopt(socket.SOL_SOCKET, getattr(socket, "SO_EXCLUSIVEADDRUSE", socket.SO_REUSEADDR), 1)
        listener.bind((HOST, port))
        listener.listen(_BACKLOG)
    except OSError as error:
        listener.close()
        raise PortTakenError(f"cannot listen on {HOST}:{port}: {error.strerror}; choose another --port, or 0") from None
    return listener
