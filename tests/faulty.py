"""A sandbox with 450 calls whose faults follow a script."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from scripted import call
from vox_calls_tools.sandbox import Sandbox, Script, Settings, Step, make_key

HISTORY = [call(f"call-{number:04}", start_at=1_793_491_200_000 + number) for number in range(450)]
IDS = [one["id"] for one in reversed(HISTORY)]


@contextmanager
def failing(*steps: Step | None, repeat: bool = False) -> Iterator[Sandbox]:
    script = Script([*steps], repeat=repeat)
    with Sandbox(HISTORY, settings=Settings(make_key(), windows=(), faults=script)) as sandbox:
        yield sandbox
