"""The public types as a user's type checker sees them. Checked by `make types`, never run."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, assert_type
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx

import vox_calls
from vox_calls import Call, CallStatus, CallType, Client, DisconnectionReason, Page, RateLimit
from vox_calls.pagination import Results
from vox_calls_tools.drift import compare, contract, elements, examine, version_step
from vox_calls_tools.drift.changes import Change, drift
from vox_calls_tools.drift.document import Element
from vox_calls_tools.drift.live import Examination
from vox_calls_tools.export import Exported, Format, Progress, export_calls, read_csv
from vox_calls_tools.export.pauses import WatchedLimit
from vox_calls_tools.sandbox import VENDOR_LIMITS, Sandbox, Script, Settings, read_script, synthetic_calls
from vox_calls_tools.shared_rate_limit import SharedRateLimit
from vox_calls_tools.stats import BadLineError, Summary, Tally, as_json, read_calls
from vox_calls_tools.stats.counting import summed
from vox_calls_tools.stats.summary import Group


def reading() -> None:
    with Client() as client:
        assert_type(client, Client)
        calls = client.list_calls(status="ended", max_items=1_000)
        assert_type(calls, vox_calls.Calls)
        for call in calls:
            assert_type(call, Call)
        assert_type(iter(calls), Results[Call])
        assert_type(calls.pages(), Results[Page])
        assert_type(calls.cursor, str | None)
        assert_type(calls.finished, bool)
        assert_type(client.base_url, str)


async def awaiting() -> None:
    async with vox_calls.AsyncClient("key", http_client=httpx.AsyncClient()) as client:
        assert_type(client, vox_calls.AsyncClient)
        calls = client.list_calls()
        assert_type(calls, vox_calls.AsyncCalls)
        assert_type([call async for call in calls], list[Call])
        async for page in calls.pages():
            assert_type(page, Page)
        assert_type(calls.cursor, str | None)


def asking(on_invalid: list[vox_calls.InvalidResponseError]) -> None:
    """Each filter takes one value or many, as text or typed."""
    client = Client(
        "key",
        base_url="https://example.com",
        timeout=httpx.Timeout(5),
        retries=0,
        rate_limit=None,
        strict_enums=True,
        http_client=httpx.Client(),
    )
    client.list_calls(
        agent_id=UUID(int=1),
        status=CallStatus.ENDED,
        call_type={CallType.WEB, "phone"},
        disconnection_reason=(reason for reason in DisconnectionReason),
        call_from="010-1234-5678",
        call_to=["010-1234-5678"],
        start_at_after=datetime(2026, 11, 1, tzinfo=ZoneInfo("Asia/Seoul")),
        start_at_before=1_793_491_200.5,
        sort_order=vox_calls.SortOrder.ASC,
        cursor=None,
        page_size=10,
        prefetch=1,
        on_invalid=on_invalid.append,
    )
    Client(timeout=5, rate_limit=RateLimit(per_second=1, per_minute=10))
    Client(rate_limit=SharedRateLimit(Path("limit.sqlite"), per_second=1, per_minute=10))
    assert_type(vox_calls.to_unix_ms("2026-11-01T09:00:00+09:00", round_up=True), int)
    assert_type(vox_calls.from_unix_ms(1_793_491_200_000), datetime)


def holding(call: Call, page: Page) -> None:
    """Wire fields and derived ones: never `Unset`, and `Any` only in free-form objects."""
    assert_type(call.id, str)
    assert_type(call.agent.agent_id, UUID)
    assert_type(call.status, CallStatus)
    assert_type(call.status.is_known, bool)
    assert_type(call.disconnection_reason, DisconnectionReason | None)
    assert_type(call.start_at, int | None)
    assert_type(call.recording_url, str | None)
    assert_type(call.started_at, datetime | None)
    assert_type(call.ended_at, datetime | None)
    assert_type(call.duration, timedelta | None)
    assert_type(call.cost, Decimal | None)
    if call.call_analysis is not None:
        assert_type(call.call_analysis.summary, str | None)
    assert_type(call.metadata.get("user_id"), Any | None)
    assert_type(call.additional_properties, dict[str, Any])
    assert_type(call.to_dict(), dict[str, Any])
    assert_type(Call.from_dict({}), Call)
    assert_type(page.items, list[Call])
    assert_type(page.total_count, int)
    assert_type(page.next_cursor, str | None)


def failing(error: vox_calls.VoxCallsError) -> None:
    """An `except` clause narrows to the attributes of its class."""
    assert_type(error.cursor, str | None)
    assert_type(error.attempts, int)
    if isinstance(error, vox_calls.ApiError):
        assert_type(error.status_code, int)
        assert_type(error.code, str | None)
        assert_type(error.details, dict[str, Any])
        assert_type(error.retry_after, float | None)
        assert_type(error.request_id, str | None)
    if isinstance(error, vox_calls.InvalidResponseError):
        assert_type(error.path, str)
        assert_type(error.raw, object)
    if isinstance(error, vox_calls.TransportError):
        assert_type(error.method, str)
    rejected = vox_calls.InvalidQueryError("status", "x", "no")
    assert_type([each.field for each in rejected.errors], list[str])
    wrong: ValueError = rejected
    raise wrong


def exporting(client: Client) -> None:
    def tell(progress: Progress) -> None:
        assert_type(progress.done, int)

    done = export_calls(client, "calls.csv.gz", {"status": "ended"}, format=Format.CSV, resume=True, on_progress=tell)
    assert_type(done, Exported)
    assert_type(done.rejects, Path | None)
    for row in read_csv(done.path):
        assert_type(row["id"], str | None)
    Client(rate_limit=WatchedLimit(RateLimit(per_second=5, per_minute=120), print))


def counting(calls: list[Call], bad: list[BadLineError]) -> None:
    tally = Tally(ZoneInfo("Asia/Seoul"))
    for call in calls:
        tally.add(call)
    summary = tally.summary()
    assert_type(summary, Summary)
    assert_type(summary.total, Group[None])
    assert_type(summary.total.won, Decimal)
    assert_type(summary.total.answered_rate, float | None)
    assert_type([day.key.year for day in summary.days], list[int])
    assert_type(summed(summary.hours), Group[None])
    assert_type(as_json(summary, "Asia/Seoul"), dict[str, Any])
    assert_type(read_calls(Path("calls.jsonl"), bad.append), Iterator[Call])


def pretending() -> None:
    calls = synthetic_calls(10, seed=1, until=datetime.now(UTC))
    script: Script = read_script(Path("faults.json"))
    with Sandbox(calls, settings=Settings("key", windows=VENDOR_LIMITS, faults=script)) as sandbox:
        assert_type(sandbox, Sandbox)
        assert_type(sandbox.base_url, str)
        assert_type(sandbox.api_key, str)
        sandbox.store.add([{"id": "a"}])


def comparing(client: Client, document: dict[str, object]) -> None:
    changes = compare(contract(), elements(document))
    assert_type(changes, list[Change])
    assert_type([change.breaking for change in changes], list[bool])
    assert_type(version_step(changes), str)
    assert_type(contract(), dict[str, Element])
    assert_type(drift(contract(), elements(document)), list[Change])
    assert_type(examine(client, contract()), Examination)
