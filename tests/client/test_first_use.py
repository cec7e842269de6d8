"""First use by several threads at once, in new processes. `make soak` runs 2,000."""

from __future__ import annotations

import pytest

import first_use


@pytest.mark.parametrize("part", range(5))
def test_threads_may_share_the_first_use(part: int) -> None:
    with first_use.serving() as base_url:
        assert [first_use.run(number, base_url) for number in range(part * 10, part * 10 + 10)] == [""] * 10
