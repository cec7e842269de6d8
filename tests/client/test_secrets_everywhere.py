"""An error at any line below list_calls shows neither the key nor a recording URL."""

from __future__ import annotations

import asyncio
import io
import logging
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

import pytest
import rich.console

import showing
import vox_calls
from raw_server import KEY, RECORDING, http, serving
from scripted import call, page
from vox_calls import AsyncClient, Client, ServerError, VoxCallsError

RECORDED = [call(str(number), recording_url=RECORDING, from_number="01099998888") for number in range(3)]
PAGE = http(page(*RECORDED).content)
BELOW = {"vox_calls", "vox_calls_raw", "httpx", "httpcore", "h11"}
STEPS = int(os.environ.get("STEPS", "15"))
"""How many lines of each run are tested. A run has some thousands, and each takes half a second."""


class SoftLimitError(Exception):
    """Raised in running code, as a task queue does on a timeout."""


class _Stop:
    """Raise at the n-th line executed below `list_calls`, or count the lines if there are fewer."""

    def __init__(self, at: int, kind: type[BaseException]) -> None:
        self.at, self.kind, self.lines = at, kind, 0

    def __call__(self, frame: FrameType, event: str, _: object) -> _Stop | None:
        if frame.f_globals.get("__name__", "").partition(".")[0] not in BELOW:
            return None
        if event == "line":
            self.lines += 1
            if self.lines == self.at:
                sys.settrace(None)
                raise self.kind("stopped")
        return self


@contextmanager
def tracing(stop: _Stop) -> Iterator[None]:
    """Trace with `stop`, and whoever traced before afterwards: coverage does."""
    before = sys.gettrace()
    sys.settrace(stop)
    try:
        yield
    finally:
        sys.settrace(before)


def read_sync(base_url: str, stop: _Stop) -> None:
    with Client(KEY, base_url=base_url, rate_limit=None, retries=0) as client:
        calls = client.list_calls()
        with tracing(stop):
            for _ in calls:
                pass


def read_async(base_url: str, stop: _Stop) -> None:
    async def main() -> None:
        async with AsyncClient(KEY, base_url=base_url, rate_limit=None, retries=0) as client:
            calls = client.list_calls()
            with tracing(stop):
                async for _ in calls:
                    pass

    asyncio.run(main())


# An error in the middle of connecting may leave a socket to the garbage collector.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("kind", [SoftLimitError, KeyboardInterrupt])
@pytest.mark.parametrize("read", [read_sync, read_async])
def test_an_error_at_any_line_shows_no_secret(read: Callable[[str, _Stop], None], kind: type[BaseException]) -> None:
    logging.getLogger("asyncio").setLevel(logging.CRITICAL)
    with serving(PAGE) as base_url:
        count = _Stop(0, kind)
        read(base_url, count)
        assert count.lines > 1_000
        leaks = []
        for step in range(STEPS):
            at = 1 + (step * 2 + 1) * count.lines // (STEPS * 2)
            try:
                read(base_url, _Stop(at, kind))
            except BaseException as error:  # noqa: BLE001 - of every kind
                shown = showing.errors(error, below=__file__)
                leaks += [at] if KEY in shown or "c0ffee" in shown else []
        assert leaks == []


def test_a_recursion_error_shows_no_secret() -> None:
    def deep(levels: int, act: Callable[[], object]) -> None:
        if levels:
            deep(levels - 1, act)
        else:
            act()

    limit = sys.getrecursionlimit()
    met = 0
    with serving(PAGE) as base_url, Client(KEY, base_url=base_url, rate_limit=None, retries=0) as client:
        list(client.list_calls())
        for levels in range(limit - 250, limit - 20, 6):
            try:
                deep(levels, lambda: list(client.list_calls()))
            except RecursionError as error:
                met += 1
                shown = showing.errors(error, below=__file__)
                assert KEY not in shown
                assert "c0ffee" not in shown
            except VoxCallsError:
                pass
    assert met > 3


def test_calls_and_pages_show_no_secret() -> None:
    with serving(PAGE) as base_url, Client(KEY, base_url=base_url, rate_limit=None) as client:
        calls = client.list_calls()
        (read,) = calls.pages()
        shown = showing.objects(read.items[0], read, read.items, calls, client, [read.items[0].recording_url])
        assert RECORDING not in shown
        assert "c0ffee" not in shown
        assert KEY not in shown
        out = io.StringIO()
        rich.console.Console(file=out, width=300).print(read)
        assert "01099998888" not in out.getvalue()
        assert "id='0'" in out.getvalue()
    assert str(read.items[0].recording_url) == RECORDING
    assert read.items[0].to_dict()["recording_url"] == RECORDING


def test_a_transport_error_keeps_its_frames() -> None:
    with (
        serving(b"") as base_url,
        Client(KEY, base_url=base_url, retries=0) as client,
        pytest.raises(vox_calls.TransportError) as caught,
    ):
        list(client.list_calls())
    cause = caught.value.__cause__
    assert cause is not None
    assert cause.__traceback__ is not None
    names = set()
    inner: Any = cause.__traceback__
    while inner:
        names.add(inner.tb_frame.f_globals["__name__"].partition(".")[0])
        inner = inner.tb_next
    assert "httpx" in names


def test_an_error_the_caller_was_handling_keeps_its_locals() -> None:
    def work() -> None:
        mine = "kept"  # noqa: F841 - looked for below
        raise ValueError

    with serving(b"") as base_url, Client(KEY, base_url=base_url, retries=0) as client:
        try:
            work()
        except ValueError as own:
            with pytest.raises(vox_calls.TransportError):
                list(client.list_calls())
            inner = own.__traceback__
    assert inner is not None
    assert inner.tb_next is not None
    assert inner.tb_next.tb_frame.f_locals == {"mine": "kept"}


FORGED = "\x1b[2J\n2026 CRITICAL forged\u202e"


def test_server_texts_are_escaped_in_messages_and_logs(caplog: pytest.LogCaptureFixture) -> None:
    envelope = (
        b'{"error": {"code": "C\\u001b[0m'
        + b"x" * 1_000_000
        + b'", "message": "\\u001b[2J\\n2026 CRITICAL forged\\u202e"}}'
    )
    with (
        caplog.at_level(logging.DEBUG, logger="vox_calls"),
        serving(http(envelope, "503 Service Unavailable\r\nRetry-After: 6")) as base_url,
        Client(KEY, base_url=base_url, retries=1) as client,
    ):
        client._sleep = lambda _: None
        with pytest.raises(ServerError) as caught:
            list(client.list_calls())
    error = caught.value
    assert error.message == FORGED
    assert len(error.code or "") > 1_000_000
    assert len(str(error)) < 1_000
    for text in (str(error), repr(error), caplog.text.rstrip("\n")):
        assert text.isprintable() or text.count("\n") == caplog.text.rstrip("\n").count("\n")
        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "\n2026" not in text
    assert "\\x1b[2J\\n2026 CRITICAL forged\\u202e" in str(error)
    assert "forged" in caplog.text
