"""Exported files hold every value of every call, in each format."""

from __future__ import annotations

import errno
import io
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from datetime import UTC, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import msgspec
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

import vox_calls
from conftest import NOW
from vox_calls import Call, RateLimit
from vox_calls.toolkit import Waiter
from vox_calls_tools.cli.meter import Meter
from vox_calls_tools.cli.showing import lines
from vox_calls_tools.export import (
    ExportDiskError,
    Exported,
    ExportError,
    Format,
    Progress,
    export_calls,
    locking,
    read_csv,
)
from vox_calls_tools.export import checkpoint as checkpoints
from vox_calls_tools.export import files as files_of_exports
from vox_calls_tools.export.arrays import array_of
from vox_calls_tools.export.cells import arm, defuse
from vox_calls_tools.export.checkpoint import Checkpoint
from vox_calls_tools.export.columns import Column, Columns, Kind, added_columns, table_of, wire_columns
from vox_calls_tools.export.formats import Compression
from vox_calls_tools.export.pauses import WatchedLimit
from vox_calls_tools.sandbox import Sandbox, synthetic_calls

AGENT = {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v1"}
KEY = "vox_live_0123456789abcdef"
START = 1_793_491_200_000


def a_call(name: str, **fields: Any) -> dict[str, Any]:
    return {"id": name, "agent": AGENT, "call_type": "web", "status": "ended", "start_at": START, **fields}


ODD = [
    a_call("a", end_at=START + 94_500, call_cost={"total_cost": "150.00"}, metadata={"k": [1, None, "값"]}),
    a_call("b", status="hologram", variant_label="", disconnection_reason="=cmd|'/C calc'!A0"),
    a_call("c", start_at=None, from_number="01012345678", to_number="+1", variant_label="'quoted"),
    a_call("d", start_at=-1, end_at=8 * 10**16, call_cost={"total_cost": "1,500"}),
    a_call("e", end_at=10**25, call_cost={"total_cost": "9" * 29 + ".1"}, new_field={"deep": [1]}),
    a_call("f", call_cost={"total_cost": "0.12345678901"}, call_analysis={"summary": 'two\r\nlines, "q"', "mood": 1}),
    a_call("g", call_cost={"total_cost": None}, call_analysis={"summary": "half \ud83d", "user_sentiment": "\t"}),
    a_call("h", dynamic_variables={"half": "\udc00", "big": 10**30, "text": "x" * 200_000}),
    a_call("i", agent={**AGENT, "region": "kr"}, opt_out_sensitive_data_storage=False, start_at=253402300799999),
]


@pytest.fixture(scope="module")
def client(base_url: str) -> Iterator[vox_calls.Client]:
    with vox_calls.Client(KEY, base_url=base_url, rate_limit=None) as opened:
        yield opened


@pytest.fixture(scope="module")
def items() -> list[dict[str, Any]]:
    return [*ODD, *synthetic_calls(250, seed=11, until=NOW)]


@pytest.fixture(scope="module")
def base_url(items: list[dict[str, Any]]) -> Iterator[str]:
    """A custom server: the sandbox's encoder rejects these values."""
    pages = [items[start : start + 100] for start in range(0, len(items), 100)]

    class Pages(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            number = int(self.path.partition("cursor=")[2].partition("&")[0] or 0)
            following = str(number + 1) if number + 1 < len(pages) else None
            page = {"items": pages[number], "total_count": len(items), "next_cursor": following}
            body = json.dumps(page).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Pages) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def as_expected(item: dict[str, Any]) -> Call:
    return Call.from_dict(item | {"recording_url": item.get("recording_url") and "[hidden]"})


def merged(values: dict[str, Any], rest: dict[str, Any]) -> dict[str, Any]:
    """The values of the columns, and the rest of each item."""
    result = dict(values)
    for key, value in rest.items():
        both = isinstance(value, dict) and isinstance(result.get(key), dict)
        result[key] = merged(result[key], value) if both else value
    return result


def without_nulls(values: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in values.items() if value is not None}


READ: dict[Kind, Callable[[str], Any]] = {
    Kind.INTEGER: int,
    Kind.NUMBER: float,
    Kind.BOOLEAN: "true".__eq__,
    Kind.JSON: json.loads,
}


def from_row(row: dict[str, str | None]) -> dict[str, Any]:
    item: dict[str, Any] = {}
    for column in wire_columns().each:
        if column.inner is None:
            text = row[column.name]
            item[column.name] = None if text is None else READ.get(column.kind, str)(text)
            continue
        inner = {one.name: row[f"{column.name}.{one.name}"] for one in column.inner.each}
        read = {one.name: READ.get(one.kind, str) for one in column.inner.each}
        values = {name: read[name](text) for name, text in inner.items() if text is not None}
        item[column.name] = values or None
    return merged(without_nulls(item), json.loads(row["additional_properties"] or "{}"))


@given(st.text())
def test_csv_escapes_formulas_reversibly(text: str) -> None:
    cell = defuse(text)
    assert cell.lstrip()[:1] not in {"=", "+", "-", "@"}
    assert cell
    assert cell[0] not in "\t\r\n"
    assert arm(cell) == text


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1", "\u200b=1", "'a", ""])
def test_formulas_get_an_apostrophe(text: str) -> None:
    assert defuse(text) == f"'{text}"


@pytest.mark.parametrize("text", ["01012345678", "1-1", "안녕 = 1", "{}", "#N/A"])
def test_other_texts_get_no_apostrophe(text: str) -> None:
    assert defuse(text) == text


@pytest.mark.parametrize("name", ["x.csv", "x.csv.gz", "x.csv.zst"])
def test_csv_is_lossless(client: vox_calls.Client, items: list[dict[str, Any]], tmp_path: Path, name: str) -> None:
    done = export_calls(client, tmp_path / name)
    assert (done.calls, done.rejected, done.rejects) == (len(items), 0, None)
    rows = list(read_csv(tmp_path / name))
    assert [Call.from_dict(from_row(row)) for row in rows] == list(map(as_expected, items))


def test_csv_follows_rfc_4180_and_excel(client: vox_calls.Client, tmp_path: Path) -> None:
    export_calls(client, tmp_path / "x.csv")
    content = (tmp_path / "x.csv").read_bytes()
    assert content.startswith(b"\xef\xbb\xbfid,agent.agent_id,")
    assert content.endswith(b"\r\n")
    assert b'"two\r\nlines, ""q"""' in content
    assert b"'=cmd|" in content
    export_calls(client, tmp_path / "plain.csv", byte_order_mark=False)
    assert (tmp_path / "plain.csv").read_bytes() == content.removeprefix(b"\xef\xbb\xbf")
    frame = pd.read_csv(tmp_path / "x.csv", dtype=str, keep_default_na=False)
    assert list(frame["id"][:3]) == ["a", "b", "c"]
    assert frame["from_number"][2] == "01012345678"
    assert frame["started_at"][0] == "2026-11-01T00:00:00.000Z"
    assert (frame["duration_ms"][0], frame["cost"][0], frame["cost"][3]) == ("94500", "150.00", "")


def test_jsonl_has_the_objects_as_received(
    client: vox_calls.Client, items: list[dict[str, Any]], tmp_path: Path
) -> None:
    export_calls(client, tmp_path / "x.jsonl")
    got = [json.loads(line) for line in (tmp_path / "x.jsonl").read_bytes().decode().splitlines()]
    assert got == [item | ({"recording_url": "[hidden]"} if item.get("recording_url") else {}) for item in items]


@pytest.fixture(scope="module")
def parquet(client: vox_calls.Client, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("parquet") / "x.parquet"
    export_calls(client, path)
    return path


def test_parquet_is_lossless(parquet: Path, items: list[dict[str, Any]]) -> None:
    table = pq.read_table(parquet)
    table.validate(full=True)
    added = {column.name for column in added_columns()}
    json_columns = {column.name for column in wire_columns().each if column.kind is Kind.JSON}
    calls = []
    for row in table.to_pylist():
        values = {
            name: json.loads(value) if name in json_columns else value
            for name, value in without_nulls(row).items()
            if name not in added and name != "additional_properties"
        }
        if analysis := values.get("call_analysis"):
            text = analysis["custom_analysis_data"]
            values["call_analysis"] = without_nulls({**analysis, "custom_analysis_data": text and json.loads(text)})
        calls.append(Call.from_dict(merged(values, json.loads(row["additional_properties"] or "{}"))))
    assert calls == list(map(as_expected, items))


def test_parquet_has_standard_types(parquet: Path) -> None:
    schema = pq.read_schema(parquet)
    enum = pa.dictionary(pa.int32(), pa.string())
    assert [schema.field(name).type for name in ("call_type", "status", "disconnection_reason")] == [enum] * 3
    assert [schema.field(name).type for name in ("start_at", "duration_ms")] == [pa.int64()] * 2
    assert [schema.field(name).type for name in ("started_at", "ended_at")] == [pa.timestamp("ms", tz="UTC")] * 2
    assert schema.field("cost").type == pa.decimal128(28, 10)
    assert pa.types.is_struct(schema.field("call_analysis").type)
    assert schema.names[: len(wire_columns().each)] == [column.name for column in wire_columns().each]


def test_pandas_polars_and_duckdb_read_the_same_parquet(parquet: Path, items: list[dict[str, Any]]) -> None:
    ids, start = [item["id"] for item in items], datetime(2026, 11, 1, tzinfo=UTC)
    frame = pd.read_parquet(parquet)
    assert list(frame["id"]) == ids
    assert (frame["status"][1], frame["cost"][0]) == ("hologram", Decimal("150.00"))
    assert frame["started_at"][0] == pd.Timestamp(start)
    assert frame["call_analysis"][5]["summary"].startswith("two")
    polars = pl.read_parquet(parquet)
    assert polars["id"].to_list() == ids
    assert (polars["started_at"][0], polars["cost"][0]) == (start, Decimal("150.00"))
    assert polars["status"].cast(pl.String)[1] == "hologram"
    assert polars["call_analysis"].struct.field("summary")[5].startswith("two")
    columns = "id, status, epoch_ms(started_at), cost, call_analysis.summary, metadata->>'$.k[2]'"
    rows = duckdb.read_parquet(str(parquet)).project(columns).fetchall()
    assert [row[0] for row in rows] == ids
    assert rows[0][2:] == (START, Decimal("150.00"), None, "값")
    assert rows[1][1] == "hologram"
    assert rows[5][4].startswith("two")


def test_oversized_numbers_are_null_and_kept_as_text(parquet: Path) -> None:
    rows = {row["id"]: row for row in pq.read_table(parquet).to_pylist()}
    assert [rows[name]["cost"] for name in "def"] == [None] * 3
    assert rows["f"]["call_cost"]["total_cost"] == "0.12345678901"
    assert rows["d"]["started_at"] is None
    assert (rows["d"]["start_at"], rows["d"]["end_at"]) == (-1, 8 * 10**16)
    assert json.loads(rows["e"]["additional_properties"]) == {"end_at": 10**25, "new_field": {"deep": [1]}}


@given(
    st.lists(
        st.none() | st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**17), max_value=10**17)
    )
)
def test_amounts_are_exact(amounts: list[Decimal | None]) -> None:
    array = array_of(amounts, Kind.AMOUNT)
    array.validate(full=True)
    assert array.to_pylist() == amounts


@given(st.lists(st.none() | st.text()), st.sampled_from([Kind.TEXT, Kind.ENUM, Kind.JSON]))
def test_texts_are_exact(texts: list[str | None], kind: Kind) -> None:
    array = array_of(texts, kind)
    array.validate(full=True)
    assert array.to_pylist() == texts


@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1)), st.lists(st.none() | st.floats(allow_nan=False)))
def test_numbers_are_exact(integers: list[int | None], floats: list[float | None]) -> None:
    assert array_of(integers, Kind.INTEGER).to_pylist() == integers
    assert array_of(floats, Kind.NUMBER).to_pylist() == floats
    flags = [None if value is None else value > 0 for value in integers]
    assert array_of(flags, Kind.BOOLEAN).to_pylist() == flags


def test_every_property_of_a_call_is_a_column() -> None:
    assert [column.name for column in added_columns()] == ["started_at", "ended_at", "duration_ms", "cost"]
    table = table_of([Call.from_dict(ODD[0])])
    assert [values.each[0] for values in table.added][2:] == [94_500, Decimal("150.00")]


def test_an_export_does_not_import_pandas(base_url: str, tmp_path: Path) -> None:
    script = (
        "import sys, vox_calls; from vox_calls_tools.export import export_calls\n"
        f"with vox_calls.Client(rate_limit=None) as client: export_calls(client, {str(tmp_path / 'x.parquet')!r})\n"
        "print('pandas' in sys.modules)"
    )
    environment = os.environ | {"VOX_API_KEY": KEY, "VOX_BASE_URL": base_url}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_progress_is_reported_after_every_page(
    client: vox_calls.Client, items: list[dict[str, Any]], tmp_path: Path
) -> None:
    told: list[Progress] = []

    class EnoughError(Exception):
        pass

    def enough(progress: Progress) -> None:
        told.append(progress)
        if progress.calls == 100:
            raise EnoughError

    with pytest.raises(EnoughError):
        export_calls(client, tmp_path / "x.jsonl", on_progress=enough)
    export_calls(client, tmp_path / "x.jsonl", resume=True, on_progress=enough)
    assert [progress.done for progress in told] == [100, 200, len(items)]
    assert [progress.before for progress in told] == [0, 100, 100]
    assert [progress.fetched for progress in told] == [False, False, True]
    assert {progress.total for progress in told} == {len(items)}


def test_unknown_filters_and_damaged_checkpoints_are_rejected(client: vox_calls.Client, tmp_path: Path) -> None:
    with pytest.raises(vox_calls.InvalidQueryError, match="colour: there is no such filter"):
        export_calls(client, tmp_path / "x.csv", {"colour": "red"})
    (tmp_path / "x.csv.checkpoint").write_text('{"version": 1}')
    with pytest.raises(ExportError, match=r"is not a valid checkpoint.*--overwrite"):
        export_calls(client, tmp_path / "x.csv", resume=True)
    export_calls(client, tmp_path / "x.csv", overwrite=True)
    (tmp_path / "y.csv.checkpoint").mkdir()
    with pytest.raises(ExportDiskError, match=r"^cannot read .*y\.csv\.checkpoint: "):
        export_calls(client, tmp_path / "y.csv", resume=True)


def progress_of(done: int, total: int, before: int = 0) -> Progress:
    return Progress(calls=done, rejected=0, before=before, total=total, bytes=0, fetched=False)


def test_time_left_allows_for_the_rate_limit_after_the_burst() -> None:
    now = [0.0]
    meter = Meter(lambda: now[0], per_minute=120)
    assert meter.words() == "fetching the first page"
    now[0] = 10.0
    meter.update(progress_of(5_000, 201_312))
    assert meter.words() == "5,000 of 201,312 calls, 500/s, 15:22 left"
    meter.pause(36.0)
    now[0] = 16.0
    assert meter.words().endswith("; rate limit: 30 s pause")
    meter.update(progress_of(201_212, 201_312))
    assert meter.words().endswith(", 0:30 left; rate limit: 30 s pause")
    meter.pause(10.0)
    assert meter.paused == 36.0
    unlimited = Meter(lambda: now[0] - 16.0, per_minute=None)
    now[0] = 26.0
    unlimited.update(progress_of(11_000, 21_000, before=10_000))
    assert unlimited.words() == "11,000 of 21,000 calls, 100/s, 1:40 left"


def test_without_a_terminal_there_is_a_line_every_thirty_seconds() -> None:
    written, waited, ended = io.StringIO(), [], threading.Event()
    meter = Meter(lambda: 0.0, per_minute=None)

    def wait(seconds: float) -> bool:
        waited.append(seconds)
        return len(waited) > 2 and ended.wait(10)

    with lines(meter, written.write, wait=wait, end=ended.set):
        pass
    assert written.getvalue() == "vox-calls: fetching the first page\n" * 2
    assert waited == [30.0] * 3


def test_a_watched_limit_reports_its_pauses() -> None:
    pauses: list[float] = []
    pacer = WatchedLimit(RateLimit(per_second=1, per_minute=60), pauses.append).limiter()
    assert pacer.acquire(0.0, Waiter()) == 0.0
    pacer.release(0.25)
    assert pacer.acquire(0.5, Waiter()) == pytest.approx(0.75)
    pacer.hold(5.0, 1.0)
    assert pacer.acquire(1.0, Waiter()) == pytest.approx(5.0)
    assert pauses == [pytest.approx(0.75), 5.0, pytest.approx(5.0)]


def test_export_returns_its_result_and_takes_a_format(client: vox_calls.Client, tmp_path: Path) -> None:
    done = export_calls(client, tmp_path / "calls", format=Format.JSONL)
    assert isinstance(done, Exported)
    assert (done.path, done.rejects) == (tmp_path / "calls", None)
    assert done.bytes == done.path.stat().st_size
    assert done.calls == len(done.path.read_bytes().splitlines())
    assert [*Format] == [Format.JSONL, Format.CSV, Format.PARQUET] == ["jsonl", "csv", "parquet"]
    with pytest.raises(ExportError, match=r"unknown format 'xml': pass one of jsonl, csv, parquet"):
        export_calls(client, tmp_path / "calls", format="xml")


@pytest.mark.parametrize("folder", [".", "calls.csv"])
def test_an_existing_non_file_is_left_alone(client: vox_calls.Client, tmp_path: Path, folder: str) -> None:
    (tmp_path / folder).mkdir(exist_ok=True)
    with pytest.raises(ExportError, match="is not a file"):
        export_calls(client, tmp_path / folder, format="csv", overwrite=True)


def begun(client: vox_calls.Client, path: Path) -> None:
    """Start an export that stops after one page."""

    class EnoughError(Exception):
        pass

    def enough(_: Progress) -> None:
        raise EnoughError

    with pytest.raises(EnoughError):
        export_calls(client, path, on_progress=enough)


def test_a_foreign_checkpoint_or_truncated_file_is_rejected(client: vox_calls.Client, tmp_path: Path) -> None:
    path, checkpoint = tmp_path / "x.csv", tmp_path / "x.csv.checkpoint"
    begun(client, path)
    written = checkpoint.read_text(encoding="utf-8")
    checkpoint.write_text(json.dumps(json.loads(written) | {"version": 99}), encoding="utf-8")
    with pytest.raises(ExportError, match=r"another version of vox-calls \(checkpoint format 99"):
        export_calls(client, path, resume=True)
    checkpoint.write_text(written, encoding="utf-8")
    os.truncate(tmp_path / "x.csv.part", 10)
    with pytest.raises(ExportError, match="shorter than its checkpoint says"):
        export_calls(client, path, resume=True)


def test_a_failing_disk_keeps_the_complete_part(
    client: vox_calls.Client, items: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x.parquet"
    begun(client, path)
    before = (tmp_path / "x.parquet.checkpoint").read_bytes()

    def fail(_: int) -> None:
        raise OSError(errno.EIO, "the disk is broken")

    with monkeypatch.context() as broken:
        broken.setattr(os, "fsync", fail)
        with pytest.raises(ExportDiskError, match=r"cannot write .*x\.parquet.*: the disk is broken"):
            export_calls(client, path, resume=True)
    with monkeypatch.context() as broken:
        broken.setattr(checkpoints, "save", lambda *_: fail(0))
        with pytest.raises(ExportDiskError):
            export_calls(client, path, resume=True)
    assert (tmp_path / "x.parquet.checkpoint").read_bytes() == before
    with monkeypatch.context() as broken:
        broken.setattr(files_of_exports, "_sync", lambda _: fail(0))
        with pytest.raises(ExportDiskError):
            export_calls(client, path, resume=True)
    assert not (tmp_path / "x.parquet.part.new").exists()
    assert export_calls(client, path, resume=True).calls == len(items)


def test_an_unwritable_checkpoint_keeps_the_previous_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "x.checkpoint"
    before = Checkpoint(format=Format.CSV, compression=Compression.NONE, server="https://a.example", filters={})
    checkpoints.save(before, path)

    def fail(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="No space left"):
        checkpoints.save(msgspec.structs.replace(before, calls=5), path)
    assert checkpoints.load(path) == before
    assert [one.name for one in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(("error", "raised"), [(errno.EINVAL, False), (errno.EIO, True)])
def test_folders_that_cannot_be_synced_are_skipped(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, *, raised: bool
) -> None:
    def fail(_: int) -> None:
        raise OSError(error, "no")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="no") if raised else nullcontext():
        files_of_exports._sync(tmp_path)


def test_a_removed_lock_is_recreated_and_a_failed_one_reported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock, target = tmp_path / "x.lock", tmp_path / "x"
    taken: list[int] = []

    def gone_meanwhile(descriptor: int) -> None:
        taken.append(descriptor)
        if len(taken) == 1:
            lock.unlink()  # its holder has ended and removed it

    monkeypatch.setattr(locking, "_lock", gone_meanwhile)
    with locking.locked(lock, target):
        assert len(taken) == 2
    assert not lock.exists()

    def refuse(_: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking, "_lock", refuse)
    with pytest.raises(ExportDiskError, match="No locks available"), locking.locked(lock, target):
        pass


def test_parquet_has_row_groups_of_some_pages(
    client: vox_calls.Client, items: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vox_calls_tools.export.parquet.ROW_GROUP", 150)
    export_calls(client, tmp_path / "x.parquet")
    with pq.ParquetFile(tmp_path / "x.parquet") as file:
        groups = [file.metadata.row_group(index).num_rows for index in range(file.num_row_groups)]
    assert groups == [200, len(items) - 200]


def test_a_number_too_large_for_its_column_is_kept_aside() -> None:
    columns = Columns((Column("score", Kind.NUMBER),), frozenset({"score"}))
    ((values,), rests) = columns.read([{"score": one} for one in (0.5, None, 2**60, 2**60 + 1, 10**400)])
    assert list(values.each) == [0.5, None, float(2**60), None, None]
    assert rests == [{}, {}, {}, {"score": 2**60 + 1}, {"score": 10**400}]


def test_a_wire_field_must_not_shadow_an_export_column(monkeypatch: pytest.MonkeyPatch) -> None:
    taken = Columns((Column("duration_ms", Kind.INTEGER),), frozenset({"duration_ms"}))
    monkeypatch.setattr("vox_calls_tools.export.columns.wire_columns", lambda: taken)
    with pytest.raises(TypeError, match="columns of the export: duration_ms"):
        added_columns.__wrapped__()


def test_no_rate_is_estimated_from_zero_seconds() -> None:
    meter = Meter(lambda: 0.0, per_minute=None)
    assert (meter.rate, meter.left) == (0.0, None)
    meter.update(progress_of(100, 300))
    assert (meter.rate, meter.left) == (0.0, None)
    assert meter.words() == "100 of 300 calls, 0/s"


def test_a_watched_limit_keeps_its_limit_and_callback() -> None:
    limit = RateLimit(per_second=1, per_minute=60)
    watched = WatchedLimit(limit, print)
    assert (watched.limit, watched.on_pause) == (limit, print)


def test_a_failed_rename_keeps_the_rejects(
    empty_sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    empty_sandbox.store.add([a_call("a"), a_call("b", agent=None)])
    replace = Path.replace

    def fail_at_the_last(self: Path, target: Path) -> Path:
        if target.name == "x.csv":
            raise OSError(errno.EIO, "the disk is broken")
        return replace(self, target)

    with vox_calls.Client(empty_sandbox.api_key, base_url=empty_sandbox.base_url) as client:
        with monkeypatch.context() as broken:
            broken.setattr(Path, "replace", fail_at_the_last)
            with pytest.raises(ExportDiskError):
                export_calls(client, tmp_path / "x.csv")
        done = export_calls(client, tmp_path / "x.csv", resume=True)
    assert (done.calls, done.rejected, done.rejects) == (1, 1, tmp_path / "x.csv.rejects.jsonl")
    assert b'"path"' in (tmp_path / "x.csv.rejects.jsonl").read_bytes()
