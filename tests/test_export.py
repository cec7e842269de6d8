"""The installed command against a sandbox over a socket: what the file holds, and that every break can be mended."""

from __future__ import annotations

import gzip
import json
import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import attrs
import pyarrow.parquet as pq
import pytest

import vox_calls
from vox_calls.export import export_calls
from vox_calls.sandbox import Sandbox, Settings, make_key
from vox_calls.sandbox.faults import Script, Step

COMMAND = Path(sys.executable).with_name("vox-calls")
AGENT = {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v1"}
COLOUR = re.compile(rb"\x1b\[[0-9;]*3[0-9][0-9;]*m")
FEW = 700
FORMATS = ["calls.jsonl", "calls.csv", "calls.jsonl.gz", "calls.csv.zst", "calls.parquet"]


@pytest.fixture(scope="module")
def few(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return calls[:FEW]


@pytest.fixture(scope="module")
def box(few: list[dict[str, Any]]) -> Iterator[Sandbox]:
    """A sandbox with a few calls, as many pages as there are moments to break off at."""
    with Sandbox(few, settings=Settings(make_key(), windows=())) as running:
        yield running


def environment_of(box: Sandbox, **more: str) -> dict[str, str]:
    return os.environ | {"VOX_BASE_URL": box.base_url, "VOX_API_KEY": box.api_key} | more


def export(
    box: Sandbox, file: Path, *arguments: str, limit: Callable[[], None] | None = None, **environment: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "export", str(file), "--no-rate-limit", *arguments],
        env=environment_of(box, **environment),
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=limit,
    )


def assert_refused(done: subprocess.CompletedProcess[str], status: int, *words: str) -> None:
    assert done.returncode == status
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr


def beside(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def content_of(path: Path) -> object:
    """What has to be the same however often an export was broken off: the bytes, or the rows of Parquet."""
    if path.suffix == ".parquet":
        table = pq.read_table(path)
        table.validate(full=True)
        return table.to_pylist()
    return path.read_bytes()


@pytest.fixture(scope="module")
def client(box: Sandbox) -> Iterator[vox_calls.Client]:
    with vox_calls.Client(box.api_key, base_url=box.base_url, rate_limit=None) as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(client: vox_calls.Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What exports give that nobody broke off, by name."""
    folder = tmp_path_factory.mktemp("whole")
    for name in FORMATS:
        export_calls(client, folder / name)
    return {name: content_of(folder / name) for name in FORMATS}


@attrs.frozen
class Victim:
    """An export that is killed, and gone on with in this process, which is faster than another one."""

    box: Sandbox
    client: vox_calls.Client
    whole: dict[str, object]
    file: Path

    def kill(self, call: str, count: int) -> None:
        """Have the process killed when it is about to make that call of the system's for the n-th time."""
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, call, str(count), "export", str(self.file), "--no-rate-limit"],
            env=environment_of(self.box),
            capture_output=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr

    def is_mended(self) -> None:
        export_calls(self.client, self.file, resume=True)
        assert content_of(self.file) == self.whole[self.file.name]
        assert beside(self.file.parent) == {self.file.name}


@pytest.fixture
def victim(box: Sandbox, client: vox_calls.Client, whole: dict[str, object], tmp_path: Path) -> Victim:
    return Victim(box, client, whole, tmp_path)


def test_every_call_is_a_line_oldest_first_and_no_recording_is_among_them(
    box: Sandbox, few: list[dict[str, Any]], tmp_path: Path
) -> None:
    done = export(box, tmp_path / "calls.jsonl")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.fullmatch(r"700 calls in \S+calls\.jsonl \(\d+\.\d kB\), after 0:\d\d\n", done.stdout)
    lines = (tmp_path / "calls.jsonl").read_text("utf-8").splitlines()
    expected = [item | {"recording_url": item["recording_url"] and "[hidden]"} for item in few]
    got = [json.loads(line) for line in lines]
    assert sorted(got, key=lambda item: item["id"]) == sorted(expected, key=lambda item: item["id"])
    starts = [item["start_at"] for item in got if item["start_at"]]
    assert starts == sorted(starts)
    assert beside(tmp_path) == {"calls.jsonl"}


def test_the_urls_of_recordings_are_in_no_format(whole: dict[str, object]) -> None:
    plain = [whole["calls.jsonl"], whole["calls.csv"], str(whole["calls.parquet"]).encode()]
    assert all(isinstance(content, bytes) and b"[hidden]" in content for content in plain)
    assert not any(isinstance(content, bytes) and b"recordings.sandbox" in content for content in plain)


def test_filters_narrow_it_and_the_order_can_be_turned(box: Sandbox, few: list[dict[str, Any]], tmp_path: Path) -> None:
    ended = [call for call in few if call["status"] == "ended" and call["call_type"] == "inbound"]
    done = export(
        box, tmp_path / "x.jsonl", "--status", "ended", "--call-type", "inbound", "--sort-order", "desc", "--quiet"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    got = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text("utf-8").splitlines()]
    assert {item["id"] for item in got} == {call["id"] for call in ended}
    assert [item["start_at"] for item in got] == sorted((call["start_at"] for call in ended), reverse=True)


@pytest.mark.parametrize("name", ["calls.csv", "calls.parquet"])
def test_no_calls_are_a_whole_file_all_the_same(empty_sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    done = export(empty_sandbox, tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 calls in ")
    assert beside(tmp_path) == {name}
    if name.endswith(".parquet"):
        assert content_of(tmp_path / name) == []


@pytest.mark.parametrize(("name", "tool"), [("calls.jsonl.gz", "gzip"), ("calls.jsonl.zst", "zstd")])
def test_usual_tools_unpack_it(box: Sandbox, whole: dict[str, object], tmp_path: Path, name: str, tool: str) -> None:
    assert export(box, tmp_path / name).returncode == 0
    plain = subprocess.run([tool, "-dc", str(tmp_path / name)], capture_output=True, check=True).stdout
    assert plain == whole["calls.jsonl"]


KILLED = """
import os, signal, sys
import vox_calls.cli

name, count = sys.argv.pop(1), int(sys.argv.pop(1))
real, seen = getattr(os, name), 0

def deadly(*arguments, **keywords):
    global seen
    seen += 1
    if seen == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **keywords)

setattr(os, name, deadly)
vox_calls.cli.main()
"""


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        *(("calls.jsonl", moment) for moment in [("fsync", 1), ("fsync", 2), ("replace", 1), ("replace", 4)]),
        *((name, ("fsync", 7)) for name in FORMATS),
    ],
)
def test_killed_at_any_step_it_is_gone_on_with(victim: Victim, name: str, moment: tuple[str, int]) -> None:
    victim = attrs.evolve(victim, file=victim.file / name)
    victim.kill(*moment)
    assert not victim.file.exists()
    victim.is_mended()


@pytest.mark.parametrize("name", ["calls.jsonl", "calls.parquet"])
@pytest.mark.parametrize("removal", [2, 3, 4])
def test_killed_while_the_file_gets_its_name_it_is_completed(victim: Victim, name: str, removal: int) -> None:
    victim = attrs.evolve(victim, file=victim.file / name)
    victim.kill("unlink", removal)
    assert victim.file.exists() == (removal > 2)
    victim.is_mended()


def test_killed_again_and_again_at_any_time_it_is_complete_in_the_end(
    few: list[dict[str, Any]], whole: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "calls.csv"
    with Sandbox(few, settings=Settings(make_key(), windows=(), latency=0.1)) as slow:
        kills = 0
        while not file.exists():
            process = subprocess.Popen(
                [COMMAND, "export", str(file), "--no-rate-limit", "--resume", "--quiet"], env=environment_of(slow)
            )
            try:
                assert process.wait(0.9 + kills * 0.07) == 0
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                kills += 1
    assert kills
    assert file.read_bytes() == whole["calls.csv"]


def test_when_the_network_is_lost_it_goes_on_where_it_was_without_reading_anything_twice(
    few: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "it's here.jsonl"
    steps = [None, None, None, *[Step(fault="reset")] * 5]
    with Sandbox(few, settings=Settings(make_key(), windows=(), faults=Script(steps))) as box:
        lost = export(box, file, "--status", "ended", "--status", "error")
        assert lost.returncode == 1
        first, second = lost.stderr.splitlines()
        assert "got no answer from 127.0.0.1" in first
        assert second.startswith("vox-calls: all whole pages are kept; go on with: vox-calls export ")
        assert json.loads(file.with_name(f"{file.name}.checkpoint").read_bytes())["calls"] == 300
        again = second.partition("go on with: ")[2]
        done = subprocess.run(
            ["/bin/sh", "-c", again],
            env=environment_of(box, PATH=f"{COMMAND.parent}:{os.environ['PATH']}"),
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stderr) == (0, "")
    got = [json.loads(line)["id"] for line in file.read_text("utf-8").splitlines()]
    assert sorted(got) == sorted(call["id"] for call in few if call["status"] in {"ended", "error"})


@pytest.mark.parametrize("name", ["calls.csv", "calls.parquet"])
def test_a_full_disk_is_told_and_what_is_whole_can_be_gone_on_with(
    box: Sandbox, whole: dict[str, object], tmp_path: Path, name: str
) -> None:
    file = tmp_path / name
    room = 200_000
    done = export(box, file, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert_refused(done, 1, f"cannot write {file}.part: File too large", f"vox-calls export {file} --resume")
    state = json.loads((tmp_path / f"{name}.checkpoint").read_bytes())
    assert 0 < state["calls"] < FEW
    assert (tmp_path / f"{name}.part").stat().st_size > state["length"]
    assert export(box, file, "--resume").returncode == 0
    assert content_of(file) == whole[name]


def test_what_is_there_is_neither_overwritten_nor_mixed_unasked(box: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text("precious")
    assert_refused(export(box, file), 2, "is there already", "overwrite")
    assert_refused(export(box, file, "--resume"), 2, "is there already")
    assert_refused(export(box, file, "--resume", "--overwrite"), 2, "one of them")
    assert file.read_text() == "precious"
    assert export(box, file, "--overwrite").returncode == 0
    assert len(file.read_text("utf-8").splitlines()) == FEW
    assert beside(tmp_path) == {file.name}


def test_an_export_is_gone_on_with_as_it_was_begun(few: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    steps = [None, Step(status=403, json={"error": {"code": "X", "message": "no", "details": {}}})]
    with Sandbox(few, settings=Settings(make_key(), windows=(), faults=Script(steps))) as box:
        assert export(box, file, "--status", "ended").returncode == 1
        assert_refused(export(box, file), 2, "--resume", "--overwrite")
        other = export(box, file, "--resume", "--status", "error")
        assert_refused(other, 2, "status was ended and is error", "--overwrite")
        assert_refused(export(box, file, "--resume", "--format", "csv"), 2, "begun as jsonl")
        assert export(box, file, "--resume", "--status", "ended").returncode == 0
    got = [json.loads(line)["status"] for line in file.read_text("utf-8").splitlines()]
    assert got == ["ended"] * sum(call["status"] == "ended" for call in few)


def test_two_exports_into_one_file_do_not_mix(few: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    with Sandbox(few, settings=Settings(make_key(), windows=(), latency=0.3)) as slow:
        first = subprocess.Popen([COMMAND, "export", file, "--no-rate-limit", "--quiet"], env=environment_of(slow))
        while not (tmp_path / "calls.jsonl.checkpoint").exists():
            time.sleep(0.01)
        for option in ("--resume", "--overwrite"):
            assert_refused(export(slow, file, option), 2, "another export is writing")
        assert first.wait() == 0
    assert len(file.read_text("utf-8").splitlines()) == FEW
    assert beside(tmp_path) == {file.name}


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("calls", [], [".jsonl, .csv, .parquet"]),
        ("calls.xlsx", [], [".jsonl, .csv, .parquet"]),
        ("calls.parquet.gz", [], ["Parquet packs its own"]),
        ("no/calls.csv", [], ["there is no folder"]),
        ("calls.csv", ["--status", "endd"], ["did you mean 'ended'?"]),
        ("calls.csv", ["--format", "xml"], ["xml"]),
    ],
)
def test_what_cannot_be_is_told_before_anything_is_made(
    box: Sandbox, tmp_path: Path, name: str, arguments: list[str], words: list[str]
) -> None:
    assert_refused(export(box, tmp_path / name, *arguments), 2, *words)
    assert beside(tmp_path) == set()


def test_a_wrong_key_leaves_nothing_behind(box: Sandbox, tmp_path: Path) -> None:
    done = export(box, tmp_path / "calls.csv", VOX_API_KEY="vox_live_wrong")
    assert_refused(done, 1, "401")
    assert done.stderr.count("\n") == 1
    assert beside(tmp_path) == set()


def test_calls_that_cannot_be_decoded_are_kept_aside_without_their_recordings(
    empty_sandbox: Sandbox, tmp_path: Path
) -> None:
    good = {"id": "good", "agent": AGENT, "call_type": "web", "status": "ended"}
    bad = {"id": "bad", "status": 5, "recording_url": "https://secret.example/a.wav", "more": "\x1b[31m"}
    empty_sandbox.store.add([good, bad | {"agent": AGENT, "call_type": "web"}])
    done = export(empty_sandbox, tmp_path / "calls.jsonl", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("vox-calls: 1 calls could not be decoded; they are in ")
    assert [json.loads(line)["id"] for line in (tmp_path / "calls.jsonl").read_text().splitlines()] == ["good"]
    (line,) = (tmp_path / "calls.jsonl.rejects.jsonl").read_text().splitlines()
    reject = json.loads(line)
    assert reject["path"].endswith(".status")
    assert reject["item"]["id"] == "bad"
    assert reject["item"]["recording_url"] == "[hidden]"
    assert beside(tmp_path) == {"calls.jsonl", "calls.jsonl.rejects.jsonl"}


def in_a_terminal(command: list[str], environment: dict[str, str], until: bytes | None = None) -> tuple[int, bytes]:
    """Status and output of a command in a pseudo-terminal, with Ctrl-C typed when something has been shown."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execve(command[0], command, environment)  # noqa: S606 - the project's own command
    shown = b""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        ready, _, _ = select.select([terminal], [], [], 1)
        try:
            shown += os.read(terminal, 65_536) if ready else b""
        except OSError:
            break  # it has ended
        if until is not None and until in shown:
            os.write(terminal, b"\x03")
            until = None
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown


def test_on_a_terminal_a_bar_tells_how_far_it_is_and_what_the_rate_limit_does(
    few: list[dict[str, Any]], tmp_path: Path
) -> None:
    with Sandbox(few, settings=Settings(make_key())) as box:
        command = [str(COMMAND), "export", str(tmp_path / "calls.csv")]
        status, shown = in_a_terminal(command, environment_of(box, TERM="xterm-256color", COLUMNS="120"))
    assert status == 0
    text = re.sub(rb"\x1b\[[0-9;?]*[a-zA-Z]", b"", shown).decode()
    assert re.search(r"\d00 of 700 calls, [\d,]+/s, 0:0\d left", text)
    assert "━" in text
    assert COLOUR.search(shown)
    assert "700 calls in " in text


def test_no_color_is_respected(box: Sandbox, tmp_path: Path) -> None:
    command = [str(COMMAND), "export", str(tmp_path / "calls.csv"), "--no-rate-limit"]
    _, shown = in_a_terminal(command, environment_of(box, TERM="xterm-256color", NO_COLOR="1"))
    assert b"700 calls" in shown
    assert not COLOUR.search(shown)


def test_ctrl_c_says_how_to_go_on_and_that_works(
    few: list[dict[str, Any]], whole: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "a b.csv"
    with Sandbox(few, settings=Settings(make_key(), windows=(), latency=0.2)) as slow:
        command = [str(COMMAND), "export", str(file), "--no-rate-limit", "--since", "3650d"]
        environment = environment_of(slow, TERM="xterm", PATH=f"{COMMAND.parent}:{os.environ['PATH']}")
        status, shown = in_a_terminal(command, environment, until=b"200 of 700")
        assert status == 130
        text = shown.decode()
        assert "vox-calls: interrupted" in text
        again = text.partition("go on with: ")[2].strip()
        assert again == f"vox-calls export '{file}' --resume --no-rate-limit"
        assert not file.exists()
        subprocess.run(["/bin/sh", "-c", again], env=environment, check=True, capture_output=True)
    assert file.read_bytes() == whole["calls.csv"]


def test_a_name_that_a_terminal_would_obey_is_shown_so_that_a_shell_takes_it(
    few: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "a\x1b[31m'b.jsonl"
    with Sandbox(few, settings=Settings(make_key(), windows=(), faults=Script([None, Step(status=403)]))) as box:
        failed = export(box, file)
        assert (failed.returncode, "\x1b" in failed.stderr) == (1, False)
        again = failed.stderr.partition("go on with: ")[2]
        environment = environment_of(box, PATH=f"{COMMAND.parent}:{os.environ['PATH']}")
        subprocess.run(["/bin/bash", "-c", again], env=environment, check=True, capture_output=True)
    assert len(file.read_text("utf-8").splitlines()) == FEW


def test_a_missing_extra_is_told_by_name(box: Sandbox, tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "pyarrow.py").write_text("raise ModuleNotFoundError('no pyarrow', name='pyarrow')")
    for name in ("calls.parquet", "calls.csv.zst"):
        done = export(box, tmp_path / name, PYTHONPATH=str(modules))
        assert_refused(done, 2, "vox-calls[arrow]")
    assert beside(tmp_path) == {"modules"}


def test_gzip_members_end_where_pages_do(box: Sandbox, tmp_path: Path) -> None:
    assert export(box, tmp_path / "calls.jsonl.gz").returncode == 0
    packed = (tmp_path / "calls.jsonl.gz").read_bytes()
    assert packed.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") == FEW // 100
    assert len(gzip.decompress(packed).splitlines()) == FEW
