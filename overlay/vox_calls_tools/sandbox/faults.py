"""Scripted failures: a script says what happens to each request in turn.

A step is an object as in the exchanges of `openapi/conformance/`:

- `{}` or null: the normal response
- `takes`: delay in seconds
- `status`, `headers` and a `json`, `text` or `base64` body: this response; `headers` alone are added to the normal one
- `fault`: `refuse` or `reset` (the connection is dropped before a response: a listening server cannot refuse it), `cut`
  (dropped in the middle of the body), `slow` (the body is spread over `takes` seconds), `timeout` (never a response)

    {"steps": [{}, {"status": 503, "headers": {"Retry-After": "1"}}, {"fault": "cut"}], "repeat": false}
"""

from __future__ import annotations

import asyncio
import json
import re
from codecs import BOM_UTF8
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from itertools import chain, cycle, repeat
from pathlib import Path
from typing import Any

import msgspec

from vox_calls.errors import ConfigurationError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Message, Receive, Send], Awaitable[None]]

_FAULTS = ("refuse", "reset", "cut", "slow", "timeout")
_HEADER = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+")
_OWN_HEADERS = frozenset({"content-length", "transfer-encoding", "connection"})
_WITHOUT_BODY = frozenset({204, 304})
_SLOW_PARTS = 10


class Step(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to one request.

    Attributes:
        takes: Delay in seconds.
        fault: `refuse`, `reset`, `cut`, `slow` or `timeout`; None for no fault.
        status: Status of the response, 200 to 599; None for 200, or for that of the normal response.
        headers: Additional headers of the response.
        json: Body as JSON.
        text: Body as text.
        base64: Body as bytes; base64 in a script file.

    Example:
        >>> Step(status=503, headers={"Retry-After": "1"}).body
        b''
    """

    takes: float = 0.0
    fault: str | None = None
    status: int | None = None
    headers: dict[str, str] = {}
    json: Any = msgspec.UNSET
    text: str | None = None
    base64: bytes | None = None

    def __post_init__(self) -> None:
        if self.fault not in {None, *_FAULTS}:
            raise ValueError(f"fault must be one of {', '.join(_FAULTS)}")
        if self.takes < 0:
            raise ValueError("takes must be seconds, at least 0")
        if self.status is not None and not 200 <= self.status <= 599:  # noqa: PLR2004 - the statuses of final responses
            raise ValueError("status must be from 200 to 599")
        for name, value in self.headers.items():
            allowed = _HEADER.fullmatch(name) and name.lower() not in _OWN_HEADERS
            if not (allowed and value.isascii() and value.isprintable() and value == value.strip()):
                raise ValueError(f"the header {name!r} cannot be sent with this value")
        bodies = [self.json is not msgspec.UNSET, self.text is not None, self.base64 is not None]
        if sum(bodies) > 1:
            raise ValueError("pass only one of json, text and base64")
        if any(bodies) and self.status in _WITHOUT_BODY:
            raise ValueError(f"a {self.status} response cannot have a body")

    @property
    def body(self) -> bytes | None:
        """The body of the response; None for that of the normal response."""
        if self.json is not msgspec.UNSET:
            return json.dumps(self.json).encode()
        if self.text is not None:
            return self.text.encode()
        if self.base64 is not None:
            return self.base64
        return b"" if self.status is not None else None


class Script(msgspec.Struct, forbid_unknown_fields=True):
    """The steps for the first requests, once or repeatedly.

    Attributes:
        steps: One step per request; None is the normal response.
        repeat: Whether to start over after the last step; otherwise later requests get the normal response.

    Example:
        >>> script = Script([None, Step(status=503, headers={"Retry-After": "1"}), Step(fault="cut")])
        >>> script.steps[1].status
        503
    """

    steps: list[Step | None]
    repeat: bool = False


def read_script(path: Path) -> Script:
    """Read a script from a JSON file.

    Raises:
        ConfigurationError: The file cannot be read, or is not a valid script. The message has the path of the fault.

    Example:
        settings = Settings(make_key(), faults=read_script(Path("faults.json")))
    """
    try:
        return msgspec.json.decode(path.read_bytes().removeprefix(BOM_UTF8), type=Script)
    except OSError as error:
        raise ConfigurationError(f"cannot read the faults in {path}: {error.strerror}") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        example = '{"steps": [{"status": 503}, {"fault": "cut"}]}'
        raise ConfigurationError(f"the faults in {path} are not a script such as {example}: {error}") from None


class Faults:
    """An ASGI middleware that plays a script.

    Args:
        app: The application that gives the normal response.
        script: The steps.
        hang_up: Drops the connection of a request.
    """

    def __init__(self, app: App, script: Script, hang_up: Callable[[Message], None]) -> None:
        self._app = app
        usual = repeat(None)
        self._steps = cycle(script.steps) if script.repeat and script.steps else chain(script.steps, usual)
        self._hang_up = hang_up

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await play(next(self._steps) or Step(), scope, receive, send, usual=self._app, hang_up=self._hang_up)


async def play(
    step: Step, scope: Message, receive: Receive, send: Send, *, usual: App, hang_up: Callable[[Message], None]
) -> None:
    """Play one step.

    Args:
        step: The step.
        scope: The request.
        receive: ASGI receive, for the disconnect.
        send: ASGI send.
        usual: The application that gives the normal response.
        hang_up: Drops the connection of a request.
    """
    if step.fault != "slow":
        await asyncio.sleep(step.takes)
    if step.fault in {"refuse", "reset", "timeout"}:
        if step.fault != "timeout":
            hang_up(scope)
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    start, body = await _answer(step, scope, receive, usual)
    if step.fault is None:
        await send(start)
        await send({"type": "http.response.body", "body": body})
        return
    await send(start)
    parts = _SLOW_PARTS if step.fault == "slow" else 2
    for part in _split(body, parts)[: parts if step.fault == "slow" else 1]:
        await asyncio.sleep(step.takes / parts if step.fault == "slow" else 0)
        await send({"type": "http.response.body", "body": part, "more_body": True})
    if step.fault == "slow":
        await send({"type": "http.response.body", "body": b""})
    else:
        hang_up(scope)


async def _answer(step: Step, scope: Message, receive: Receive, usual: App) -> tuple[Message, bytes]:
    own = {name.lower(): value for name, value in step.headers.items()}
    body = step.body
    if body is None:
        start, body = await _capture(usual, scope, receive)
        headers = {name.decode(): value.decode() for name, value in start["headers"]}
    else:
        start = {"type": "http.response.start", "status": step.status or 200}
        headers = {"content-type": "application/json"}
        if step.status not in _WITHOUT_BODY:
            headers["content-length"] = str(len(body))
    if step.fault == "cut" and len(body) <= 1:
        body, headers["content-length"] = b"", "1"  # one byte must be missing
    start["headers"] = [(name.encode(), value.encode()) for name, value in (headers | own).items()]
    return start, body


async def _capture(app: App, scope: Message, receive: Receive) -> tuple[Message, bytes]:
    messages: list[Message] = []

    async def keep(message: Message) -> None:
        messages.append(message)

    await app(scope, receive, keep)
    return messages[0], b"".join(message.get("body", b"") for message in messages[1:])


def _split(body: bytes, parts: int) -> Sequence[bytes]:
    size = max(1, -(-len(body) // parts))
    return [body[at : at + size] for at in range(0, len(body), size)]
