"""The key and recording URLs appear in no repr, pickle, log record, warning or traceback with locals."""

from __future__ import annotations

import asyncio
import copy
import logging
import pickle
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import pytest

from raw_server import KEY, RECORDING, http, serving
from scripted import call, page
from vox_calls import AsyncClient, Call, Client, ConfigurationError, InvalidResponseError, VoxCallsError, enums
from vox_calls._connection import Bearer
from vox_calls_tools.sandbox import Sandbox

RECORDED = call("a", recording_url=RECORDING)


def sync(base_url: str) -> None:
    with Client(KEY, base_url=base_url, retries=1, rate_limit=None) as client:
        list(client.list_calls())


def awaiting(base_url: str) -> None:
    async def main() -> None:
        async with AsyncClient(KEY, base_url=base_url, retries=1, rate_limit=None) as client:
            async for _ in client.list_calls():
                pass

    asyncio.run(main())


WHOLE = page(RECORDED, cursor="c").content
FAULTS = {
    "hangs up": b"",
    "no http": KEY.encode(),
    "malformed status": f"HTTP/1.1 {KEY}\r\n\r\n".encode(),
    "cut short": http(WHOLE[:-9], length=len(WHOLE)),
    "not json": http(WHOLE[:-9]),
    "bad cursor": http(page(RECORDED, cursor="").content),
    "cursor again": http(WHOLE),
    "bad item": http(page(RECORDED, call("b", recording_url=RECORDING, start_at="x")).content),
    "no page": http(b'{"items": 5, "x": "' + RECORDING.encode() + b'"}'),
    "refused": http(
        b'{"error": {"code": "' + KEY.encode() + b'", "message": "' + KEY.encode() + b'"}}', "401 Unauthorized"
    ),
    "redirected": http(b"", "302 Found\r\nLocation: http://127.0.0.1:9/"),
    "gateway": http(KEY.encode(), "502 Bad Gateway"),
    "encoding": http(b"not gzip", "200 OK\r\nContent-Encoding: gzip"),
}


@pytest.mark.parametrize("read", [sync, awaiting])
@pytest.mark.parametrize("fault", FAULTS)
def test_no_failure_shows_a_secret(fault: str, read: Callable[[str], None], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with warnings.catch_warnings(record=True) as warned, serving(FAULTS[fault]) as base_url:
        warnings.simplefilter("always")
        with pytest.raises(VoxCallsError) as caught:
            read(base_url)
    error = caught.value
    told = [
        "".join(traceback.TracebackException.from_exception(error, capture_locals=True).format()),
        f"{error} {error!r} {error.__cause__!r} {error.__context__!r}",
        # httpcore logs at DEBUG what a non-HTTP server sends: the client did not leak this key.
        caplog.text if fault != "malformed status" else "",
        *(str(one.message) for one in warned),
    ]
    if not isinstance(error, InvalidResponseError):  # its `raw` is what the server sent
        told += [repr(vars(error)), repr(pickle.loads(pickle.dumps(error)).__dict__)]
    shown = "\n".join(told)
    assert "HTTP Request" in caplog.text or fault in {"hangs up", "no http", "malformed status", "cut short"}
    assert "c0ffee" not in shown
    assert KEY not in shown


def test_an_interruption_shows_no_secret() -> None:
    with serving(http(WHOLE)) as base_url, Client(KEY, base_url=base_url) as client:

        def interrupt(_: Any) -> None:
            raise KeyboardInterrupt

        client._connection.http.event_hooks = {"response": [interrupt]}
        with pytest.raises(KeyboardInterrupt) as caught:
            list(client.list_calls())
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert KEY not in shown
    assert "c0ffee" not in shown


def test_pickles_drop_recording_urls_and_copies_keep_them() -> None:
    made = Call.from_dict({**RECORDED, "unheard_of": 1})
    pickled = pickle.dumps(made)
    assert b"c0ffee" not in pickled
    twin = pickle.loads(pickled)
    assert (twin.recording_url, twin.to_dict()["recording_url"]) == (None, None)
    assert (twin.id, twin.agent, twin.additional_properties) == (made.id, made.agent, {"unheard_of": 1})
    for other in (copy.copy(made), copy.deepcopy(made)):
        assert other == made
        assert other.to_dict() == made.to_dict() == {**RECORDED, "unheard_of": 1}
    assert copy.deepcopy(made).agent is not made.agent


def test_no_repr_shows_a_secret(sandbox: Sandbox) -> None:
    with Client(sandbox.api_key, base_url=sandbox.base_url) as client:
        calls = client.list_calls(max_items=100)
        pages = list(calls.pages())
        shown = repr([client, vars(client), calls, vars(calls), pages, client._runtime])
    assert sandbox.api_key not in shown
    assert "recordings" not in shown
    assert any(one.recording_url for one in pages[0].items)


def test_normal_operation_logs_nothing(sandbox: Sandbox, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), Client(sandbox.api_key, base_url=sandbox.base_url) as client:
        assert sum(1 for _ in client.list_calls(max_items=200)) == 200
    assert {record.name.partition(".")[0] for record in caplog.records} <= {"httpx", "httpcore", "asyncio"}
    assert sandbox.api_key not in caplog.text
    assert enums.logger.name == "vox_calls"


@pytest.mark.parametrize("arguments", [{"api_key": f"{KEY} {KEY}"}, {"api_key": KEY, "base_url": "http://a.b"}])
@pytest.mark.parametrize("kind", [Client, AsyncClient])
def test_a_failed_construction_does_not_show_the_key(kind: type[Any], arguments: dict[str, str]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        kind(**arguments)
    frames = traceback.TracebackException.from_exception(caught.value, capture_locals=True).stack
    inside = [frame for frame in frames if "vox_calls" in frame.filename]
    assert inside
    assert not any(KEY in str(frame.locals) for frame in inside)


def test_the_key_object_cannot_be_pickled() -> None:
    with pytest.raises(TypeError, match="make the client where it is used"):
        pickle.dumps(Bearer(KEY))


CUT = {
    "envelope in a 200": http(b'{"error": {"code": "X", "message": "' + b"x" * 190 + KEY.encode() + b'"}}'),
    "code in a 200": http(b'{"error": {"code": "' + b"x" * 90 + KEY.encode() + b'", "message": "m"}}'),
    "spaces before a cut": http(b" " * 9_985 + KEY.encode() + b" " * 100, "502 Bad Gateway"),
    "spaces in a 200": http(b"<" + b" " * 9_984 + KEY.encode()),
    "coding": http(b"x", f"200 OK\r\nContent-Encoding: {KEY}"),
}


@pytest.mark.parametrize("fault", CUT)
def test_no_cut_leaves_a_part_of_the_key(fault: str) -> None:
    with (
        serving(CUT[fault]) as base_url,
        Client(KEY, base_url=base_url, retries=0) as client,
        pytest.raises(VoxCallsError) as caught,
    ):
        list(client.list_calls())
    assert KEY[:8] not in f"{caught.value!r} {vars(caught.value)}"


@pytest.mark.parametrize("base_url", ["", " ", "https://a b", "http://127.0.0.1:70000", "https://a:0"])
def test_an_invalid_base_url_gets_no_key(base_url: str) -> None:
    with pytest.raises(ConfigurationError):
        Client(KEY, base_url=base_url)
