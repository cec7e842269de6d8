"""Count the modules that a query passes on its way to the socket, and a page on its way back.

python scripts/trace_path.py

Counts each call of a function of the client package with sys.setprofile, a resumed generator included. A change of
module is a call in another module than the call before. What a reader has to follow grows with both.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from types import FrameType

import httpx

import vox_calls

MOST = {"to the socket": (8, 15), "whole reading of a page": (10, 25)}
"""For each way, how many modules, and about how many changes of module, are aimed for."""

CALL = {
    "id": "f3b4f3c0-58be-4f6a-b8e5-6f5d1f0c7a11",
    "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "production"},
    "call_type": "inbound",
    "status": "ended",
}
PAGE = json.dumps({"items": [CALL] * 3, "total_count": 3, "next_cursor": None}).encode()


class Path:
    """The modules of the client package in the order of their calls."""

    def __init__(self) -> None:
        self.modules: list[str] = []

    def __call__(self, frame: FrameType, event: str, _: object) -> None:
        """Note a call, as sys.setprofile asks."""
        module = frame.f_globals.get("__name__", "")
        if event == "call" and module.partition(".")[0] in {"vox_calls", "vox_calls_raw"}:
            self.modules.append(module)

    def count(self) -> tuple[int, int]:
        """How many modules, and how many changes of module."""
        changes = sum(one != other for one, other in zip(self.modules, self.modules[1:], strict=False))
        return len(set(self.modules)), changes


def trace(stop: Callable[[], None]) -> Path:
    """Read a page; `stop` is called where the request reaches the socket."""
    path = Path()

    def answer(_: httpx.Request) -> httpx.Response:
        stop()
        return httpx.Response(200, content=PAGE)

    with vox_calls.Client("key", http_client=httpx.Client(transport=httpx.MockTransport(answer))) as client:
        list(client.list_calls(status="ended"))  # nothing is done for the first time below
        sys.setprofile(path)
        try:
            list(client.list_calls(status="ended"))
        finally:
            sys.setprofile(None)
    return path


def main() -> int:
    """Print both counts; 1 where one is beyond its aim."""
    paths = {
        "to the socket": trace(lambda: sys.setprofile(None)),
        "whole reading of a page": trace(lambda: None),
    }
    failed = False
    for name, path in paths.items():
        modules, changes = path.count()
        most = MOST[name]
        print(f"{name}: {modules} modules, {changes} changes (aim: {most[0]} and about {most[1]})")
        print("  " + " ".join(module.partition(".")[2] or module for module in _steps(path.modules)))
        failed |= modules > most[0] or changes > most[1] * 1.2
    return int(failed)


def _steps(modules: list[str]) -> list[str]:
    return [one for one, before in zip(modules, ["", *modules], strict=False) if one != before]


if __name__ == "__main__":
    sys.exit(main())
