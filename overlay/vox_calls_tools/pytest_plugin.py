"""Fixtures for tests of code that reads calls. pytest finds them by itself wherever this package is installed.

    def test_the_report_counts_missed_calls(vox_sandbox):
        vox_sandbox.add(status="not_connected")
        assert report.missed() == 1  # whose vox_calls.Client() meets the sandbox

They need the extra `sandbox`; without it they are there, and say so when they are used.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    import vox_calls
    from vox_calls_tools.sandbox import Sandbox, VoxSandbox


@pytest.fixture(scope="session")
def vox_sandbox_server() -> Iterator[Sandbox]:
    """A running vox_calls_tools.sandbox.Sandbox, one for the session, on a port and with a key of its own."""
    try:
        from vox_calls_tools.sandbox import (
            Sandbox,
            Settings,
            make_key,
        )
    except ModuleNotFoundError as error:
        pytest.fail(str(error), pytrace=False)
    with Sandbox(settings=Settings(make_key(), windows=())) as server:
        yield server


@pytest.fixture
def vox_sandbox(vox_sandbox_server: Sandbox) -> Iterator[VoxSandbox]:
    """An empty `vox_calls_tools.sandbox.VoxSandbox` for this test; VOX_BASE_URL and VOX_API_KEY point to it."""
    from vox_calls.toolkit import API_KEY_VARIABLE, BASE_URL_VARIABLE
    from vox_calls_tools.sandbox import VoxSandbox

    # A context of its own, which a test that undoes its monkeypatch leaves alone.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(BASE_URL_VARIABLE, vox_sandbox_server.base_url)
        environment.setenv(API_KEY_VARIABLE, vox_sandbox_server.api_key)
        yield VoxSandbox(vox_sandbox_server)


@pytest.fixture
def vox_client(vox_sandbox: VoxSandbox) -> Iterator[vox_calls.Client]:
    """A vox_calls.Client of this test's sandbox, which is closed afterwards. It does not pace itself."""
    from vox_calls import Client

    with Client(vox_sandbox.api_key, base_url=vox_sandbox.base_url, rate_limit=None) as client:
        yield client
