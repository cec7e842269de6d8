"""`vox-calls list` in a terminal and in a pipe."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len

from scripted import call
from terminal import COMMAND, Seen, in_terminal
from vox_calls import Call, Calls
from vox_calls.timestamps import to_unix_ms
from vox_calls.toolkit import fields_of
from vox_calls_tools.cli import main
from vox_calls_tools.cli.privacy import HARMLESS, mask_number, masked
from vox_calls_tools.export.columns import HIDDEN
from vox_calls_tools.sandbox import Sandbox, Settings, make_key
from vox_calls_tools.sandbox.faults import Script, Step

HEADINGS = ["type", "status", "reason", "from", "to", "length", "won", "summary"]
NOON = to_unix_ms("2026-11-01T12:00:00+09:00")
SUMMARY = '고객이 배송 일정을 문의했고 "내일 도착"이라고 안내했습니다. Then they said goodbye.'


def environment(sandbox: Sandbox, **more: str) -> dict[str, str]:
    return {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key, "TZ": "Asia/Seoul", **more}


def piped(sandbox: Sandbox, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "list", *arguments],
        env=os.environ | environment(sandbox, **more),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def shown(sandbox: Sandbox, *arguments: str, columns: int = 80, **more: str) -> Seen:
    return in_terminal("list", *arguments, columns=columns, environment=environment(sandbox, **more))


@pytest.fixture(scope="module")
def four() -> Iterator[Sandbox]:
    """Calls of different widths, the newest last."""
    own = "0215881234"
    with Sandbox(settings=Settings(make_key(), windows=())) as sandbox:
        sandbox.store.add(
            [
                call("a", call_type="web", status="ongoing", start_at=NOON),
                call("b", status="error", disconnection_reason="flow_error", start_at=NOON + 1_000),
                call(
                    *("c",),
                    call_type="outbound",
                    status="not_connected",
                    disconnection_reason="orphaned_no_agent_pickup",
                    from_number=own,
                    to_number="01012345678",
                    start_at=NOON + 2_000,
                ),
                call(
                    *("d",),
                    disconnection_reason="user_hangup",
                    from_number="01087654321",
                    to_number=own,
                    start_at=NOON + 3_000,
                    end_at=NOON + 97_400,
                    call_analysis={"summary": SUMMARY},
                    call_cost={"total_cost": "1200.50"},
                ),
            ]
        )
        yield sandbox


@pytest.mark.parametrize(
    ("columns", "headings"),
    [
        (40, ["status", "from"]),
        (80, ["status", "reason", "from", "to", "length", "won"]),
        (120, HEADINGS),
        (200, HEADINGS),
    ],
)
def test_a_terminal_shows_the_columns_that_fit(four: Sandbox, columns: int, headings: list[str]) -> None:
    seen = shown(four, "--quiet", columns=columns)
    assert seen.status == 0
    assert seen.lines[0].split() == ["start", "(KST)", *headings]
    assert len(seen.lines) == 5, "a line was too long"
    assert [seen.column(row, "status") for row in range(1, 5)] == ["ended", "not_connected", "error", "ongoing"]
    assert [seen.column(row, "from") for row in range(1, 5)] == ["01087654321", "0215881234", "-", "-"]
    if "won" in headings:
        assert [line[: line.index("won") + 3].split()[-2:] for line in seen.lines[:1]] == [["length", "won"]]
        assert all(seen.screen.buffer[row][seen.lines[0].index("won") + 2].data in "0-" for row in range(1, 5))
    assert seen.lines[1].startswith("2026-11-01 12:00:03" if columns == 200 else "11-01 12:00 ")
    if "summary" in headings:
        words = seen.lines[1].partition("고객이")
        assert words[1], "the summary begins with its first words"
        assert cell_len(seen.lines[1]) <= columns
        assert seen.lines[1].endswith(SUMMARY if columns == 200 else "…")


def test_status_and_reason_are_coloured_unless_disabled(four: Sandbox) -> None:
    seen = shown(four, "--quiet")
    assert [seen.colour(row, seen.column(row, "status")) for row in range(1, 5)] == ["green", "brown", "red", "cyan"]
    assert [seen.colour(row, seen.column(row, "reason")) for row in range(1, 4)] == ["green", "brown", "red"]
    plain = shown(four, "--quiet", NO_COLOR="1")
    assert plain.screen.display == seen.screen.display
    assert {plain.colour(row, plain.column(row, "status")) for row in range(1, 5)} == {"default"}
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", plain.raw)
    dumb = shown(four, "--quiet", columns=40, TERM="dumb")
    assert "\x1b" not in dumb.raw
    assert len(dumb.lines) == 5


def test_a_terminal_without_korean_keeps_its_columns(four: Sandbox) -> None:
    seen = shown(four, "--quiet", columns=120, PYTHONIOENCODING="ascii")
    assert len(seen.lines) == 5
    assert seen.column(1, "summary").startswith("\\uace0\\uac1d")
    assert seen.lines[1].endswith("~")


def test_control_sequences_in_calls_are_escaped(empty_sandbox: Sandbox) -> None:
    evil = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202e\r\nx"
    empty_sandbox.store.add(
        [call(f"{evil}1", status=evil, from_number=evil, start_at=NOON, call_analysis={"summary": f"[bold]{evil}"})]
    )
    seen = shown(empty_sandbox, "--quiet", columns=200)
    assert seen.screen.title == ""
    assert seen.lines[0].startswith("start (KST)")
    assert "\\x1b]0;owned\\x07\\x1b[2J\\x…" in seen.lines[1]
    assert "[bold]\\x1b]0;" in seen.lines[1]
    done = piped(empty_sandbox)
    assert done.stdout.count("\n") == 1
    for text in (seen.raw, done.stdout, done.stderr):
        assert not re.search(r"\x1b[^\[]|\x1b\[2J|[\x07\x9b\u202e]", text)


def test_later_pages_share_the_headings(sandbox: Sandbox) -> None:
    seen = shown(sandbox, "--max-items", "120", "--quiet", columns=60)
    headings, *rows = seen.lines
    assert len(rows) == 120
    assert {row[headings.index("status") - 1] for row in rows} == {" "}
    assert {row[headings.index("status") :].split()[0] for row in rows} >= {"ended", "not_connected"}


def test_a_pipe_gets_one_line_per_call(four: Sandbox) -> None:
    done = piped(four, "--max-items", "3")
    assert [line.split("\t") for line in done.stdout.splitlines()] == [
        [
            *("2026-11-01T12:00:03.000+09:00", "d", "inbound", "ended", "user_hangup", "01087654321", "0215881234"),
            *("94.400", "1200.50", SUMMARY),
        ],
        [
            *("2026-11-01T12:00:02.000+09:00", "c", "outbound", "not_connected", "orphaned_no_agent_pickup"),
            *("0215881234", "01012345678", "-", "-", "-"),
        ],
        ["2026-11-01T12:00:01.000+09:00", "b", "inbound", "error", "flow_error", "-", "-", "-", "-", "-"],
    ]
    times, totals, more = done.stderr.splitlines()
    assert times == "times are of KST (now UTC+09:00)"
    assert totals == "3 of 4 calls; those shown are 1:34 long and cost 1,200.50 won"
    rest = piped(four, "--quiet", *more.removeprefix("more: the same options and ").split(), "--tz", "America/St_Johns")
    assert rest.stdout.split("\t")[:2] == ["2026-11-01T00:30:00.000-02:30", "a"]
    assert rest.stderr == ""


def test_days_follow_the_zone_and_the_interval_is_shown(sandbox: Sandbox, calls: list[dict[str, Any]]) -> None:
    first, last = (to_unix_ms(f"2026-11-1{day}+09:00") for day in ("0T00:00:00", "1T23:59:59.999"))
    expected = {call["id"] for call in calls if first <= (call["start_at"] or 0) <= last}
    arguments = ("--since", "2026-11-10", "--until", "2026-11-11", "--tz", "Asia/Seoul", "--max-items", "3000")
    done = piped(sandbox, *arguments, TZ="America/New_York")
    assert {line.split("\t")[1] for line in done.stdout.splitlines()} >= expected != set()
    assert all("2026-11-10T" <= line <= "2026-11-12T" for line in done.stdout.splitlines() if line[0] != "-")
    zone, since, until = done.stderr.splitlines()[0].split(", ")
    assert zone == "times are of Asia/Seoul (now UTC+09:00)"
    assert (since, until) == ("since 2026-11-10T00:00:00.000+09:00", "until 2026-11-11T23:59:59.999+09:00")


def test_relative_times_are_absolute_in_the_resume_hint(empty_sandbox: Sandbox) -> None:
    now = datetime.now(UTC)
    week = timedelta(days=7)
    ago = {"in": week - timedelta(minutes=2), "in too": timedelta(hours=1), "out": week + timedelta(minutes=1)}
    empty_sandbox.store.add([call(name, start_at=to_unix_ms(now - age)) for name, age in ago.items()])
    arguments = ("--since", "7d", "--until", "now", "--max-items", "1")
    done = piped(empty_sandbox, *arguments)
    assert done.stdout.split("\t")[1] == "in too"
    more = done.stderr.splitlines()[-1].removeprefix("more: the same options and ")
    rest = piped(empty_sandbox, *arguments, *more.split())
    assert (rest.stdout.split("\t")[1], rest.stdout.count("\n")) == ("in", 1)
    assert "more: " not in rest.stderr


def test_an_invalid_time_is_reported(four: Sandbox) -> None:
    done = piped(four, "--since", "\x1b[2J")
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert done.stderr.startswith("vox-calls: since: not a valid time; write 2026-11-01, ")
    assert "\x1b" not in done.stderr


def test_the_heading_names_the_zone_of_the_times_shown(empty_sandbox: Sandbox) -> None:
    changed = to_unix_ms("2026-10-25T01:00:00Z")
    empty_sandbox.store.add([call("summer", start_at=changed - 1), call("winter", start_at=changed)])
    seen = shown(empty_sandbox, "--tz", "Europe/Berlin")
    assert seen.lines[0].startswith("start (CET/CEST) ")
    assert [line[:11] for line in seen.lines[1:3]] == ["10-25 02:00", "10-25 02:59"]
    assert seen.lines[3].startswith("times are of Europe/Berlin (now UTC+")


def test_json_is_one_array_of_the_jsonl_objects(four: Sandbox, empty_sandbox: Sandbox) -> None:
    lines = piped(four, "--format", "jsonl").stdout.splitlines()
    done = piped(four, "--format", "json")
    assert json.loads(done.stdout) == [json.loads(line) for line in lines]
    assert (done.stderr, len(lines)) == ("", 4)
    assert piped(empty_sandbox, "--format", "json").stdout == "[]\n"


def test_an_incomplete_json_array_is_not_closed(calls: list[dict[str, Any]]) -> None:
    refusal = Step(status=401, json={"error": {"code": "GONE", "message": "no", "details": {}}})
    with Sandbox(calls, settings=Settings(make_key(), windows=(), faults=Script([None, refusal]))) as sandbox:
        done = piped(sandbox, "--format", "json", "--max-items", "200", "--since", "2026-11-01")
    assert done.returncode == 1
    assert "(resume with the same options and --since 2026-11-01T00:00:00.000+09:00 --cursor " in done.stderr
    with pytest.raises(json.JSONDecodeError):
        json.loads(done.stdout)
    assert len(json.loads(f"{done.stdout}]")) == 100


PERSONAL = {
    "from_number": "01011112222",
    "to_number": "sip:kim@example.com",
    "presentation_number": "02-3333-4444",
    "recording_url": "https://recordings.example.com/kim.wav?signature=c0ffee",
    "metadata": {"kim": "010 5555 6666", "n": 1055556666},
    "dynamic_variables": {"address": "kimchi street 5", "list": ["kim"]},
    "call_analysis": {
        "summary": "kim called about 010-7777-8888",
        "user_sentiment": "positive",
        "custom_analysis_data": [{"kim": "kim"}, {}],
        "quoted": "kim",
    },
    "unheard_of": {"kim": "kim"},
    "call_cost": {"total_cost": "150.00"},
    "start_at": NOON,
    "end_at": NOON + 1_000,
}
SECRET = re.compile(r"kim|1111|3333|5555|7777|8888|6666|c0ffee", re.IGNORECASE)


def test_masked_calls_identify_nobody(empty_sandbox: Sandbox) -> None:
    empty_sandbox.store.add([call("f3b4f3c0-58be-4f6a-b8e5-6f5d1f0c7a11", **PERSONAL)])
    arguments = ("--mask", "--verbose", "--call-from", "01011112222", "--call-from", "01077779999")
    table = shown(empty_sandbox, *arguments, columns=200)
    line = piped(empty_sandbox, *arguments)
    lines = piped(empty_sandbox, *arguments, "--format", "jsonl")
    for text in (table.raw, line.stdout + line.stderr, lines.stdout + lines.stderr):
        assert not SECRET.search(text)
        assert "call_from=*******2222&call_from=*******9999" in text
        assert text.count("*******2222") == 2
        assert "150.00" in text
        assert HIDDEN in text
    assert json.loads(lines.stdout)["id"] == "f3b4f3c0-58be-4f6a-b8e5-6f5d1f0c7a11"


def test_a_masked_call_is_still_a_call() -> None:
    item = call("a", **PERSONAL)
    hidden = masked(Call.from_dict(item))
    assert list(hidden) == list(item)
    assert Call.from_dict(hidden).started_at == Call.from_dict(item).started_at
    assert hidden["metadata"] == {HIDDEN: HIDDEN}
    assert hidden["call_analysis"]["custom_analysis_data"] == [{HIDDEN: HIDDEN}, {}]
    assert masked(Call.from_dict(call("a", summary=None, metadata={}))) == call("a", summary=None, metadata={})


@pytest.mark.parametrize(
    ("number", "kept"),
    [
        ("01012345678", "*******5678"),
        ("+82 10-1234-5678", "+** **-****-5678"),
        ("1588", "1588"),
        ("", ""),
        ("x1", HIDDEN),
    ],
)
def test_numbers_keep_their_last_four_digits(number: str, kept: str) -> None:
    assert mask_number(number) == kept


def test_unmasked_fields_are_in_the_contract() -> None:
    held = [Call]
    for cls in held:
        held += [field.model for field in fields_of(cls) if field.model]
    names = {field.wire_name for cls in held for field in fields_of(cls)}
    assert names >= HARMLESS


def test_verbose_logs_each_request_and_redacts_the_key() -> None:
    script = Script([Step(status=503), Step(fault="cut")])
    with Sandbox(settings=Settings(make_key(), windows=(), faults=script)) as sandbox:
        done = piped(sandbox, "--verbose", "--status", "ended", "--format", "jsonl")
        assert sandbox.api_key not in done.stdout + done.stderr
    assert done.returncode == 0
    assert re.sub(r", \d\.\d s later", "", re.sub(r"\d+ ms", "N ms", done.stderr)).splitlines() == [
        "> GET /v3/calls?status=ended&limit=20",
        "< 503 in N ms, 0 bytes",
        "> GET /v3/calls?status=ended&limit=20",
        "> GET /v3/calls?status=ended&limit=20",
        "< 200 in N ms, 47 bytes",
        "times are of KST (now UTC+09:00)",
    ]


def test_warnings_take_one_line_and_can_be_silenced(empty_sandbox: Sandbox) -> None:
    empty_sandbox.store.add([call("a", status="\x1b[31mringing")])
    warned = piped(empty_sandbox, "--format", "jsonl")
    assert warned.stderr.startswith("vox-calls: CallStatus: ")
    assert (warned.stderr.count("\n"), warned.stderr.count("\x1b")) == (1, 0)
    assert piped(empty_sandbox, "--format", "jsonl", "--quiet").stderr == ""


def test_ctrl_c_exits_130_without_traceback(calls: list[dict[str, Any]]) -> None:
    pressed: list[int] = []

    def press(written: str, keyboard: int) -> None:
        if "> GET" in written and not pressed:
            pressed.append(os.write(keyboard, b"\x03"))

    with Sandbox(calls, settings=Settings(make_key(), windows=(), latency=30)) as sandbox:
        seen = in_terminal("list", "--verbose", during=press, environment=environment(sandbox))
    assert pressed
    assert seen.status == 130
    assert "Traceback" not in seen.raw


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        ("vox-calls list --status not", "not_connected"),
        ("vox-calls list --sin", "--since"),
        ("vox-calls list --tz Asia/Seo", "Asia/Seoul"),
    ],
)
def test_a_shell_completes_options_and_values(words: str, completed: str) -> None:
    done = subprocess.run(
        [COMMAND],
        env=os.environ
        | {"_VOX_CALLS_COMPLETE": "complete_bash", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split() == [completed], done.stderr


def test_csv_is_what_export_writes(four: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "calls.csv"
    export = ["export", str(file), "--sort-order", "desc", "--no-bom", "--quiet"]
    subprocess.run([COMMAND, *export], env=os.environ | environment(four), check=True)
    done = subprocess.run(
        [COMMAND, "list", "--format", "csv"], env=os.environ | environment(four), capture_output=True, check=True
    )
    assert done.stdout == file.read_bytes()
    assert b"\r\n" in done.stdout
    masked = piped(four, "--format", "csv", "--mask").stdout
    assert "5678" in masked
    assert "01012345678" not in masked


ODD = "\x1b]0;x\x07\x9b31m\u202e\U000e0041한"


@pytest.mark.parametrize("format_", ["json", "jsonl"])
def test_json_is_valid_and_escapes_control_characters(empty_sandbox: Sandbox, format_: str) -> None:
    empty_sandbox.store.add([call("a", variant_label=ODD)])
    done = piped(empty_sandbox, "--format", format_)
    (item,) = [json.loads(done.stdout)] if format_ == "jsonl" else json.loads(done.stdout)
    assert item["variant_label"] == ODD
    assert "한" in done.stdout
    assert not set(ODD[:-1]) & set(done.stdout) - set("]0;x31m")


def test_csv_on_a_terminal_escapes_control_sequences(empty_sandbox: Sandbox) -> None:
    empty_sandbox.store.add([call("a", variant_label=ODD)])
    seen = shown(empty_sandbox, "--format", "csv", columns=400)
    assert "\\x1b]0;x\\x07\\x9b31m\\u202e" in "".join(seen.lines)


def test_an_interrupted_list_prints_how_to_resume(calls: list[dict[str, Any]]) -> None:
    with Sandbox(calls[:500], settings=Settings(make_key(), windows=(), latency=0.2)) as sandbox:
        command = [str(COMMAND), "list", "--max-items", "500", "--format", "jsonl"]
        with subprocess.Popen(
            command, env=os.environ | environment(sandbox), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            assert process.stderr is not None
            first = [process.stdout.readline() for _ in range(100)]
            process.send_signal(signal.SIGINT)
            # Not `communicate`, which drops what is already buffered behind the hundredth line.
            rest, told = process.stdout.read(), process.stderr.read()
        assert process.returncode == 130
        (option,) = re.findall(r"^more: the same options and (--cursor \S+)$", told, re.MULTILINE)
        shown = [json.loads(line)["id"] for line in (*first, *rest.splitlines())]
        further = piped(sandbox, *option.split(), "--max-items", "500", "--format", "jsonl").stdout.splitlines()
        ids = [json.loads(line)["id"] for line in further]
        assert set(shown) | set(ids) == {call["id"] for call in calls[:500]}
        assert len(shown) + len(ids) <= 600


def test_an_interruption_between_calls_prints_how_to_resume(
    empty_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a signal, whose timing is random."""
    empty_sandbox.store.add([call(str(number), start_at=NOON + number) for number in range(150)])

    def interrupted(calls: Calls, *_: object, **__: object) -> None:
        next(calls.pages())
        raise KeyboardInterrupt

    monkeypatch.setattr("vox_calls_tools.cli.output.write_jsonl", interrupted)
    monkeypatch.setattr("sys.argv", ["vox-calls", "list", "--max-items", "150", "--format", "jsonl"])
    for name in ("handlers", "propagate"):  # the command sets them for its own process
        monkeypatch.setattr(logging.getLogger("vox_calls"), name, getattr(logging.getLogger("vox_calls"), name))
    for name, value in environment(empty_sandbox).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 130
    assert re.fullmatch(r"more: the same options and --cursor \S+\n", capsys.readouterr().err)


@pytest.mark.parametrize("format_", ["table", "jsonl", "csv", "json"])
def test_an_undecodable_call_is_reported_and_the_rest_listed(empty_sandbox: Sandbox, format_: str) -> None:
    empty_sandbox.store.add(
        [call("a", start_at=NOON), call("b", start_at=NOON + 1, call_type=5), call("c", start_at=NOON + 2)]
    )
    done = piped(empty_sandbox, "--format", format_)
    assert done.returncode == 1
    assert "skipped an invalid call: items[1].call_type: " in done.stderr
    if format_ == "json":
        assert [item["id"] for item in json.loads(done.stdout)] == ["c", "a"]
    else:
        assert len(done.stdout.splitlines()) == 2 + (format_ == "csv")


def test_headings_and_zone_need_calls_and_starts(empty_sandbox: Sandbox) -> None:
    assert [line.partition(" ")[0] for line in shown(empty_sandbox).lines] == ["times", "0"]
    empty_sandbox.store.add([call("a", status="queued")])
    assert shown(empty_sandbox).lines[0].split()[:2] == ["start", "type"]
