"""Public names are imported when they are first used, and are there all the same."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import vox_calls
from vox_calls._lazy import lazily
from vox_calls_tools import export, sandbox

LAZY = pytest.mark.parametrize("module", [vox_calls, export, sandbox], ids=lambda module: module.__name__)


@LAZY
def test_each_public_name_has_a_home_and_is_what_is_there(module: ModuleType) -> None:
    assert list(module._HOMES) == [name for name in module.__all__ if name != "__version__"]
    for name, home in module._HOMES.items():
        assert getattr(module, name) is getattr(importlib.import_module(f"{module.__name__}.{home}"), name)
    assert set(module.__all__) <= set(dir(module))


@LAZY
def test_what_is_not_there_is_no_name_of_the_module(module: ModuleType) -> None:
    with pytest.raises(AttributeError, match=f"module '{module.__name__}' has no attribute 'Clinet'"):
        _ = module.Clinet


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (
            ["-c", "from vox_calls_tools.sandbox import Sandbox"],
            "ModuleNotFoundError: vox_calls_tools.sandbox needs an extra: {}",
        ),
        (["-m", "vox_calls_tools.sandbox"], "vox-calls: this needs an extra: {}"),
    ],
)
def test_a_name_that_needs_an_extra_says_which(tmp_path: Path, arguments: list[str], told: str) -> None:
    (tmp_path / "starlette.py").write_text("raise ModuleNotFoundError('no starlette', name='starlette')")
    environment = os.environ | {"PYTHONPATH": str(tmp_path)}
    command = [sys.executable, *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode
    assert done.stderr.splitlines()[-1].startswith(told.format("pip install 'vox-calls[sandbox]'"))


def test_what_is_missing_and_no_extra_is_told_as_it_is() -> None:
    get = lazily("vox_calls", {"Client": "no_such_module"})
    with pytest.raises(ModuleNotFoundError, match=r"^No module named 'vox_calls\.no_such_module'$"):
        get("Client")


def test_nothing_is_imported_before_it_is_used() -> None:
    code = """
import sys, threading
import vox_calls, vox_calls_tools.export, vox_calls_tools.sandbox
assert not {"httpx", "attrs", "msgspec", "asyncio", "starlette"} & set(sys.modules), "too early"
assert issubclass(vox_calls.errors.ApiError, vox_calls.VoxCallsError)
assert "httpx" not in sys.modules, "too early"
threads = [threading.Thread(target=lambda: seen.append(vox_calls.Client)) for _ in range(8)]
seen = []
[thread.start() for thread in threads], [thread.join() for thread in threads]
assert len(seen) == 8 and len(set(seen)) == 1
from vox_calls import *
assert CallStatus.ENDED == "ended"
"""
    subprocess.run([sys.executable, "-c", code], check=True)
