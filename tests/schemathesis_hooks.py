"""Schemathesis hooks: a cursor comes from a response and belongs to its filters; a version needs one agent."""

from __future__ import annotations

import os
from typing import Any
from uuid import uuid4

import httpx
import schemathesis


@schemathesis.hook
def before_call(_: schemathesis.HookContext, case: schemathesis.Case[Any], __: dict[str, Any]) -> None:
    """Replace a generated cursor by one of the server, unless the request is meant to be invalid."""
    query = case.query
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if "agent_version" in query:
        query["agent_id"] = [str(uuid4())]  # the contract cannot say that one needs the other
    if "cursor" not in query:
        return
    del query["cursor"]
    answer = httpx.get(
        f"{os.environ['VOX_BASE_URL']}/v3/calls",
        params={**query, "limit": 1},
        headers={"Authorization": f"Bearer {os.environ['VOX_API_KEY']}"},
    )
    if answer.is_success and (cursor := answer.json().get("next_cursor")):
        query["cursor"] = cursor
