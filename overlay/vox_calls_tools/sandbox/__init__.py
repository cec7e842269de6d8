"""A local server that implements the API over a real socket, with synthetic calls, for experiments and tests.

    from datetime import UTC, datetime
    from vox_calls import Client
    from vox_calls_tools.sandbox import Sandbox, synthetic_calls

    with Sandbox(synthetic_calls(1_000, seed=1, until=datetime.now(UTC))) as sandbox:
        with Client(sandbox.api_key, base_url=sandbox.base_url) as client:
            print(sum(1 for call in client.list_calls()))

In tests, use the fixture `vox_sandbox`, which also has calls that progress over time: see `VoxSandbox`.

`ExchangesSandbox` serves the exchanges of `openapi/conformance/` instead, to check a client in any language.

Needs the extra `sandbox`. It listens on loopback only, and keeps nothing after it is closed.
"""

try:
    from vox_calls_tools.sandbox.app import Settings
    from vox_calls_tools.sandbox.errors import MisusedError
    from vox_calls_tools.sandbox.faults import Script, Step, read_script
    from vox_calls_tools.sandbox.handmade import read_calls
    from vox_calls_tools.sandbox.limits import VENDOR_LIMITS
    from vox_calls_tools.sandbox.server import ExchangesSandbox, Sandbox, make_key
    from vox_calls_tools.sandbox.synthetic import synthetic_calls
    from vox_calls_tools.sandbox.testing import VoxSandbox
except ModuleNotFoundError as error:
    needed = f"vox_calls_tools.sandbox needs an extra: pip install 'vox-calls[sandbox]' ({error})"
    raise ModuleNotFoundError(needed, name=error.name) from None

__all__ = [
    "VENDOR_LIMITS",
    "ExchangesSandbox",
    "MisusedError",
    "Sandbox",
    "Script",
    "Settings",
    "Step",
    "VoxSandbox",
    "make_key",
    "read_calls",
    "read_script",
    "synthetic_calls",
]
