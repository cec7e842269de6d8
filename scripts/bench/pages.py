"""The pages that everyone reads: made-up calls, 100 to a page, as compact UTF-8. Each is about 100 kB as it comes."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from vox_calls_tools.sandbox.synthetic import synthetic_calls

PAGE_SIZE = 100
DIFFERENT = 20
"""How many pages differ from each other; a longer history repeats them."""

_UNTIL = datetime(2026, 11, 23, tzinfo=UTC)


def compact(value: object) -> bytes:
    """A value as JSON without a space too many."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


def made_up() -> list[list[dict[str, Any]]]:
    """The calls of each of the different pages, the same at any time and anywhere."""
    calls = list(synthetic_calls(PAGE_SIZE * DIFFERENT, seed=1, until=_UNTIL))
    return [calls[begin : begin + PAGE_SIZE] for begin in range(0, len(calls), PAGE_SIZE)]


def body(items: bytes, *, total: int, next_cursor: str | None) -> bytes:
    """A page over items that are JSON already."""
    return b'{"items":%b,"total_count":%d,"next_cursor":%b}' % (items, total, compact(next_cursor))
