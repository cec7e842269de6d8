"""Bodies as servers send them: compressed in any way, without bounds, and byte by byte."""

from __future__ import annotations

import asyncio
import gzip
import json
import time
import tracemalloc
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from raw_server import http, serving
from scripted import call, page
from vox_calls import AsyncClient, Client, InvalidResponseError, TransportError, _body

PAGE = page(*(str(number) for number in range(3))).content


def read_sync(base_url: str, **options: Any) -> list[str]:
    with Client("key", base_url=base_url, rate_limit=None, **options) as client:
        return [each.id for each in client.list_calls()]


def read_async(base_url: str, **options: Any) -> list[str]:
    async def main() -> list[str]:
        async with AsyncClient("key", base_url=base_url, rate_limit=None, **options) as client:
            return [each.id async for each in client.list_calls()]

    return asyncio.run(main())


@pytest.fixture(params=[read_sync, read_async])
def read(request: pytest.FixtureRequest) -> Callable[..., list[str]]:
    reader: Callable[..., list[str]] = request.param
    return reader


def coded(coding: str, body: bytes) -> bytes:
    return http(body, f"200 OK\r\nContent-Encoding: {coding}")


@pytest.mark.parametrize(
    "answer",
    [
        coded("gzip", gzip.compress(PAGE)),
        coded("x-gzip", gzip.compress(PAGE)),
        coded("GZIP", gzip.compress(PAGE[:50]) + gzip.compress(PAGE[50:])),
        coded("deflate", zlib.compress(PAGE)),
        coded("identity", PAGE),
    ],
    ids=["gzip", "x-gzip", "two members", "deflate", "identity"],
)
def test_a_body_is_read_however_it_is_compressed(answer: bytes, read: Callable[..., list[str]]) -> None:
    with serving(answer) as base_url:
        assert read(base_url, retries=0) == ["0", "1", "2"]


def test_an_unknown_coding_is_named_and_not_retried(read: Callable[..., list[str]]) -> None:
    with serving(coded("br", b"\x0b\x02\x80")) as base_url, pytest.raises(TransportError, match=r"\(br\)") as caught:
        read(base_url)
    assert caught.value.attempts == 1


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    block = b" " * 1_000_000
    return b"".join([packer.compress(block) for _ in range(size // len(block))]) + packer.flush()


def test_a_bomb_is_not_unpacked(read: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_body, "MOST_BYTES", 5_000_000)
    with serving(coded("gzip", bomb(1_000_000_000))) as base_url:
        tracemalloc.start()
        try:
            with pytest.raises(TransportError, match="larger than 5,000,000 bytes") as caught:
                read(base_url)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert caught.value.attempts == 1
    assert peak < 50_000_000


@pytest.mark.parametrize(
    "body", [gzip.compress(PAGE)[:-9], gzip.compress(PAGE)[:40] + b"x" * 40], ids=["cut short", "garbled"]
)
def test_a_damaged_body_is_retried_and_told(body: bytes, read: Callable[..., list[str]]) -> None:
    with serving(coded("gzip", body)) as base_url, pytest.raises(TransportError) as caught:
        read(base_url, retries=1)
    assert caught.value.attempts == 2


def test_a_body_that_drips_is_given_up(read: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_body, "MOST_SECONDS", 0.5)

    def drip() -> Iterator[bytes]:
        yield http(b"", length=len(PAGE))
        for position in range(len(PAGE)):
            time.sleep(0.1)
            yield PAGE[position : position + 1]

    with serving(drip) as base_url:
        began = time.monotonic()
        with pytest.raises(TransportError, match="not complete after"):
            read(base_url, retries=0)
        assert time.monotonic() - began < 2.0


@pytest.mark.parametrize("item", [0, call("a")])
def test_a_page_of_a_million_items_is_rejected_at_once(item: object, read: Callable[..., list[str]]) -> None:
    body = json.dumps({"items": [item] * (1_000_001 if item == 0 else 2_000), "total_count": 1, "next_cursor": None})
    with serving(http(body.encode())) as base_url:
        began = time.monotonic()
        with pytest.raises(InvalidResponseError, match="where at most 100 were asked for"):
            read(base_url, retries=0)
        assert time.monotonic() - began < 5.0
