"""JSON Lines: the JSON that the API sent, one call per line."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from vox_calls.models import Call
from vox_calls_tools.export.columns import json_text, without_secret


class JsonLines:
    """Writes one call per line, as `vox-calls list --format jsonl` does."""

    def __init__(self, pack: Callable[[bytes], bytes]) -> None:
        self._pack = pack

    def preamble(self) -> bytes:
        """Return nothing."""
        return b""

    def page(self, calls: Sequence[Call]) -> bytes:
        """Return one line per call."""
        lines = [json_text(without_secret(call.to_dict())) + "\n" for call in calls]
        return self._pack("".join(lines).encode()) if lines else b""

    def finish(self, part: Path, beside: Path) -> Path:  # noqa: ARG002 - the pages are the file
        """Return `part`, which is complete as it is."""
        return part
