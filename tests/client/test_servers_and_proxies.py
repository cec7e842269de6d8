"""Real servers and proxies: what they send, and that the error names the culprit and what to do."""

from __future__ import annotations

import asyncio
import email.utils
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from raw_server import http
from scripted import page
from vox_calls import (
    ApiError,
    AsyncClient,
    BadRequestError,
    Client,
    ConfigurationError,
    InvalidResponseError,
    PaginationError,
    ServerError,
    TransportError,
    VoxCallsError,
    pagination,
)


@contextmanager
def serving(
    answer: Callable[[int], bytes], *, tls: ssl.SSLContext | None = None, is_kept: bool = False
) -> Iterator[tuple[str, list[int]]]:
    """A server that answers the n-th connection with these bytes; its URL, and the connections it had.

    It closes each after its answer, or if they are kept, when the next request comes.
    """
    seen: list[int] = []
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    seen.append(len(seen) + 1)
                    with suppress(OSError), connection:
                        stream = tls.wrap_socket(connection, server_side=True) if tls else connection
                        stream.recv(65_536)
                        stream.sendall(answer(seen[-1]))
                        if is_kept:
                            stream.recv(65_536)

        threading.Thread(target=serve, daemon=True).start()
        scheme = "https" if tls else "http"
        yield f"{scheme}://localhost:{listener.getsockname()[1]}", seen
        listener.shutdown(socket.SHUT_RDWR)


def client(base_url: str, **options: Any) -> Client:
    return Client("key", base_url=base_url, rate_limit=None, **options)


def read_fails(url: str, kind: type[VoxCallsError], match: str, **options: Any) -> VoxCallsError:
    """Read all calls; the error that this ends with."""
    with client(url, **options) as reader, pytest.raises(kind, match=match) as caught:
        list(reader.list_calls())
    return caught.value


def test_a_byte_order_mark_is_read() -> None:
    with serving(lambda _: http(b"\xef\xbb\xbf" + page("a").content)) as (url, seen), client(url) as reader:
        assert [call.id for call in reader.list_calls()] == ["a"]
    assert len(seen) == 1


@pytest.mark.parametrize("apart", [-3_600, 0, 3_600])
def test_retry_after_dates_are_of_the_servers_clock(apart: int) -> None:
    def answer(number: int) -> bytes:
        now = datetime.now(UTC) + timedelta(seconds=apart)
        date, later = (email.utils.format_datetime(at, usegmt=True) for at in (now, now + timedelta(seconds=2)))
        busy = http(b"", f"503 Busy\r\nDate: {date}\r\nRetry-After: {later}")
        return busy if number == 1 else http(page("a").content)

    with serving(answer) as (url, _), client(url) as reader:
        began = time.monotonic()
        assert len(list(reader.list_calls())) == 1
        assert 1.0 <= time.monotonic() - began <= 6.0


def test_an_untrusted_certificate_is_tried_once_and_named(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    request = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost"]
    subprocess.run([*request, "-keyout", key, "-out", certificate], check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    with serving(lambda _: http(page("a").content), tls=context) as (url, seen):
        error = read_fails(url, TransportError, r"certificate is not trusted.*SSL_CERT_FILE")
    assert (error.attempts, len(seen)) == (1, 1)


def test_a_proxy_that_rejects_the_login_is_asked_once(monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda _: rejected) as (url, seen):
        monkeypatch.setenv("HTTPS_PROXY", url)
        with client("https://api.example") as reader, pytest.raises(TransportError, match=r"proxy.*407.*HTTPS_PROXY"):
            list(reader.list_calls())
    assert len(seen) == 1


@pytest.mark.parametrize(
    "listed", ["localhost,127.0.0.0/8,::1/128", "[::1]", "::1", "*.internal", ".internal, 10.0.0.0/8", "169.254/16"]
)
def test_any_no_proxy_is_understood(listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    rejected = b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n"
    with serving(lambda _: rejected) as (url, seen):
        monkeypatch.setenv("HTTPS_PROXY", url)
        monkeypatch.setenv("NO_PROXY", listed)
        read_fails("https://api.example", TransportError, "the proxy does not let")
    assert len(seen) == 1


@pytest.mark.parametrize(
    ("listed", "host"),
    [
        ("*", "api.example"),
        ("api.example", "api.example"),
        ("example", "api.example"),
        (".example:443", "api.example"),
        ("other, *.example", "api.example"),
        ("127.0.0.0/8, 192.0.2.0/24", "192.0.2.7"),
        ("[2001:db8::]/32", "[2001:db8::1]"),
    ],
)
def test_no_proxy_keeps_a_host_from_the_proxy(listed: str, host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", listed)
    with client(f"https://{host}", retries=0, timeout=0.3) as reader, pytest.raises(TransportError) as caught:
        list(reader.list_calls())
    assert "proxy" not in str(caught.value)


def test_what_a_server_says_in_place_of_a_page_is_told() -> None:
    sent = b'{"error": {"code": "MAINTENANCE", "message": "Back at nine."}}'
    with serving(lambda _: http(sent)) as (url, _):
        read_fails(url, InvalidResponseError, r"MAINTENANCE: Back at nine\.")
    with serving(lambda _: http(b"<h1>Down for maintenance</h1>")) as (url, _):
        read_fails(url, InvalidResponseError, "it begins: <h1>Down for maintenance</h1>", retries=0)


def test_a_redirect_names_its_target_without_the_query() -> None:
    moved = http(b"", "302 Found\r\nLocation: https://login.example/sso?token=secret")
    with serving(lambda _: moved) as (url, seen):
        error = read_fails(url, ApiError, r"a redirect to https://login\.example/sso, which")
    assert "secret" not in str(error)
    assert len(seen) == 1


def test_a_text_in_place_of_json_shows_no_beginning_of_json() -> None:
    with serving(lambda _: http(b'{"items": [{"summary": "private"')) as (url, _):
        assert "private" not in str(read_fails(url, InvalidResponseError, "not JSON", retries=0))


def test_empty_pages_without_end_are_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pagination, "_MOST_EMPTY", 50)
    with serving(lambda number: http(page(cursor=str(number)).content)) as (url, seen):
        assert read_fails(url, PaginationError, "50 pages without a call").cursor == "50"
    assert len(seen) == 51


def test_errors_of_servers_come_with_their_text() -> None:
    with serving(lambda _: http(b"upstream is down", "503 Down")) as (url, _):
        read_fails(url, ServerError, "upstream is down", retries=0)


@pytest.mark.parametrize(
    "key", ['"vox_live_1"', "'vox_live_1'", "${VOX_API_KEY}", "$VOX_API_KEY", "%VOX_API_KEY%", "<key>"]
)
def test_a_key_in_quotes_or_a_placeholder_is_rejected(key: str) -> None:
    with pytest.raises(ConfigurationError, match="in quotes, or the name of a variable") as caught:
        Client(key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("timeout", [1e10, 10**400, 0, -1, True, "5"])
def test_a_timeout_out_of_range_is_rejected_at_once(timeout: Any) -> None:
    with pytest.raises(ConfigurationError, match="timeout takes seconds"):
        Client("key", timeout=timeout)


@pytest.mark.parametrize("depth", [100, 500, 900, 3_000, 100_000])
def test_details_of_any_depth_are_an_api_error(depth: int) -> None:
    nested = b'{"a":' * depth + b"1" + b"}" * depth
    body = b'{"error": {"code": "X", "message": "m", "details": %s}}' % nested
    with serving(lambda _: http(body, "400 Bad Request")) as (url, _):
        read_fails(url, BadRequestError, "answered 400")


def slow_to_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Client, "_jitter", staticmethod(lambda: 0.999))
    monkeypatch.setattr(AsyncClient, "_jitter", staticmethod(lambda: 0.999))


def test_an_idle_connection_that_was_closed_costs_no_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_to_retry(monkeypatch)
    body = page("a").content
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
    with serving(lambda _: answer, is_kept=True) as (url, connections), client(url) as reader:
        began = time.monotonic()
        for _ in range(3):
            assert [call.id for call in reader.list_calls()] == ["a"]
        assert time.monotonic() - began < 0.3
        assert connections == [1, 2, 3]


def test_an_idle_connection_that_was_closed_costs_no_wait_async(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_to_retry(monkeypatch)
    body = page("a").content
    answer = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)

    async def read(url: str) -> float:
        async with AsyncClient("key", base_url=url, rate_limit=None) as reader:
            began = time.monotonic()
            for _ in range(3):
                assert [call.id async for call in reader.list_calls()] == ["a"]
            return time.monotonic() - began

    with serving(lambda _: answer, is_kept=True) as (url, connections):
        assert asyncio.run(read(url)) < 0.3
        assert connections == [1, 2, 3]


def test_a_lost_new_connection_waits_before_the_retry(monkeypatch: pytest.MonkeyPatch) -> None:
    slow_to_retry(monkeypatch)
    with serving(lambda number: b"" if number == 1 else http(page("a").content)) as (url, connections):
        began = time.monotonic()
        with client(url) as reader:
            assert [call.id for call in reader.list_calls()] == ["a"]
        assert time.monotonic() - began > 0.4
        assert connections == [1, 2]
