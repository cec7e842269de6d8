"""pytest fixtures for testing code that reads calls. Registered automatically when the package is installed.

    def test_report_counts_missed_calls(vox_sandbox):
        vox_sandbox.add(status="not_connected")
        assert report.missed() == 1  # its vox_calls.Client() talks to the sandbox

They need the extra `sandbox`; without it, a test that uses one fails with the command to install it.
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
    """A `vox_calls_tools.sandbox.Sandbox` for the whole session, on a free port and with its own key."""
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
    """An empty `vox_calls_tools.sandbox.VoxSandbox` for one test; sets VOX_BASE_URL and VOX_API_KEY."""
    from vox_calls.toolkit import API_KEY_VARIABLE, BASE_URL_VARIABLE
    from vox_calls_tools.sandbox import VoxSandbox

    # Not the `monkeypatch` fixture: a test that undoes it would lose these variables.
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv(BASE_URL_VARIABLE, vox_sandbox_server.base_url)
        environment.setenv(API_KEY_VARIABLE, vox_sandbox_server.api_key)
        yield VoxSandbox(vox_sandbox_server)


@pytest.fixture
def vox_client(vox_sandbox: VoxSandbox) -> Iterator[vox_calls.Client]:
    """A `vox_calls.Client` for the test's sandbox, without a rate limit. Closed after the test."""
    from vox_calls import Client

    with Client(vox_sandbox.api_key, base_url=vox_sandbox.base_url, rate_limit=None) as client:
        yield client
