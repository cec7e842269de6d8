"""What Schemathesis cannot know of the contract: a cursor is taken from an answer, and goes with its filters."""

from __future__ import annotations

import os
from typing import Any

import httpx
import schemathesis


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], __: dict[str, Any]) -> None:
    """Put the server's own cursor in place of one that was made up, unless it is to be refused."""
    query = case.query
    if case.meta is None or not case.meta.generation.mode.is_positive or "cursor" not in query:
        return
    del query["cursor"]
    answer = httpx.get(
        f"{os.environ['VOX_BASE_URL']}/v3/calls",
        params={**query, "limit": 1},
        headers={"Authorization": f"Bearer {os.environ['VOX_API_KEY']}"},
    )
    if answer.is_success and (cursor := answer.json().get("next_cursor")):
        query["cursor"] = cursor
