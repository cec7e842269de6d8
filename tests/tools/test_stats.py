"""Statistics: compared with a manual count, and the installed command on the API, files and a terminal."""

from __future__ import annotations

import gzip
import json
import os
import re
import statistics
import subprocess
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from html.parser import HTMLParser
from operator import itemgetter
from pathlib import Path
from typing import Any
from uuid import UUID
from xml.etree import ElementTree as ET
from zoneinfo import ZoneInfo

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import scripted
from terminal import COMMAND, in_terminal
from vox_calls import Call, CallStatus, Client, ConfigurationError
from vox_calls_tools.cli.statistics import replacing
from vox_calls_tools.export import export_calls
from vox_calls_tools.sandbox import Sandbox, Script, Settings, Step, make_key
from vox_calls_tools.stats import BadLineError, FileError, Summary, Tally, as_json, read_calls
from vox_calls_tools.stats.counting import summed
from vox_calls_tools.stats.report import MOST_AGENTS, notes, sections
from vox_calls_tools.stats.summary import ANSWERED, Bucket, Group, Lengths

SEOUL = ZoneInfo("Asia/Seoul")
AGENTS = ("7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "0d9f6a52-1111-4a57-9f0e-2f1d4be0a4d2")
START = 1_793_491_200_000  # 2026-11-01T00:00:00Z
HOSTILE = "\ud800\x1b[31m</td><script>alert('통화')</script>"


def item(**fields: Any) -> dict[str, Any]:
    agent = {"agent_id": fields.pop("agent_id", AGENTS[0]), "agent_version": "v1"}
    return {"id": "a", "agent": agent, "call_type": "inbound", "status": "ended"} | fields


def counted(*items: dict[str, Any], zone: ZoneInfo = SEOUL) -> Summary:
    tally = Tally(zone)
    for one in items:
        tally.add(Call.from_dict(one))
    return tally.summary()


items = st.builds(
    item,
    agent_id=st.sampled_from(AGENTS),
    status=st.sampled_from([*(status.value for status in CallStatus), "a status to come"]),
    call_type=st.sampled_from(["inbound", "web"]),
    disconnection_reason=st.sampled_from([None, "user_hangup"]),
    start_at=st.none() | st.integers(START, START + 3 * 86_400_000) | st.just(-1),
    end_at=st.none() | st.integers(START, START + 4 * 86_400_000),
    call_cost=st.none()
    | st.decimals("-5", "1e30", allow_nan=False, places=7).map(lambda won: {"total_cost": f"{won:f}"})
    | st.just({"total_cost": "1,500"}),
)


@given(st.lists(items), st.randoms(), st.integers(1, 4))
@settings(max_examples=60, deadline=None)
def test_tallies_merge_in_any_order_and_split(calls: list[dict[str, Any]], random: Any, many: int) -> None:
    whole = counted(*calls)
    random.shuffle(calls)
    tallies = [Tally(SEOUL) for _ in range(many)]
    for call in calls:
        random.choice(tallies).add(Call.from_dict(call))
    together = Tally(SEOUL)
    for tally in tallies:
        together.merge(tally)
    assert together.summary() == whole


def test_the_summary_matches_a_manual_count(calls: list[dict[str, Any]]) -> None:
    def hand(chosen: list[dict[str, Any]], key: Any = None) -> Group[Any]:
        costs = (Decimal(call["call_cost"]["total_cost"]) for call in chosen if call["call_cost"])
        return Group(key, len(chosen), len([call for call in chosen if answered(call)]), sum(costs, Decimal(0)))

    def answered(call: dict[str, Any]) -> bool:
        return call["start_at"] is not None and call["status"] != "not_connected"

    def by(key: Callable[[dict[str, Any]], Any], chosen: list[dict[str, Any]]) -> dict[Any, Group[Any]]:
        return {one: hand([call for call in chosen if key(call) == one], one) for one in set(map(key, chosen))}

    def local(call: dict[str, Any]) -> datetime:
        return datetime.fromtimestamp(call["start_at"] // 1_000, SEOUL)

    summary = counted(*calls)
    dated = [call for call in calls if call["start_at"] is not None]
    assert summary.total == hand(calls)
    assert summary.undated == len(calls) - len(dated) > 0
    assert {group.key: group for group in summary.days} == by(lambda call: local(call).date(), dated)
    assert [group.key for group in summary.days] == sorted(group.key for group in summary.days)
    assert {group.key: group for group in summary.hours} == by(lambda call: local(call).hour, dated)
    for name, groups in summary.shares.items():
        assert {group.key: group for group in groups} == by(itemgetter(name), calls)
    agents = by(lambda call: call["agent"]["agent_id"], calls)
    assert {group.key: group for group in summary.agents} == agents
    assert [group.calls for group in summary.agents] == sorted((one.calls for one in agents.values()), reverse=True)

    lengths = [call["end_at"] - call["start_at"] for call in calls if answered(call) and call["end_at"] is not None]
    seconds = sorted((length + 500) // 1_000 for length in lengths)
    assert (summary.lengths.calls, summary.lengths.total_ms) == (len(lengths), sum(lengths))
    assert summary.lengths.median == statistics.median_low(seconds)
    assert summary.lengths.p90 == seconds[-(-len(seconds) * 9 // 10) - 1]
    assert summary.lengths.longest == seconds[-1]
    assert sum(bucket.calls for bucket in summary.lengths.buckets) == len(seconds)
    assert summary.lengths.buckets[1].calls == len([second for second in seconds if 10 <= second < 30])


def test_a_day_is_one_of_the_zone() -> None:
    late = item(start_at=START - 3_600_000)  # 23:00 of October in London, 8:00 of November in Seoul
    assert [(str(day.key), day.calls) for day in counted(late).days] == [("2026-11-01", 1)]
    assert counted(late).hours[8].calls == 1
    assert [str(day.key) for day in counted(late, zone=ZoneInfo("Europe/London")).days] == ["2026-10-31"]


def test_sums_of_won_are_exact() -> None:
    amounts = ["0.1", "9" * 30, "0." + "0" * 29 + "1", "0.2"]
    won = counted(*(item(call_cost={"total_cost": amount}) for amount in amounts)).total.won
    assert won == Decimal("9" * 30 + ".300000000000000000000000000001")


def test_implausible_values_are_reported_and_not_counted() -> None:
    summary = counted(
        item(start_at=-1, end_at=START),
        item(start_at=START, end_at=START - 1),
        item(start_at=START, end_at=START + 86_400_000),
        item(start_at=START, call_cost={"total_cost": "1,500"}),
        item(start_at=253_402_300_799_999),  # the last millisecond of 9999, which is in 10000 in Seoul
    )
    assert (summary.total.calls, summary.unreadable, summary.undated) == (5, 6, 2)
    assert (summary.lengths.calls, summary.total.won, summary.priced) == (0, Decimal(0), 0)


def test_no_calls_have_no_rates() -> None:
    summary = counted()
    assert (summary.total.answered_rate, summary.lengths.median, summary.lengths.longest) == (None, None, None)
    assert (summary.first, summary.days) == (None, ())
    assert json.loads(json.dumps(as_json(summary, "UTC")))["by_hour"][23]["answered_rate"] is None


def test_tallies_of_different_zones_do_not_mix() -> None:
    with pytest.raises(ValueError, match="zones"):
        Tally(SEOUL).merge(Tally(UTC))


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "stats", *arguments], env=os.environ | environment, capture_output=True, encoding="utf-8", check=False
    )


def against(sandbox: Sandbox, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return run(*arguments, VOX_BASE_URL=sandbox.base_url, VOX_API_KEY=sandbox.api_key, **environment)


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory, calls: list[dict[str, Any]]) -> Path:
    """Some of the sandbox's calls as a JSON Lines file."""
    path = tmp_path_factory.mktemp("exported") / "calls.jsonl"
    path.write_text("".join(json.dumps(call, ensure_ascii=False) + "\n" for call in calls[::5]), encoding="utf-8")
    return path


def test_stats_of_the_api_apply_the_filters(empty_sandbox: Sandbox, calls: list[dict[str, Any]]) -> None:
    empty_sandbox.store.add(calls[-700:])
    done = against(empty_sandbox, "--format", "json", "--tz", "Asia/Seoul", "--status", "ended", "--status", "error")
    assert (done.returncode, done.stderr) == (0, "")
    chosen = [call for call in calls[-700:] if call["status"] in {"ended", "error"}]
    assert json.loads(done.stdout) == as_json(counted(*chosen), "Asia/Seoul (now UTC+09:00)")


def test_an_undecodable_item_is_reported_and_skipped(empty_sandbox: Sandbox) -> None:
    empty_sandbox.store.add([item(id="a"), item(id="b", start_at="soon"), item(id="c")])
    done = against(empty_sandbox, "--format", "json")
    assert (json.loads(done.stdout)["calls"], json.loads(done.stdout)["skipped_calls"]) == (2, 1)
    assert done.returncode == 1
    assert "start_at" in done.stderr
    assert done.stderr.endswith("skipped 1 call that could not be decoded\n")


@pytest.mark.parametrize("packed", ["", ".gz", ".zst"])
def test_stats_of_a_file_equal_those_of_the_api(
    exported: Path, tmp_path: Path, calls: list[dict[str, Any]], packed: str
) -> None:
    text = exported.read_bytes()
    half = text.index(b"\n", len(text) // 2) + 1  # compressed in two members, as a resumed export is
    codec = pa.Codec("zstd")
    packs: dict[str, Callable[[bytes], bytes]] = {
        "": bytes,
        ".gz": gzip.compress,
        ".zst": lambda piece: codec.compress(piece, asbytes=True),
    }
    pack = packs[packed]
    path = tmp_path / f"calls.jsonl{packed}"
    path.write_bytes(pack(text[:half]) + pack(text[half:]))
    done = run("--from", str(path), "--format", "json", TZ="Asia/Seoul")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == as_json(counted(*calls[::5]), "KST (now UTC+09:00)")


@pytest.mark.parametrize("name", ["calls.csv", "calls.csv.gz", "calls.parquet", "calls.jsonl.zst"])
def test_stats_of_every_export_format_are_equal(
    sandbox: Sandbox, tmp_path: Path, calls: list[dict[str, Any]], name: str
) -> None:
    path = tmp_path / name
    with Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client:
        export_calls(client, path, {"call_type": ["outbound", "web"]})
    done = run("--from", str(path), "--format", "json", "--tz", "Asia/Seoul")
    assert (done.returncode, done.stderr) == (0, "")
    chosen = [call for call in calls if call["call_type"] in {"outbound", "web"}]
    assert json.loads(done.stdout) == as_json(counted(*chosen), "Asia/Seoul (now UTC+09:00)")


@pytest.mark.parametrize("name", ["calls.csv", "calls.parquet"])
def test_export_rows_convert_back_to_calls(empty_sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    odd = item(id="=1", start_at=5, end_at=10**30, metadata={"가": [1]}, opt_out_sensitive_data_storage=False)
    odd |= {"unheard": {"of": 1}, "call_cost": {"total_cost": "1.50", "currency": "KRW"}, "from_number": ""}
    empty_sandbox.store.add([odd, item(id="b")])
    path = tmp_path / name
    with Client(empty_sandbox.api_key, base_url=empty_sandbox.base_url) as client:
        export_calls(client, path, {})
        came = sorted(client.list_calls(), key=lambda call: call.id)
    assert sorted(read_calls(path, print), key=lambda call: call.id) == came


def test_invalid_rows_are_reported(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("id,start_at\na,soon\nb\nc,5\n", encoding="utf-8")
    bad: list[BadLineError] = []
    assert list(read_calls(path, bad.append)) == []
    assert [error.place for error in bad] == ["line 2", "line 3", "line 4"]
    assert "1 cells instead of 2" in str(bad[1])
    (tmp_path / "calls.parquet").write_bytes(b"PAR1 no")
    done = run("--from", str(tmp_path / "calls.parquet"))
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)


def test_invalid_lines_are_numbered_and_the_rest_counted(tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    good = json.dumps(item())
    bad = ["{", "[]", '{"id": "a"}', "\xff".encode("latin-1").decode("latin-1"), "5", "6", "7"]
    path.write_text("\ufeff" + "\n".join([good, *bad, "", good[:-9]]), encoding="utf-8")
    done = run("--from", str(path), "--format", "json", "--quiet")
    assert done.returncode == 1
    assert (json.loads(done.stdout)["calls"], json.loads(done.stdout)["skipped_calls"]) == (1, 8)
    lines = done.stderr.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["vox-calls"] * 6
    assert re.findall(r"calls\.jsonl, line (\d+): ", done.stderr) == ["2", "3", "4", "5", "6"]
    assert lines[-1].endswith("skipped 8 calls that could not be decoded; the first 5 are above")


def test_an_overlong_line_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vox_calls_tools.stats.files.LONGEST_LINE", 300)
    path = tmp_path / "calls.jsonl"
    path.write_text(f"{json.dumps(item())}\n{'x' * 1_000}\n{json.dumps(item())}\n", encoding="utf-8")
    bad: list[BadLineError] = []
    assert len(list(read_calls(path, bad.append))) == 2
    assert [(error.place, "longer than 300 bytes" in str(error)) for error in bad] == [("line 2", True)]


@pytest.mark.parametrize(
    ("arguments", "status", "words"),
    [
        (["--from", "none.jsonl"], 1, "none.jsonl: No such file"),
        (["--from", "folder.jsonl"], 1, "Is a directory"),
        (["--from", "cut.jsonl.gz"], 1, "cut.jsonl.gz: "),
        (["--from", "calls.txt"], 2, "cannot tell the format from the name "),
        (["--from", "calls.jsonl", "--status", "ended"], 2, "--from"),
        (["--from", "calls.jsonl", "--tz", "Asia/Soul"], 2, "Asia/Seoul"),
        (["--from", "calls.jsonl", "--tz", "../etc"], 2, "tz"),
        (["--from", "calls.jsonl", "--html", "none/page.html"], 1, "page.html: No such file"),
        (["--status", "endd"], 2, "did you mean 'ended'?"),
    ],
)
def test_failures_are_reported_in_one_line(tmp_path: Path, arguments: list[str], status: int, words: str) -> None:
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "calls.jsonl").write_text(json.dumps(item()), encoding="utf-8")
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(os.urandom(1_000))[:-20])
    done = subprocess.run(
        [COMMAND, "stats", *arguments],
        cwd=tmp_path,
        env=os.environ | {"VOX_API_KEY": make_key()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (status, "", 1)
    assert words in done.stderr
    assert not list(tmp_path.glob("**/*.part"))


def test_a_failed_stats_run_prints_no_cursor(
    calls: list[dict[str, Any]],
) -> None:
    faults = Script(steps=[Step(), Step(status=403)])
    with Sandbox(calls[:300], settings=Settings(make_key(), windows=(), faults=faults)) as refusing:
        done = against(refusing)
    assert (done.returncode, done.stdout) == (1, "")
    assert "403" in done.stderr
    assert "--cursor" not in done.stderr


def test_a_rejected_key_leaves_the_page_unchanged(sandbox: Sandbox, tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    page.write_text("before", encoding="utf-8")
    done = run("--html", str(page), VOX_BASE_URL=sandbox.base_url, VOX_API_KEY=make_key())
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1)
    assert "401" in done.stderr
    assert (page.read_text(encoding="utf-8"), [path.name for path in tmp_path.iterdir()]) == ("before", ["page.html"])


def test_bars_are_plain_in_a_pipe_and_80_columns_wide(exported: Path) -> None:
    done = run("--from", str(exported), TZ="Asia/Seoul")
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
    assert max(map(len, lines)) == 80
    assert all(line == line.rstrip() for line in lines)
    assert re.fullmatch(r"600 calls from 2026-08-25 to 2026-11-23, KST \(now UTC\+09:00\)", lines[0])
    assert len([line for line in lines if re.match(r"2026-\d\d-\d\d +█", line)]) == 31
    assert any(re.match(r"before 2026-10-24 +\d{3} +\d\d\.\d % +\d\d,\d{3}$", line) for line in lines)
    assert any(re.match(r"dial_no_answer +█+", line) for line in lines)


def test_bars_in_a_pipe_are_coloured_on_request(exported: Path) -> None:
    assert "\x1b[" in run("--from", str(exported), FORCE_COLOR="1").stdout


def test_bars_fall_back_to_ascii(exported: Path) -> None:
    done = run("--from", str(exported), PYTHONIOENCODING="ascii")
    assert re.search(r"^ended +#+ +\d{3} ", done.stdout, re.MULTILINE)
    assert done.stdout.isascii()
    assert "\\u" not in done.stdout


@pytest.mark.parametrize("columns", [80, 34])
def test_bars_fit_the_terminal_and_figures_are_never_cut(exported: Path, columns: int) -> None:
    seen = in_terminal("stats", "--from", str(exported), columns=columns, environment={})
    assert seen.status == 0
    ended = next(line for line in seen.lines if line.startswith("ended"))
    figures = [figure for figure in re.split(r" {2,}", ended)[2:] if figure]
    summary = json.loads(run("--from", str(exported), "--format", "json").stdout)["by_status"][0]
    whole = [f"{summary['calls']:,}", f"{summary['share'] * 100:.1f} %", "100.0 %", f"{float(summary['won']):,.0f}"]
    assert set(figures) <= set(whole)
    assert figures[0] == whole[0]
    assert len(figures) == (4 if columns >= 80 else len(figures))


def test_colours_and_progress_can_be_turned_off(exported: Path) -> None:
    colours = re.compile(r"\x1b\[[0-9;]*3[0-9][0-9;]*m")
    progress = re.compile(r"reading: \d[\d,]* calls")
    shown = in_terminal("stats", "--from", str(exported), environment={})
    assert colours.search(shown.raw)
    assert progress.search(shown.raw)
    assert not progress.search("\n".join(shown.lines))
    plain = in_terminal("stats", "--quiet", "--from", str(exported), environment={"NO_COLOR": "1"})
    assert not colours.search(plain.raw)
    assert not progress.search(plain.raw)
    assert plain.lines == shown.lines


def test_ctrl_c_exits_130(calls: list[dict[str, Any]]) -> None:
    with Sandbox(calls, settings=Settings(make_key(), windows=(), latency=0.5)) as slow:
        environment = {"VOX_BASE_URL": slow.base_url, "VOX_API_KEY": slow.api_key}
        pressed: list[bool] = []

        def press(written: str, keyboard: int) -> None:
            if "reading" in written and not pressed:
                pressed.append(True)
                os.write(keyboard, b"\x03")

        seen = in_terminal("stats", during=press, environment=environment)
    assert seen.status == 130
    assert "Traceback" not in seen.raw
    assert "\x1b[?25h" in seen.raw.rpartition("\x1b[?25l")[2], "the cursor stays hidden"


@pytest.mark.parametrize("form", ["table", "json"])
def test_a_closed_pipe_is_not_an_error(exported: Path, form: str) -> None:
    command = [str(COMMAND), "stats", "--from", str(exported), "--format", form]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, b"")


def test_memory_does_not_grow_with_the_calls(tmp_path: Path) -> None:
    def peak_kib(count: int) -> int:
        path = tmp_path / "calls.jsonl"
        with path.open("w", encoding="utf-8") as file:
            for number in range(count):
                fields = {"start_at": START + number * 7_777, "end_at": START + number * 7_777 + number % 900_000}
                file.write(json.dumps(item(id=str(number), **fields)) + "\n")
        command = [str(COMMAND), "stats", "--from", str(path), "--format", "json"]
        with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        return usage.ru_maxrss

    few, many = peak_kib(1_000), peak_kib(15_000)
    assert many - few < 3_000, f"{few} KiB for 1,000 calls and {many} KiB for 15,000"


class Page(HTMLParser):
    """Parse a page: its elements, the attributes that make a browser fetch, its text and its charts."""

    FETCHED = frozenset({"src", "href", "xlink:href", "srcset", "data", "action", "poster", "background"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: Counter[str] = Counter()
        self.fetched: list[str] = []
        self.text = ""
        self.feed(text)
        self.charts = [ET.fromstring(svg) for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL)]  # noqa: S314 - ours

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags[tag] += 1
        self.fetched += [f"{name}={value}" for name, value in attrs if name in self.FETCHED or name.startswith("on")]

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_html_page_is_self_contained(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    done = run("--from", str(exported), "--tz", "Asia/Seoul", "--html", str(path))
    assert (done.returncode, done.stderr) == (0, f"vox-calls: wrote {path}\n")
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert page.fetched == []
    assert not page.tags.keys() & {"script", "link", "iframe", "img", "object", "embed", "base", "form"}
    assert not re.search(r"https?:|@import|url\(|//[a-z]", re.sub(r' xmlns(:\w+)?="[^"]*"', "", text))
    assert "default-src 'none'" in text
    assert 'lang="en"' in text
    assert "prefers-color-scheme: dark" in text
    assert 'name="viewport"' in text
    assert len(text) < 200_000


def test_the_html_page_has_tables_and_named_charts(exported: Path, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    summary = json.loads(
        run("--from", str(exported), "--tz", "Asia/Seoul", "--format", "json", "-q", "--html", str(path)).stdout
    )
    page = Page(path.read_text(encoding="utf-8"))
    names = [chart.get("aria-label") for chart in page.charts]
    assert names == [
        *("Calls by day", "Won by day", "Calls by status", "Calls by type", "Calls by disconnection reason"),
        *("How long the answered calls were", "Calls by hour of the day", "Answered rate by hour of the day"),
        "Calls by agent",
    ]
    assert {chart.get("role") for chart in page.charts} == {"img"}
    assert page.tags["table"] == 7
    for day in summary["by_day"]:
        assert f"{day['day']}{day['calls']:,}" in re.sub(r"\s", "", page.text)
    for agent in summary["by_agent"]:
        assert agent["agent_id"] in page.text
    first = summary["by_day"][0]
    bar = page.charts[0].find(".//g[@class='bar']/title")
    assert bar is not None
    assert bar.text == f"{first['day'][5:]}, answered: {first['answered']:,}"
    assert len(page.charts[1].findall(".//g[@class='bar']")) == len(summary["by_day"])


def test_text_from_calls_is_escaped_everywhere(tmp_path: Path) -> None:
    hostile = item(status=HOSTILE, call_type=HOSTILE, disconnection_reason="이유 " * 40, start_at=START)
    source, path = tmp_path / "calls.jsonl", tmp_path / "page.html"
    source.write_text(json.dumps(hostile), encoding="utf-8")
    done = run("--from", str(source), "--html", str(path))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout + done.stderr
    assert "\\x1b[31m</td><script>" in done.stdout
    text = path.read_text(encoding="utf-8")
    page = Page(text)
    assert "script" not in page.tags
    assert "\x1b" not in text
    assert "[31m</td><script>alert('통화')</script>" in page.text
    assert "이유 이유 이유" in page.text
    status = json.loads(run("--from", str(source), "--format", "json").stdout)["by_status"][0]["status"]
    assert status.endswith(HOSTILE[1:])


def test_a_page_of_no_calls_can_be_made(empty_sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    done = against(empty_sandbox, "--html", str(path))
    assert done.returncode == 0
    assert done.stdout.startswith("0 calls\n")
    assert Page(path.read_text(encoding="utf-8")).tags["h1"] == 1


def test_a_missing_extra_is_reported_before_reading(tmp_path: Path) -> None:
    (tmp_path / "pygal.py").write_text("raise ModuleNotFoundError('no pygal', name='pygal')", encoding="utf-8")
    path = tmp_path / "page.html"
    done = run("--from", "none.jsonl", "--html", str(path), PYTHONPATH=str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "vox-calls[html]" in done.stderr
    assert not path.exists()


def test_an_unknown_file_extension_is_rejected() -> None:
    with pytest.raises(ConfigurationError, match=r"\.jsonl, \.csv"):
        read_calls(Path("calls.xlsx"), print)


def test_the_page_never_overwrites_its_input(exported: Path, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_bytes(exported.read_bytes())
    done = run("--from", str(file), "--html", str(tmp_path / "." / "calls.jsonl"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "--html and --from are the same file" in done.stderr
    assert file.read_bytes() == exported.read_bytes()


def test_json_escapes_control_characters(empty_sandbox: Sandbox) -> None:
    status = "\x9b31m\x7f\u202e한"
    empty_sandbox.store.add([scripted.call("a", status=status)])
    done = against(empty_sandbox, "--format", "json", "--quiet")
    assert status in json.dumps(json.loads(done.stdout), ensure_ascii=False)
    assert "한" in done.stdout
    assert not {"\x9b", "\x7f", "\u202e"} & set(done.stdout)


def test_lengths_fall_into_buckets_and_groups_can_be_summed() -> None:
    ends = [START + 1_000 * seconds for seconds in (9, 10, 3_600)]
    summary = counted(*(item(start_at=START, end_at=end, call_cost={"total_cost": "1.5"}) for end in ends))
    assert isinstance(summary.lengths, Lengths)
    assert [bucket for bucket in summary.lengths.buckets if bucket.calls] == [
        Bucket(at_least=0, below=10, calls=1),
        Bucket(at_least=10, below=30, calls=1),
        Bucket(at_least=3_600, below=None, calls=1),
    ]
    assert summed(summary.hours) == summary.total == Group(None, 3, 3, Decimal("4.5"))
    assert summed(()) == Group(None, 0, 0, Decimal(0))


def test_stats_explain_how_to_read_the_figures() -> None:
    assert notes(counted()) == [ANSWERED]
    tally = Tally(SEOUL)
    tally.add(Call.from_dict(item(call_cost={"total_cost": "1,500"})))
    tally.skip()
    assert notes(tally.summary())[1:] == [
        "Calls without a start, counted in no day and no hour: 1.",
        "Invalid starts, lengths or costs, not counted: 1.",
        "Calls that could not be decoded, not counted: 1.",
    ]


@pytest.mark.parametrize(("more", "told"), [(1, "1 other agent"), (2, "2 other agents")])
def test_agents_beyond_the_top_are_summed(more: int, told: str) -> None:
    agents = [str(UUID(int=number)) for number in range(MOST_AGENTS + more)]
    summary = counted(*(item(agent_id=agent) for agent in agents))
    (section,) = (one for one in sections(summary, most_days=1) if "agent" in one.title.lower())
    assert len(section.rows) == MOST_AGENTS + 1
    assert (section.rows[-1].label, section.rows[-1].calls, section.rows[-1].is_rest) == (told, more, True)


def test_new_nested_fields_survive_a_round_trip(empty_sandbox: Sandbox, tmp_path: Path) -> None:
    agent = {"agent_id": AGENTS[0], "agent_version": "v1", "team": {"name": "a"}}
    empty_sandbox.store.add([item() | {"agent": agent}])
    with Client(empty_sandbox.api_key, base_url=empty_sandbox.base_url) as client:
        export_calls(client, tmp_path / "calls.csv")
    (call,) = read_calls(tmp_path / "calls.csv", print)
    assert call.to_dict()["agent"] == agent


def test_an_unreadable_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"cannot read .*none\.jsonl: No such file"):
        list(read_calls(tmp_path / "none.jsonl", print))


def test_a_page_may_be_written_to_a_device() -> None:
    with replacing(Path(os.devnull)) as write:
        write("<html>")
    assert not Path(f"{os.devnull}.part").exists()


def test_a_cell_that_is_not_a_boolean_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "calls.csv"
    path.write_text("id,opt_out_sensitive_data_storage\na,maybe\n", encoding="utf-8")
    bad: list[BadLineError] = []
    assert list(read_calls(path, bad.append)) == []
    assert [error.reason for error in bad] == ["neither true nor false"]
