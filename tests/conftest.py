"""A sandbox with known calls, and a fixture that reads from it with each driver."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import httpx
import hypothesis
import pytest
import trio

import vox_calls
from vox_calls_tools.sandbox import Sandbox, Settings, make_key, synthetic_calls

pytest_plugins = ["time_limit"]

# The developer's environment must not affect the tests.
for name in list(os.environ):
    if (
        name.startswith("VOX_")
        or name.upper().endswith("_PROXY")
        or name in {"FORCE_COLOR", "NO_COLOR", "COLUMNS", "LINES", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLORTERM"}
    ):
        del os.environ[name]

# A background job of a shell ignores SIGINT, and so would all its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# Machines differ in speed.
hypothesis.settings.register_profile("patient", deadline=None)
hypothesis.settings.load_profile("patient")

NOW = datetime(2026, 11, 23, 3, 0, tzinfo=UTC)
CALLS = 3_000


@attrs.define
class Reading:
    """The result of one iteration: the calls, the URLs requested, and the resume cursor."""

    calls: list[vox_calls.Call]
    requests: list[httpx.URL]
    cursor: str | None

    @property
    def ids(self) -> list[str]:
        return [call.id for call in self.calls]


Read = Callable[..., Reading]


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--installed", action="store_true", help="test only an installed package")


def pytest_configure(config: pytest.Config) -> None:
    where = Path(vox_calls.__file__)
    if config.getoption("installed") and "site-packages" not in where.parts:
        raise pytest.UsageError(f"vox_calls comes from {where}, and is not installed")


@pytest.fixture(scope="session")
def calls() -> list[dict[str, Any]]:
    """The sandbox's calls as JSON, oldest first."""
    return list(synthetic_calls(CALLS, seed=7, until=NOW))


@pytest.fixture(scope="session")
def sandbox(calls: list[dict[str, Any]]) -> Iterator[Sandbox]:
    """A shared sandbox without rate limits; tests must not change it."""
    with Sandbox(calls, settings=Settings(make_key(), windows=())) as running:
        yield running


@pytest.fixture
def empty_sandbox() -> Iterator[Sandbox]:
    """A new sandbox without calls and rate limits."""
    with Sandbox(settings=Settings(make_key(), windows=())) as running:
        yield running


@pytest.fixture(params=["sync", "asyncio", "trio"])
def read(request: pytest.FixtureRequest) -> Read:
    """Read calls from a sandbox with each driver: `read(sandbox, status="ended")`."""
    return {"sync": read_sync, "asyncio": read_asyncio, "trio": read_trio}[request.param]


def read_sync(sandbox: Sandbox, **filters: Any) -> Reading:
    requests: list[httpx.URL] = []
    with (
        httpx.Client(event_hooks={"request": [lambda request: requests.append(request.url)]}) as http,
        vox_calls.Client(
            sandbox.api_key, base_url=sandbox.base_url, rate_limit=None, retries=0, http_client=http
        ) as client,
    ):
        calls = client.list_calls(**filters)
        return Reading(list(calls), requests, calls.cursor)


async def read_async(sandbox: Sandbox, **filters: Any) -> Reading:
    requests: list[httpx.URL] = []

    async def seen(request: httpx.Request) -> None:
        requests.append(request.url)

    async with (
        httpx.AsyncClient(event_hooks={"request": [seen]}) as http,
        vox_calls.AsyncClient(
            sandbox.api_key, base_url=sandbox.base_url, rate_limit=None, retries=0, http_client=http
        ) as client,
    ):
        calls = client.list_calls(**filters)
        return Reading([call async for call in calls], requests, calls.cursor)


def read_asyncio(sandbox: Sandbox, **filters: Any) -> Reading:
    return asyncio.run(read_async(sandbox, **filters))


def read_trio(sandbox: Sandbox, **filters: Any) -> Reading:
    async def main() -> Reading:
        return await read_async(sandbox, **filters)

    return trio.run(main)
