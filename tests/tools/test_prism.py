"""Stoplight Prism, an independent mock, finds the client's requests valid."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import vox_calls
from contract import ROOT
from nodejs import NODE, installed, needs_node

pytestmark = needs_node

FOLDER = ROOT / "tests" / "prism"
PRISM = FOLDER / "node_modules" / "@stoplight" / "prism-cli" / "dist" / "index.js"
KEY = {"Authorization": "Bearer k"}


@pytest.fixture(scope="module")
def prism() -> Iterator[str]:
    """The URL of Prism, which rejects requests outside the contract."""
    with installed(FOLDER):
        pass
    command: list[str | Path] = [str(NODE), PRISM, "mock", "--errors", "--port", "0", ROOT / "openapi" / "calls.yaml"]
    with subprocess.Popen(
        command, cwd=FOLDER, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, encoding="utf-8"
    ) as process:
        assert process.stdout is not None
        said = []
        try:
            for line in process.stdout:
                said.append(line)
                if listening := re.search(r"Prism is listening on (http://\S+)", line):
                    # It logs every request, and would block on a full pipe.
                    Thread(target=process.stdout.read, daemon=True).start()
                    yield listening[1]
                    break
            else:
                pytest.fail("Prism did not start:\n" + "".join(said))
        finally:
            process.kill()


def first(prism: str, **filters: Any) -> vox_calls.Call:
    """The first call of a listing. Prism reports an invalid request, at least in a header."""
    violations: list[str] = []

    def look(response: httpx.Response) -> None:
        violations.extend(response.headers.get_list("sl-violations"))

    with (
        httpx.Client(event_hooks={"response": [look]}) as http,
        vox_calls.Client("k", base_url=prism, retries=0, rate_limit=None, http_client=http) as client,
    ):
        call = next(iter(client.list_calls(**filters)))
    assert violations == []
    return call


def some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(st.none(), values, st.lists(values, min_size=1, max_size=5))


digits = st.text("0123456789", min_size=3, max_size=11)
numbers = st.one_of(
    digits,
    st.just("010-1234-5678"),
    st.just("+82 (0)10 1234 5678"),
    digits.map(lambda number: f"({number[:2]}) {number[2:]}"),
)
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
moments = st.datetimes(datetime(1974, 1, 1), datetime(9999, 1, 1), timezones=zones)  # noqa: DTZ001 - the zone comes later
instants = st.one_of(
    st.none(),
    moments,
    moments.map(datetime.isoformat),
    st.integers(10**9, 10**11 - 1),
    st.integers(10**11, 10**13 - 1),
    st.floats(0.2e9, 9e10, exclude_min=True),
)
cursors = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40)
listings = st.fixed_dictionaries(
    {},
    optional={
        "agent_id": some(st.uuids()),
        "status": some(st.sampled_from(vox_calls.CallStatus)),
        "call_type": some(st.sampled_from(vox_calls.CallType)),
        "disconnection_reason": some(st.sampled_from(vox_calls.DisconnectionReason)),
        "call_from": some(numbers),
        "call_to": some(numbers),
        "start_at_after": instants,
        "start_at_before": instants,
        "sort_order": st.sampled_from(vox_calls.SortOrder),
        "cursor": cursors,
        "page_size": st.integers(1, 100),
        "max_items": st.integers(1, 1_000),
    },
)


@settings(max_examples=150, deadline=None)
@given(filters=listings)
def test_no_request_of_the_client_is_found_invalid(prism: str, filters: dict[str, Any]) -> None:
    bounds = [filters.get(name) for name in ("start_at_after", "start_at_before")]
    if None not in bounds:
        after, before = (vox_calls.to_unix_ms(bound) for bound in bounds if bound is not None)
        assume(before > after)  # which the client rejects
    assert first(prism, **filters).id


def test_every_filter_together_is_found_valid(prism: str) -> None:
    call = first(
        prism,
        agent_id=["7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "7C0A4C618A314F579F0E2F1D4BE0A4D3"],
        status=list(vox_calls.CallStatus),
        call_type=list(vox_calls.CallType),
        disconnection_reason=list(vox_calls.DisconnectionReason),
        call_from=["114", "0507-1234-5678"],
        call_to="+82 2 1588 1234",
        start_at_after=datetime(2026, 11, 1, tzinfo=UTC),
        start_at_before=1_796_050_799.999_9,
        sort_order="asc",
        cursor="a+b/c==&d e%20é?#",
        page_size=1,
    )
    assert call.started_at is not None


def test_the_request_for_the_next_page_is_valid(prism: str) -> None:
    with vox_calls.Client("k", base_url=prism, retries=0, rate_limit=None) as client:
        pages = client.list_calls(status=["ended", "error"]).pages()
        page = next(pages)
        assert page.next_cursor is not None
        # Prism sends the same page again: the second request is answered, its cursor rejected as repeated.
        with pytest.raises(vox_calls.PaginationError) as caught:
            next(pages)
    assert caught.value.cursor == page.next_cursor


@pytest.mark.parametrize(
    ("query", "violated"),
    [
        ("limit=0", "limit"),
        ("limit=101", "limit"),
        ("limit=ten", "limit"),
        ("status=nope", "status"),
        ("status=ended,error", "status"),
        ("call_type=web&call_type=fax", "call_type"),
        ("disconnection_reason=ENDED", "disconnection_reason"),
        ("agent_id=main", "agent_id"),
        ("call_to=010-1234-5678", "call_to"),
        ("call_from=12", "call_from"),
        ("start_at_after=2026-11-01", "start_at_after"),
        ("start_at_before=-1", "start_at_before"),
        ("sort_order=up", "sort_order"),
    ],
)
def test_an_unknown_parameter_is_found_invalid(prism: str, query: str, violated: str) -> None:
    answer = httpx.get(f"{prism}/v3/calls?{query}", headers=KEY)
    assert answer.status_code == httpx.codes.BAD_REQUEST
    assert f'"{violated}"' in answer.headers["sl-violations"]


def test_a_request_without_a_key_is_found_invalid(prism: str) -> None:
    assert httpx.get(f"{prism}/v3/calls").status_code == httpx.codes.UNAUTHORIZED
    assert httpx.get(f"{prism}/v3/calls", headers=KEY).status_code == httpx.codes.OK
