"""The installed command against a sandbox: its output and exit status."""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from operator import itemgetter
from pathlib import Path
from typing import Any

import httpx
import pytest

import vox_calls
from contract import parameters
from vox_calls_tools.cli import INTERRUPTED, main
from vox_calls_tools.sandbox import Sandbox

COMMAND = Path(sys.executable).with_name("vox-calls")
KEY = "vox_live_0123456789abcdef"
AGENT = {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v1"}


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    encoding = environment.get("PYTHONIOENCODING", "utf-8")
    return subprocess.run(
        [COMMAND, *arguments], env=os.environ | environment, capture_output=True, encoding=encoding, check=False
    )


def against(sandbox: Sandbox, *arguments: str) -> subprocess.CompletedProcess[str]:
    return run(*arguments, VOX_BASE_URL=sandbox.base_url, VOX_API_KEY=sandbox.api_key)


def assert_one_clear_line(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    assert done.returncode == status
    assert done.stdout == ""
    assert done.stderr.startswith("vox-calls: ")
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr


def test_totals_match_the_calls_shown(empty_sandbox: Sandbox) -> None:
    start = 1_793_491_200_000
    for call in (
        {"id": "a", "start_at": start, "end_at": start + 61_000, "call_cost": {"total_cost": "150.00"}},
        {"id": "b", "start_at": start, "end_at": start + 3_600_000, "call_cost": {"total_cost": "1200.50"}},
        {"id": "c"},
    ):
        empty_sandbox.store.add([{"agent": AGENT, "call_type": "web", "status": "ended", **call}])
    done = against(empty_sandbox, "list")
    assert done.stderr.splitlines()[-1] == "3 of 3 calls; those shown are 1:01:01 long and cost 1,350.50 won"


def test_an_empty_list_is_not_an_error(empty_sandbox: Sandbox) -> None:
    done = against(empty_sandbox, "list", "--tz", "UTC")
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "",
        "times are of UTC\n0 of 0 calls; those shown are 0:00 long and cost 0.00 won\n",
    )


def test_jsonl_leaves_out_recording_urls(sandbox: Sandbox) -> None:
    done = against(sandbox, "list", "--status", "ended", "--max-items", "120", "--format", "jsonl")
    items = [json.loads(line) for line in done.stdout.splitlines()]
    assert [item["status"] for item in items] == ["ended"] * 120
    assert {item["recording_url"] for item in items} == {None, "[hidden]"}
    assert "recordings.sandbox" not in done.stdout


def test_every_filter_of_the_api_is_an_option(sandbox: Sandbox, calls: list[dict[str, object]]) -> None:
    call = next(call for call in reversed(calls) if call["call_type"] == "outbound" and call["status"] == "ended")
    agent = call["agent"]
    assert isinstance(agent, dict)
    done = against(
        sandbox,
        *("list", "--format", "jsonl", "--agent-id", agent["agent_id"], "--status", "ended", "--status", "error"),
        *("--call-type", "outbound", "--disconnection-reason", str(call["disconnection_reason"])),
        *("--call-from", str(call["from_number"]), "--call-to", f"+82 {str(call['to_number'])[1:]}"),
        *("--start-at-after", str(call["start_at"]), "--start-at-before", "2026-12-31T00:00:00+09:00"),
        *("--sort-order", "asc"),
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["id"] for line in done.stdout.splitlines()] == [call["id"]]


def test_pairs_and_durations_are_written_as_people_do(sandbox: Sandbox, calls: list[dict[str, Any]]) -> None:
    done = against(
        sandbox,
        *("list", "--format", "jsonl", "--max-items", "1000", "--metadata", "source:crm", "--metadata", "source:web"),
        *("--duration-min", "30s", "--duration-max", "5m", "--campaign-id", "1001"),
    )
    assert done.returncode == 0, done.stderr
    wanted = {
        call["id"]
        for call in calls
        if call["metadata"].get("source") in {"crm", "web"}
        and call["metadata"]["campaign_id"] == "1001"
        and None not in (call["start_at"], call["end_at"])
        and 30_000 <= call["end_at"] - call["start_at"] <= 300_000
    }
    assert {json.loads(line)["id"] for line in done.stdout.splitlines()} == wanted != set()
    wrong = against(sandbox, "list", "--duration-min", "half an hour")
    assert wrong.returncode == 2
    assert "duration-min: write it like 30s, 5m, 1h" in wrong.stderr


def test_text_from_a_call_is_escaped_for_the_terminal(empty_sandbox: Sandbox) -> None:
    call = {
        "id": "x",
        "agent": AGENT,
        "call_type": "web",
        "status": "\x1b[31mended",
        "call_analysis": {"summary": "a\x1b]0;title\x07b [bold]c[/bold]\u202e\nd"},
    }
    empty_sandbox.store.add([call])
    done = against(empty_sandbox, "list")
    assert "a\\x1b]0;title\\x07b [bold]c[/bold]\\u202e d" in done.stdout
    assert "\x1b" not in done.stdout


ODD: list[dict[str, Any]] = [
    {"id": "a", "agent": AGENT, "call_type": "web", "status": "ended", "start_at": -1, "end_at": 8 * 10**16},
    {"id": "b", "agent": AGENT, "call_type": "web", "status": "ended", "call_cost": {"total_cost": "1,500.00"}},
    {"id": "c", "agent": AGENT, "call_type": "web", "status": "ended", "call_cost": {"total_cost": "9" * 10_000}},
    {"id": "d", "agent": AGENT, "call_type": "web", "status": "ended", "start_at": 253402300799999},
    {"id": "e", "agent": AGENT, "call_type": "web", "status": "ended", "call_analysis": {"summary": "여보세요 😀"}},
]


@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "latin-1", "cp949"])
@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_odd_values_and_limited_terminals_lose_no_call(empty_sandbox: Sandbox, encoding: str, form: str) -> None:
    empty_sandbox.store.add(ODD)
    done = run(
        *("list", "--format", form, "--quiet"),
        VOX_BASE_URL=empty_sandbox.base_url,
        VOX_API_KEY=empty_sandbox.api_key,
        PYTHONIOENCODING=encoding,
        TZ="Asia/Seoul",
    )
    assert (done.returncode, done.stderr) == (0, "")
    if form == "jsonl":
        assert sorted(json.loads(line)["id"] for line in done.stdout.splitlines()) == ["a", "b", "c", "d", "e"]
    else:
        assert done.stdout.count("web") == 5
        assert done.stdout.count("?") >= 3


@pytest.mark.parametrize("form", ["table", "jsonl"])
def test_unwritable_output_is_reported(sandbox: Sandbox, form: str) -> None:
    environment = os.environ | {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, "list", "--format", form],
            env=environment,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (1, "vox-calls: cannot write: No space left on device\n")
    closed = subprocess.run(
        ["/bin/sh", "-c", f"{COMMAND} list --quiet --format {form} >&-"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (closed.returncode, closed.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [["--version"], ["list", "--help"], ["doctor"]])
def test_any_write_error_is_reported(sandbox: Sandbox, arguments: list[str]) -> None:
    environment = os.environ | {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key}
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [COMMAND, *arguments], env=environment, stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (1, "vox-calls: cannot write: No space left on device\n")


def test_server_error_texts_are_escaped_for_the_terminal() -> None:
    message = json.dumps({"error": {"code": "X", "message": "\x1b]0;title\x07two\nlines" + "x" * 10_000}}).encode()

    class Rude(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(400)
            self.send_header("Content-Length", str(len(message)))
            self.end_headers()
            self.wfile.write(message)

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Rude) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        done = run("list", VOX_BASE_URL=f"http://127.0.0.1:{server.server_port}", VOX_API_KEY=KEY)
        server.shutdown()
        thread.join()
    assert_one_clear_line(done, 1, "\\x1b]0;title\\x07two\\nlines")
    assert len(done.stderr) < 700


def test_resuming_with_the_printed_cursor_repeats_nothing(sandbox: Sandbox) -> None:
    whole = against(sandbox, "list", "--max-items", "40", "--format", "jsonl").stdout.splitlines()
    shown = against(sandbox, "list", "--max-items", "20").stderr.splitlines()[-1]
    rest = against(
        sandbox, "list", "--cursor", shown.removeprefix("more: the same options and --cursor "), "--format", "jsonl"
    )
    assert rest.stdout.splitlines() == whole[20:]


def test_a_missing_key_is_reported(sandbox: Sandbox) -> None:
    assert_one_clear_line(run("list", VOX_BASE_URL=sandbox.base_url), 2, "VOX_API_KEY")


def test_a_wrong_key_is_reported_without_showing_it(sandbox: Sandbox) -> None:
    done = run("list", VOX_BASE_URL=sandbox.base_url, VOX_API_KEY=KEY)
    assert_one_clear_line(done, 1, "401", "UNAUTHORIZED")
    assert KEY not in done.stderr


def test_an_invalid_filter_value_lists_the_valid_ones(sandbox: Sandbox) -> None:
    assert_one_clear_line(against(sandbox, "list", "--status", "endd"), 2, "status", "did you mean 'ended'?")
    assert_one_clear_line(against(sandbox, "list", "--start-at-after", "today"), 2, "start_at_after", "ISO 8601")
    assert_one_clear_line(against(sandbox, "list", "--max-items", "-1"), 2, "max_items")
    assert_one_clear_line(against(sandbox, "list", "--start-at-after", "9" * 5_000), 2, "start_at_after")
    assert_one_clear_line(against(sandbox, "list", "--cursor", "nonsense"), 1, "cursor was not issued")
    several = against(sandbox, "list", "--status", "endd", "--call-to", "x")
    assert (several.returncode, several.stderr.count("vox-calls: ")) == (2, 2)


def test_an_unreachable_server_is_named() -> None:
    done = run("list", VOX_BASE_URL="http://127.0.0.1:9", VOX_API_KEY=KEY)
    assert_one_clear_line(done, 1, "127.0.0.1:9", "refused")
    assert KEY not in done.stderr


def test_a_forbidden_base_url_is_reported() -> None:
    assert_one_clear_line(run("list", VOX_BASE_URL="http://example.com", VOX_API_KEY=KEY), 2, "https")


def test_a_port_in_use_is_reported(sandbox: Sandbox) -> None:
    port = sandbox.base_url.rpartition(":")[2]
    assert_one_clear_line(run("sandbox", "--port", port), 1, port, "--port")


@pytest.mark.parametrize("arguments", [["list", "--format", "x"], ["nothing"], ["sandbox", "--port", "70000"]])
def test_an_invalid_command_line_exits_2_without_traceback(arguments: list[str]) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "Error: " in done.stderr


@pytest.mark.parametrize("form", ["table", "jsonl", "json"])
def test_a_closed_pipe_is_not_an_error(sandbox: Sandbox, form: str) -> None:
    command = [str(COMMAND), "list", "--max-items", "3000", "--format", form]
    environment = os.environ | {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key}
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert (process.wait(), process.stderr.read()) == (0, b"")


@pytest.fixture
def served() -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        [COMMAND, "sandbox", "--calls", "150", "--seed", "3", "--no-rate-limit"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def environment_of(served: subprocess.Popen[str]) -> dict[str, str]:
    assert served.stdout is not None
    return dict(served.stdout.readline().rstrip("\n").split("=", 1) for _ in range(2))


def test_the_sandbox_prints_its_settings_first(served: subprocess.Popen[str]) -> None:
    environment = environment_of(served)
    assert list(environment) == ["VOX_BASE_URL", "VOX_API_KEY"]
    done = run("list", "--max-items", "200", "--format", "jsonl", **environment)
    assert len(done.stdout.splitlines()) == 150


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_the_sandbox_stops_at_once_on_a_signal(served: subprocess.Popen[str], sent: signal.Signals) -> None:
    base_url = environment_of(served)["VOX_BASE_URL"]
    with httpx.Client() as http:
        assert http.get(base_url).status_code == 404  # and the connection stays open
        began = time.monotonic()
        served.send_signal(sent)
        out, err = served.communicate()
    assert time.monotonic() - began < 5
    assert (out, err) == ("", "")
    assert served.returncode == (0 if sent is signal.SIGINT else -sent)


@pytest.mark.parametrize("module", ["vox_calls_tools", "vox_calls_tools.sandbox"])
def test_the_sandbox_serves_an_exported_file(sandbox: Sandbox, tmp_path: Path, module: str) -> None:
    data = tmp_path / "calls.jsonl"
    assert against(sandbox, "export", str(data), "--status", "error", "--no-rate-limit").returncode == 0
    command = [sys.executable, "-m", module, *(["sandbox"] if module == "vox_calls_tools" else []), "--data", str(data)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        where = dict(process.stdout.readline().rstrip().split("=", 1) for _ in range(2))
        listed = run("list", "--max-items", "1000", "--format", "jsonl", **where)
        process.terminate()
    texts = (listed.stdout, data.read_text(encoding="utf-8"))
    served, exported = ([json.loads(line) for line in text.splitlines()] for text in texts)
    assert sorted(served, key=itemgetter("id")) == sorted(exported, key=itemgetter("id"))
    assert exported


def test_a_file_the_sandbox_cannot_serve_is_reported(tmp_path: Path) -> None:
    data = tmp_path / "calls.jsonl"
    assert_one_clear_line(run("sandbox", "--data", str(data)), 1, str(data), "cannot read")
    data.write_text('\n{"id": 7}\n', encoding="utf-8")
    assert_one_clear_line(run("sandbox", "--data", str(data)), 1, f"{data}, line 2: ")
    assert_one_clear_line(run("sandbox", "--data", str(data), "--seed", "1"), 2, "--data", "--seed")
    assert_one_clear_line(run("sandbox", "--data", str(tmp_path / "calls.txt")), 2, ".jsonl")


@pytest.mark.skipif(sys.platform == "win32", reason="a process there has no limit of how much it may write")
@pytest.mark.parametrize("options", ["--calls 20000 --no-rate-limit", "--exchanges"])
def test_the_sandbox_serves_without_writing_a_file(options: str) -> None:
    limited = f"ulimit -f 0; exec {shlex.quote(str(COMMAND))} sandbox {options}"
    # Measuring coverage would write a file.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE")}
    with subprocess.Popen(
        ["/bin/sh", "-c", limited], env=plain, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        environment = environment_of(process)
        asked = "exchanges" if "exchanges" in options else "v3/calls?sort_order=asc&status=ended&status=error"
        headers = {"Authorization": f"Bearer {environment['VOX_API_KEY']}"}
        assert httpx.get(f"{environment['VOX_BASE_URL']}/{asked}", headers=headers).status_code == 200
        process.send_signal(signal.SIGINT)
        assert process.communicate() == ("", "")


def test_each_filter_of_the_contract_is_an_option_of_list() -> None:
    shown = run("list", "--help").stdout
    missing = [name for name in parameters() if f"--{name.replace('_', '-')} " not in shown and name != "limit"]
    assert missing == [], "cli/filters.py lacks these filters"


@pytest.mark.parametrize("command", ["list", "export", "stats", "sandbox", "doctor"])
def test_help_shows_readable_value_names(command: str) -> None:
    shown = run(command, "--help").stdout
    assert not re.search(r"list\[|default: \(", shown)


def test_version_is_printed_by_command_and_module() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "vox_calls_tools", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == run("--version").stdout
    assert done.stdout.startswith("vox-calls ")


def test_too_many_synthetic_calls_are_rejected() -> None:
    done = run("sandbox", "--calls", "9" * 20)
    assert (done.returncode, done.stdout) == (2, "")
    assert "is not in the range 0<=x<=10000000" in done.stderr


@pytest.mark.parametrize(
    ("missing", "arguments", "extra"),
    [
        ("typer", ["list"], "vox-calls[cli]"),
        ("rich", ["list"], "vox-calls[cli]"),
        ("uvicorn", ["sandbox"], "vox-calls[sandbox]"),
    ],
)
def test_a_missing_extra_is_named(tmp_path: Path, missing: str, arguments: list[str], extra: str) -> None:
    (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('no {missing}', name='{missing}')")
    assert_one_clear_line(run(*arguments, PYTHONPATH=str(tmp_path), VOX_API_KEY=KEY), 2, extra)


@pytest.mark.parametrize("arguments", [["list"], ["export", "calls.jsonl"], ["stats", "--no-rate-limit"]])
def test_verbose_logs_each_request_but_never_the_key(sandbox: Sandbox, tmp_path: Path, arguments: list[str]) -> None:
    done = subprocess.run(
        [COMMAND, *arguments, "--verbose", "--since", "2026-11-20"],
        env=os.environ | {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert re.search(r"^> GET /v3/calls\?.*start_at_after=\d{13}", done.stderr, re.MULTILINE)
    assert re.search(r"^< 200 in \d+ ms, [\d,]+ bytes$", done.stderr, re.MULTILINE)
    assert sandbox.api_key not in done.stderr + done.stdout


def test_a_missing_module_outside_the_extras_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise ModuleNotFoundError("No module named 'sqlite3'", name="sqlite3")

    monkeypatch.setattr("vox_calls_tools.cli.app.app", fail)
    with pytest.raises(ModuleNotFoundError, match="sqlite3"):
        main()


def test_replaced_streams_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr("sys.stdout", written)
    monkeypatch.setattr("sys.argv", ["vox-calls", "--version"])
    with pytest.raises(SystemExit) as ended:
        main()
    assert (ended.value.code, vox_calls.__version__ in written.getvalue()) == (0, True)


def test_an_uncaught_interruption_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("vox_calls_tools.cli.app.app", interrupted)
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == INTERRUPTED
