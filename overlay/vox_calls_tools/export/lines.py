"""JSON Lines: the JSON that came, one call a line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vox_calls.models import Call
from vox_calls_tools.export.columns import json_text, without_secret


class JsonLines:
    """Writes what `vox-calls list --format jsonl` writes."""

    def __init__(self, pack: Callable[[bytes], bytes]) -> None:
        self._pack = pack

    def preamble(self) -> bytes:
        """Nothing."""
        return b""

    def page(self, calls: Sequence[Call]) -> bytes:
        """A line for each call."""
        lines = [json_text(without_secret(call.to_dict())) + "\n" for call in calls]
        return self._pack("".join(lines).encode()) if lines else b""

    def finish(self, part: Path, beside: Path) -> Path:  # noqa: ARG002 - it is whole already
        """The file is whole as it is."""
        return part
