"""Creating, sharing and closing clients, and keeping the key secret."""

from __future__ import annotations

import asyncio
import gzip
import json
import pickle
import threading
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest

import vox_calls
from conftest import Read
from scripted import page
from vox_calls import (
    AsyncCalls,
    AsyncClient,
    Client,
    ClientClosedError,
    ConfigurationError,
    RateLimit,
    TransportError,
    _connection,
)
from vox_calls_tools.sandbox import Sandbox, Settings, make_key

KEY = "vox_live_0123456789abcdef"
CLIENTS = [Client, AsyncClient]


def served(answer: Callable[[httpx.Request], httpx.Response], **options: Any) -> Client:
    return Client(KEY, http_client=httpx.Client(transport=httpx.MockTransport(answer)), **options)


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("key", [None, "", "   "])
def test_a_missing_key_names_the_environment_variable(
    client: type[Any], key: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("VOX_API_KEY", raising=False)
    with pytest.raises(ConfigurationError, match="VOX_API_KEY"):
        client(key)


@pytest.mark.parametrize("key", [5, b"bytes", ["key"]])
def test_a_key_that_is_not_a_string_is_rejected(key: Any) -> None:
    with pytest.raises(ConfigurationError, match="not a string"):
        Client(key)


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "키", "a\x00b"])
def test_an_invalid_key_is_rejected_without_showing_it(key: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Client(key)
    assert key not in str(caught.value)


def test_arguments_override_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOX_API_KEY", f" {KEY}\n")
    monkeypatch.setenv("VOX_BASE_URL", "https://env.example")
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return page()

    http = httpx.Client(transport=httpx.MockTransport(answer))
    list(Client(http_client=http).list_calls())
    list(Client("other", base_url="https://passed.example", http_client=http).list_calls())

    assert [(request.url.host, request.headers["authorization"]) for request in seen] == [
        ("env.example", f"Bearer {KEY}"),
        ("passed.example", "Bearer other"),
    ]


@pytest.mark.parametrize(
    ("base_url", "sent_to"),
    [
        (None, "https://client-api.tryvox.co/v3/calls"),
        ("https://client-api.tryvox.co/", "https://client-api.tryvox.co/v3/calls"),
        ("https://client-api.tryvox.co/v3", "https://client-api.tryvox.co/v3/calls"),
        ("https://client-api.tryvox.co/v3/", "https://client-api.tryvox.co/v3/calls"),
        ("https://proxy.example/vox", "https://proxy.example/vox/v3/calls"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/v3/calls"),
        ("http://localhost:8000/v3", "http://localhost:8000/v3/calls"),
        ("http://[::1]:8000", "http://[::1]:8000/v3/calls"),
    ],
)
def test_a_base_url_may_end_in_the_version(base_url: str | None, sent_to: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("VOX_BASE_URL", raising=False)
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(str(request.url.copy_with(query=None)))
        return page()

    list(served(answer, base_url=base_url).list_calls())
    assert seen == [sent_to]


@pytest.mark.parametrize(
    "base_url",
    [
        "http://client-api.tryvox.co",
        "http://127.0.0.1.example.com",
        "ftp://127.0.0.1",
        "client-api.tryvox.co",
        "https://",
        "https://user:secret@client-api.tryvox.co",
        "https://client-api.tryvox.co?x=1",
        "http://[",
        "/v3",
        "https://client-api.tryvox.co/v3?",
        "https://client-api.tryvox.co/v3#",
        "https://xn--/",
        "https://\ud800",
    ],
)
def test_a_base_url_is_https_or_loopback(base_url: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Client(KEY, base_url=base_url)
    assert "secret" not in str(caught.value)


def test_loopback_bypasses_the_proxy(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with Client(sandbox.api_key, base_url=sandbox.base_url, retries=0) as client:
        assert len(list(client.list_calls(max_items=1))) == 1
    with (
        Client(KEY, base_url="https://client-api.example", retries=0) as client,
        pytest.raises(TransportError, match="refused"),
    ):
        list(client.list_calls())


def test_redirects_are_not_followed_with_the_key() -> None:
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.host)
        return httpx.Response(307, headers={"location": "https://elsewhere.example/"})

    with pytest.raises(vox_calls.ApiError) as caught:
        list(
            Client(
                KEY, http_client=httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=True)
            ).list_calls()
        )
    assert caught.value.status_code == 307
    assert seen == ["client-api.tryvox.co"]


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    "options",
    [{"rate_limit": 5}, {"retries": -1}, {"retries": "x"}, {"retries": True}, {"http_client": 5}],
)
def test_invalid_client_options_are_rejected_by_name(client: type[Any], options: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(options))):
        client(KEY, **options)


def test_an_async_http_client_is_rejected_by_the_sync_client() -> None:
    with pytest.raises(ConfigurationError, match=r"httpx\.Client"):
        Client(KEY, http_client=httpx.AsyncClient())  # type: ignore[arg-type] # on purpose


@pytest.mark.parametrize("kind", ["json", "escaped", "html", "gzip", "header"])
def test_a_key_echoed_by_the_server_is_redacted(kind: str) -> None:
    def answer(request: httpx.Request) -> httpx.Response:
        sent = request.headers["authorization"]
        if kind == "json":
            return httpx.Response(
                401, json={"error": {"code": "X", "message": f"bad: {sent}", "details": {sent: [sent]}}}
            )
        if kind == "escaped":
            text = json.dumps({"error": {"code": sent, "message": f"bad: {sent}", "details": None}})
            return httpx.Response(401, content=text.replace("_", "\\u005f"))
        if kind == "header":
            return httpx.Response(401, headers={"x-request-id": sent}, content=sent.encode())
        body = f"<h1>401</h1> {sent}".encode()
        if kind == "gzip":
            return httpx.Response(401, content=gzip.compress(body), headers={"content-encoding": "gzip"})
        return httpx.Response(401, content=body)

    with pytest.raises(vox_calls.AuthenticationError) as caught:
        list(served(answer).list_calls())
    assert "Bearer ***" in str(caught.value)
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert KEY not in shown + repr(vars(caught.value)) + repr(pickle.dumps(caught.value))


def test_a_cursor_too_long_for_a_url_is_a_transport_error() -> None:
    cursor = "x" * 100_000
    calls = served(lambda _: page("a", cursor=cursor)).list_calls()
    ids: list[str] = []
    with pytest.raises(TransportError, match="cannot be written") as caught:
        ids.extend(call.id for call in calls)
    assert caught.value.cursor == calls.cursor == cursor
    assert caught.value.attempts == 1


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("ALL_PROXY", "socks5://user:secret@127.0.0.1:9"),
        ("HTTPS_PROXY", "foo:bar://"),
        ("HTTPS_PROXY", "http://a:secret:c"),
        ("SSL_CERT_FILE", "/nowhere"),
    ],
)
def test_invalid_proxy_and_tls_variables_are_named(
    client: type[Any], name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError, match=name) as caught:
        client(KEY, base_url="https://client-api.example")
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize("client", CLIENTS)
def test_repr_and_pickle_of_a_client_never_show_the_key(client: type[Any]) -> None:
    made = client(KEY)
    assert KEY not in repr(made) + str(made) + repr(vars(made))
    with pytest.raises(TypeError) as caught:
        pickle.dumps(made)
    assert KEY not in str(caught.value)


def test_a_wrong_key_is_an_authentication_error(sandbox: Sandbox, read: Read) -> None:
    stranger = Sandbox.__new__(Sandbox)
    stranger.api_key, stranger.base_url = KEY, sandbox.base_url
    with pytest.raises(vox_calls.AuthenticationError) as caught:
        read(stranger)
    assert caught.value.code == "UNAUTHORIZED"
    assert caught.value.cursor is None
    assert KEY not in str(caught.value)


def test_no_server_is_a_transport_error_that_names_it(read: Read) -> None:
    nobody = Sandbox.__new__(Sandbox)
    nobody.api_key, nobody.base_url = KEY, "http://127.0.0.1:9"
    with pytest.raises(TransportError, match=r"127\.0\.0\.1:9"):
        read(nobody)


def test_nothing_is_sent_before_iteration() -> None:
    seen: list[httpx.Request] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request)
        return page("a", cursor=f"after {len(seen)}")

    calls = iter(served(answer).list_calls(page_size=1))
    assert seen == []
    next(calls)
    assert len(seen) == 1
    next(calls)
    assert len(seen) == 2


def test_calls_can_be_iterated_again_from_the_start(sandbox: Sandbox) -> None:
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        calls = client.list_calls(status="error", max_items=150)
        before = calls.cursor
        assert before is None
        first = [call.id for call in calls]
        cursor = calls.cursor
        assert cursor is not None
        assert [call.id for call in calls] == first
        assert [call.id for page_ in calls.pages() for call in page_.items] == first
        assert calls.cursor == cursor


def test_pages_over_a_socket(sandbox: Sandbox, calls: list[dict[str, Any]]) -> None:
    async def read_pages() -> list[tuple[int, int]]:
        async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
            return [(len(each.items), each.total_count) async for each in client.list_calls().pages()]

    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        blocking = [(len(each.items), each.total_count) for each in client.list_calls().pages()]
    assert blocking == [(100, len(calls))] * (len(calls) // 100)
    assert asyncio.run(read_pages()) == blocking


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"prefetch": 1},
    ],
)
@pytest.mark.parametrize("by", [aiter, AsyncCalls.pages])
def test_an_abandoned_async_iteration_logs_no_loop_error(
    sandbox: Sandbox, arguments: Any, by: Callable[[AsyncCalls], AsyncIterator[object]]
) -> None:
    noises: list[object] = []
    kept: list[object] = []

    async def leave() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: noises.append(context))
        async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
            reading = by(client.list_calls(page_size=10, **arguments))
            kept.extend([reading, await anext(reading)])
            await asyncio.sleep(0.1)  # the prefetched page has arrived by then

    asyncio.run(leave())
    assert (len(kept), noises) == (2, [])


def test_a_closed_client_raises_client_closed() -> None:
    with Client(KEY) as client:
        calls = client.list_calls()
    with pytest.raises(ClientClosedError):
        list(calls)
    with pytest.raises(ClientClosedError):
        list(client.list_calls())

    async def closed() -> None:
        async with AsyncClient(KEY) as client:
            calls = client.list_calls()
        async for _ in calls:
            raise AssertionError

    with pytest.raises(ClientClosedError):
        asyncio.run(closed())


def test_closing_leaves_the_callers_http_client_open() -> None:
    own = httpx.Client(transport=httpx.MockTransport(lambda _: page("a")))
    with Client(KEY, http_client=own) as client:
        assert len(list(client.list_calls())) == 1
    assert not own.is_closed
    own.close()


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize("timeout", [0, -1, "x", None, True, float("inf"), float("nan")])
def test_a_timeout_of_none_is_rejected(client: type[Any], timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout takes seconds"):
        client(KEY, timeout=timeout)


def test_calls_cannot_be_pickled() -> None:
    with Client(KEY) as client, pytest.raises(TypeError, match="keep the arguments and the cursor instead"):
        pickle.dumps(client.list_calls())


def test_the_timeout_is_finite_and_configurable() -> None:
    with Client(KEY) as usual, Client(KEY, timeout=1.5) as chosen:
        assert None not in usual._connection.http.timeout.as_dict().values()
        assert chosen._connection.http.timeout == httpx.Timeout(1.5)


def test_a_slow_server_is_a_transport_error() -> None:
    with Sandbox(settings=Settings(make_key(), latency=2.0)) as slow:
        client = Client(slow.api_key, base_url=slow.base_url, timeout=0.05, retries=0)
        with client, pytest.raises(TransportError, match="timed out"):
            list(client.list_calls())


def test_the_default_rate_limit_never_meets_a_429(calls: list[dict[str, Any]]) -> None:
    with (
        Sandbox(calls[:1_100]) as limited,
        Client(limited.api_key, base_url=limited.base_url, retries=0) as client,
    ):
        assert sum(1 for _ in client.list_calls()) == 1_100


def test_without_a_rate_limit_a_429_is_retried(calls: list[dict[str, Any]]) -> None:
    with (
        Sandbox(calls[:700]) as limited,
        Client(limited.api_key, base_url=limited.base_url, rate_limit=None) as client,
    ):
        assert sum(1 for _ in client.list_calls()) == 700
    with (
        Sandbox(calls[:700]) as limited,
        Client(limited.api_key, base_url=limited.base_url, rate_limit=None, retries=0) as client,
    ):
        seen = client.list_calls()
        ids: list[str] = []
        with pytest.raises(vox_calls.RateLimitError) as caught:
            ids.extend(call.id for call in seen)
        assert caught.value.retry_after == 1.0
        assert caught.value.cursor == seen.cursor is not None


def test_threads_may_share_a_client(sandbox: Sandbox) -> None:
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=RateLimit(1_000, 100_000)) as client:
        expected = [call.id for call in client.list_calls(max_items=500)]
        results: list[list[str]] = []

        def work() -> None:
            results.append([call.id for call in client.list_calls(max_items=500)])

        threads = [threading.Thread(target=work) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert results == [expected] * 6


def test_leaving_an_iteration_leaks_nothing(sandbox: Sandbox) -> None:
    before = {*threading.enumerate()}
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        calls = client.list_calls()
        for number, _ in enumerate(calls):
            if number == 120:
                break
        rest = sum(1 for _ in client.list_calls(cursor=calls.cursor))
        assert rest == 3_000 - 100
        pool = client._connection.http._transport._pool  # type: ignore[attr-defined] # nothing public shows it
        assert all(connection.is_idle() for connection in pool.connections)
    assert {*threading.enumerate()} <= before


def test_closing_during_a_request_raises_client_closed() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        client._connection.http.close()
        raise RuntimeError("Cannot send a request, as the client has been closed.")

    client = served(answer)
    with pytest.raises(ClientClosedError, match="closed while it was in use"):
        list(client.list_calls())


def test_an_error_of_a_custom_transport_is_not_wrapped() -> None:
    def answer(_: httpx.Request) -> httpx.Response:
        raise RuntimeError("a mistake of its own")

    with pytest.raises(RuntimeError, match="a mistake of its own"):
        list(served(answer).list_calls())


def test_threads_that_send_first_share_one_pool(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[object] = []
    real = _connection.open_http

    def counting(*args: Any, **kwargs: Any) -> Any:
        opened.append(args)
        return real(*args, **kwargs)

    monkeypatch.setattr(_connection, "open_http", counting)
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        barrier = threading.Barrier(8)

        def read() -> None:
            barrier.wait()
            list(client.list_calls(max_items=10))

        threads = [threading.Thread(target=read) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(client._connection._each) == 1
    assert len(opened) <= 8
