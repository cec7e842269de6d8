"""Client.request: one authorised request for tools, rate-limited and retried, and no key in what it returns."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import Any

import httpx
import pytest

import showing
from vox_calls import AsyncClient, BadRequestError, Client, InvalidQueryError, RateLimit, ServerError, TransportError
from vox_calls_tools.sandbox import Sandbox, Script, Settings, Step, make_key

PATH = "/v3/calls"


def get_sync(sandbox: Sandbox, params: Mapping[str, str] | None = None, **options: Any) -> httpx.Response:
    accept = options.pop("accept", (200,))
    with Client(sandbox.api_key, base_url=sandbox.base_url, **options) as client:
        return client.request(PATH, params, accept=accept)


def get_async(sandbox: Sandbox, params: Mapping[str, str] | None = None, **options: Any) -> httpx.Response:
    async def main() -> httpx.Response:
        accept = options.pop("accept", (200,))
        async with AsyncClient(sandbox.api_key, base_url=sandbox.base_url, **options) as client:
            return await client.request(PATH, params, accept=accept)

    return asyncio.run(main())


@pytest.fixture(params=[get_sync, get_async])
def get(request: pytest.FixtureRequest) -> Any:
    return request.param


def failing(*steps: Step | None) -> Sandbox:
    return Sandbox(settings=Settings(make_key(), windows=(), faults=Script([*steps])))


def test_a_response_comes_whole_with_its_headers(get: Any, sandbox: Sandbox) -> None:
    response = get(sandbox, {"limit": "3"})
    assert response.status_code == 200
    assert len(response.json()["items"]) == 3
    assert response.headers["Date"]


def test_a_response_does_not_hold_the_key(get: Any, sandbox: Sandbox) -> None:
    response = get(sandbox)
    assert "authorization" not in response.request.headers
    assert sandbox.api_key not in showing.objects(response, response.request, response.request.headers.raw)


def test_transient_failures_are_retried(get: Any) -> None:
    with failing(Step(status=503), Step(fault="reset"), None) as sandbox:
        assert get(sandbox).status_code == 200


def test_a_status_is_an_error_unless_it_is_accepted(get: Any) -> None:
    with failing(Step(status=400, json={"error": {"code": "X", "message": "m"}}), Step(status=400)) as sandbox:
        with pytest.raises(BadRequestError) as caught:
            get(sandbox)
        assert (caught.value.code, caught.value.path) == ("X", PATH)
        assert get(sandbox, accept=(200, 400)).status_code == 400


def test_an_accepted_status_is_not_retried(get: Any) -> None:
    with failing(Step(status=503), Step(status=503)) as sandbox:
        assert get(sandbox, accept=(503,)).status_code == 503
        with pytest.raises(ServerError):
            get(sandbox, retries=0)


def test_requests_count_against_the_rate_limit(sandbox: Sandbox) -> None:
    limit = RateLimit(per_second=1, per_minute=100)
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=limit) as client:
        began = time.monotonic()
        client.request(PATH)
        client.request(PATH)
    assert time.monotonic() - began >= 1.0


def test_no_answer_is_a_transport_error(get: Any) -> None:
    with failing(Step(fault="reset"), Step(fault="reset")) as sandbox, pytest.raises(TransportError):
        get(sandbox, retries=0)


@pytest.mark.parametrize("path", ["@127.0.0.1:9/x", ".evil.example/x", "v3/calls", "", "https://evil.example/"])
def test_a_path_cannot_lead_to_another_host(path: str, sandbox: Sandbox) -> None:
    with Client(sandbox.api_key, base_url=sandbox.base_url) as client, pytest.raises(InvalidQueryError, match="slash"):
        client.request(path)
