"""The installed `vox-calls export`: what the file holds, and resuming after every interruption."""

from __future__ import annotations

import gzip
import json
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

import vox_calls
from exporting import COMMAND, assert_rejected, beside, content_of, environment_of, export
from vox_calls_tools.export import export_calls
from vox_calls_tools.sandbox import Sandbox, Settings, make_key
from vox_calls_tools.sandbox.faults import Script, Step

AGENT = {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v1"}
FEW = 700
FORMATS = ["calls.jsonl", "calls.csv", "calls.jsonl.gz", "calls.csv.zst", "calls.parquet"]


@pytest.fixture(scope="module")
def few(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return calls[:FEW]


@pytest.fixture(scope="module")
def box(few: list[dict[str, Any]]) -> Iterator[Sandbox]:
    """A sandbox with a few pages of calls, one for each moment to interrupt at."""
    with Sandbox(few, settings=Settings(make_key(), windows=())) as running:
        yield running


@pytest.fixture(scope="module")
def client(box: Sandbox) -> Iterator[vox_calls.Client]:
    with vox_calls.Client(box.api_key, base_url=box.base_url, rate_limit=None) as opened:
        yield opened


@pytest.fixture(scope="module")
def whole(client: vox_calls.Client, tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """The results of uninterrupted exports, by file name."""
    folder = tmp_path_factory.mktemp("whole")
    for name in FORMATS:
        export_calls(client, folder / name)
    return {name: content_of(folder / name) for name in FORMATS}


@attrs.frozen
class Victim:
    """An export that is killed, and resumed in this process, which is faster than in a new one."""

    box: Sandbox
    client: vox_calls.Client
    whole: dict[str, object]
    file: Path

    def kill(self, call: str, count: int) -> None:
        """Kill the process before its n-th call of that system function."""
        killed = subprocess.run(
            [sys.executable, "-c", KILLED, call, str(count), "export", str(self.file), "--no-rate-limit"],
            env=environment_of(self.box),
            capture_output=True,
            check=False,
        )
        assert killed.returncode == -signal.SIGKILL, killed.stderr

    def resume_and_compare(self) -> None:
        export_calls(self.client, self.file, resume=True)
        assert content_of(self.file) == self.whole[self.file.name]
        assert beside(self.file.parent) == {self.file.name}


@pytest.fixture
def victim(box: Sandbox, client: vox_calls.Client, whole: dict[str, object], tmp_path: Path) -> Victim:
    return Victim(box, client, whole, tmp_path)


def test_jsonl_has_one_line_per_call_oldest_first(box: Sandbox, few: list[dict[str, Any]], tmp_path: Path) -> None:
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


def test_no_format_has_recording_urls(whole: dict[str, object]) -> None:
    plain = [whole["calls.jsonl"], whole["calls.csv"], str(whole["calls.parquet"]).encode()]
    assert all(isinstance(content, bytes) and b"[hidden]" in content for content in plain)
    assert not any(isinstance(content, bytes) and b"recordings.sandbox" in content for content in plain)


def test_export_takes_filters_and_an_order(box: Sandbox, few: list[dict[str, Any]], tmp_path: Path) -> None:
    ended = [call for call in few if call["status"] == "ended" and call["call_type"] == "inbound"]
    done = export(
        box, tmp_path / "x.jsonl", "--status", "ended", "--call-type", "inbound", "--sort-order", "desc", "--quiet"
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    got = [json.loads(line) for line in (tmp_path / "x.jsonl").read_text("utf-8").splitlines()]
    assert {item["id"] for item in got} == {call["id"] for call in ended}
    assert [item["start_at"] for item in got] == sorted((call["start_at"] for call in ended), reverse=True)


@pytest.mark.parametrize("name", ["calls.csv", "calls.parquet"])
def test_an_export_of_no_calls_is_a_valid_file(empty_sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    done = export(empty_sandbox, tmp_path / name)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("0 calls in ")
    assert beside(tmp_path) == {name}
    if name.endswith(".parquet"):
        assert content_of(tmp_path / name) == []


@pytest.mark.parametrize(("name", "tool"), [("calls.jsonl.gz", "gzip"), ("calls.jsonl.zst", "zstd")])
def test_common_tools_decompress_the_export(
    box: Sandbox, whole: dict[str, object], tmp_path: Path, name: str, tool: str
) -> None:
    assert export(box, tmp_path / name).returncode == 0
    plain = subprocess.run([tool, "-dc", str(tmp_path / name)], capture_output=True, check=True).stdout
    assert plain == whole["calls.jsonl"]


KILLED = """
import os, signal, sys
import vox_calls_tools.cli

name, count = sys.argv.pop(1), int(sys.argv.pop(1))
real, seen = getattr(os, name), 0

def deadly(*arguments, **keywords):
    global seen
    seen += 1
    if seen == count:
        os.kill(os.getpid(), signal.SIGKILL)
    return real(*arguments, **keywords)

setattr(os, name, deadly)
vox_calls_tools.cli.main()
"""


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        *(("calls.jsonl", moment) for moment in [("fsync", 1), ("fsync", 2), ("replace", 1), ("replace", 4)]),
        *((name, ("fsync", 7)) for name in FORMATS),
    ],
)
def test_export_resumes_after_sigkill_at_any_step(victim: Victim, name: str, moment: tuple[str, int]) -> None:
    victim = attrs.evolve(victim, file=victim.file / name)
    victim.kill(*moment)
    assert not victim.file.exists()
    victim.resume_and_compare()


@pytest.mark.parametrize("name", ["calls.jsonl", "calls.parquet"])
@pytest.mark.parametrize("removal", [3, 4, 5])
def test_export_resumes_after_sigkill_during_the_rename(victim: Victim, name: str, removal: int) -> None:
    victim = attrs.evolve(victim, file=victim.file / name)
    victim.kill("unlink", removal)
    assert victim.file.exists() == (removal > 3)
    victim.resume_and_compare()


def test_export_completes_despite_repeated_sigkill(
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


def test_export_resumes_after_network_loss_without_rereading(few: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "it's here.jsonl"
    steps = [None, None, None, *[Step(fault="reset")] * 5]
    with Sandbox(few, settings=Settings(make_key(), windows=(), faults=Script(steps))) as box:
        lost = export(box, file, "--status", "ended", "--status", "error")
        assert lost.returncode == 1
        first, second = lost.stderr.splitlines()
        assert "got no answer from 127.0.0.1" in first
        assert second.startswith("vox-calls: complete pages are kept; resume with: vox-calls export ")
        assert json.loads(file.with_name(f"{file.name}.checkpoint").read_bytes())["calls"] == 300
        again = second.partition("resume with: ")[2]
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
def test_export_resumes_after_a_full_disk(box: Sandbox, whole: dict[str, object], tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    room = 200_000
    done = export(box, file, limit=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (room, room)))
    assert_rejected(done, 1, f"cannot write {file}.part: File too large", f"vox-calls export {file} --resume")
    state = json.loads((tmp_path / f"{name}.checkpoint").read_bytes())
    assert 0 < state["calls"] < FEW
    assert (tmp_path / f"{name}.part").stat().st_size > state["length"]
    assert export(box, file, "--resume").returncode == 0
    assert content_of(file) == whole[name]


def test_an_existing_file_is_never_overwritten_unasked(box: Sandbox, tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    file.write_text("precious")
    assert_rejected(export(box, file), 2, "already exists", "overwrite")
    assert_rejected(export(box, file, "--resume"), 2, "already exists")
    assert_rejected(export(box, file, "--resume", "--overwrite"), 2, "one of them")
    assert file.read_text() == "precious"
    assert export(box, file, "--overwrite").returncode == 0
    assert len(file.read_text("utf-8").splitlines()) == FEW
    assert beside(tmp_path) == {file.name}


def test_resume_rejects_changed_options(few: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    steps = [None, Step(status=403, json={"error": {"code": "X", "message": "no", "details": {}}})]
    with Sandbox(few, settings=Settings(make_key(), windows=(), faults=Script(steps))) as box:
        assert export(box, file, "--status", "ended").returncode == 1
        assert_rejected(export(box, file), 2, "--resume", "--overwrite")
        other = export(box, file, "--resume", "--status", "error")
        assert_rejected(other, 2, "status was ended and is error", "--overwrite")
        assert_rejected(export(box, file, "--resume", "--format", "csv"), 2, "started as jsonl")
        with Sandbox(few, settings=Settings(make_key(), windows=())) as elsewhere:
            assert_rejected(
                export(elsewhere, file, "--resume"), 2, f"was started with the server {box.base_url}", "--base-url"
            )
        assert export(box, file, "--resume", "--status", "ended").returncode == 0
    got = [json.loads(line)["status"] for line in file.read_text("utf-8").splitlines()]
    assert got == ["ended"] * sum(call["status"] == "ended" for call in few)


def test_concurrent_exports_to_one_file_do_not_mix(few: list[dict[str, Any]], tmp_path: Path) -> None:
    file = tmp_path / "calls.jsonl"
    with Sandbox(few, settings=Settings(make_key(), windows=(), latency=0.3)) as slow:
        first = subprocess.Popen([COMMAND, "export", file, "--no-rate-limit", "--quiet"], env=environment_of(slow))
        while not (tmp_path / "calls.jsonl.checkpoint").exists():
            time.sleep(0.01)
        first.send_signal(signal.SIGSTOP)  # however long the others take to start
        try:
            for option in ("--resume", "--overwrite"):
                assert_rejected(export(slow, file, option), 2, "another export is writing")
        finally:
            first.send_signal(signal.SIGCONT)
            assert first.wait() == 0
    assert len(file.read_text("utf-8").splitlines()) == FEW
    assert beside(tmp_path) == {file.name}


@pytest.mark.parametrize(
    ("name", "arguments", "words"),
    [
        ("calls", [], [".jsonl, .csv, .parquet"]),
        ("calls.xlsx", [], [".jsonl, .csv, .parquet"]),
        ("calls.parquet.gz", [], ["Parquet compresses its own"]),
        ("no/calls.csv", [], ["does not exist"]),
        ("calls.csv", ["--status", "endd"], ["did you mean 'ended'?"]),
        ("calls.csv", ["--format", "xml"], ["xml"]),
    ],
)
def test_invalid_arguments_are_reported_before_writing(
    box: Sandbox, tmp_path: Path, name: str, arguments: list[str], words: list[str]
) -> None:
    assert_rejected(export(box, tmp_path / name, *arguments), 2, *words)
    assert beside(tmp_path) == set()


def test_a_wrong_key_leaves_no_file(box: Sandbox, tmp_path: Path) -> None:
    done = export(box, tmp_path / "calls.csv", VOX_API_KEY="vox_live_wrong")
    assert_rejected(done, 1, "401")
    assert done.stderr.count("\n") == 1
    assert beside(tmp_path) == set()


def test_undecodable_calls_are_kept_without_recording_urls(empty_sandbox: Sandbox, tmp_path: Path) -> None:
    good = {"id": "good", "agent": AGENT, "call_type": "web", "status": "ended"}
    bad = {"id": "bad", "status": 5, "recording_url": "https://secret.example/a.wav", "more": "\x1b[31m"}
    empty_sandbox.store.add([good, bad | {"agent": AGENT, "call_type": "web"}])
    done = export(empty_sandbox, tmp_path / "calls.jsonl", "--quiet")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr.startswith("vox-calls: 1 calls could not be decoded; see ")
    assert [json.loads(line)["id"] for line in (tmp_path / "calls.jsonl").read_text().splitlines()] == ["good"]
    (line,) = (tmp_path / "calls.jsonl.rejects.jsonl").read_text().splitlines()
    reject = json.loads(line)
    assert reject["path"].endswith(".status")
    assert reject["item"]["id"] == "bad"
    assert reject["item"]["recording_url"] == "[hidden]"
    assert beside(tmp_path) == {"calls.jsonl", "calls.jsonl.rejects.jsonl"}


def test_a_missing_extra_is_named(box: Sandbox, tmp_path: Path) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "pyarrow.py").write_text("raise ModuleNotFoundError('no pyarrow', name='pyarrow')")
    for name in ("calls.parquet", "calls.csv.zst"):
        done = export(box, tmp_path / name, PYTHONPATH=str(modules))
        assert_rejected(done, 2, "vox-calls[arrow]")
    assert beside(tmp_path) == {"modules"}


def test_gzip_members_end_where_pages_do(box: Sandbox, tmp_path: Path) -> None:
    assert export(box, tmp_path / "calls.jsonl.gz").returncode == 0
    packed = (tmp_path / "calls.jsonl.gz").read_bytes()
    assert packed.count(b"\x1f\x8b\x08\x00\x00\x00\x00\x00") == FEW // 100
    assert len(gzip.decompress(packed).splitlines()) == FEW


def rejecting(calls: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [call | ({"status": 5} if number % 50 == 7 else {}) for number, call in enumerate(calls)]


@pytest.mark.parametrize("moment", [("fsync", 2), ("fsync", 3), ("fsync", 5), ("replace", 2), ("replace", 4)])
def test_sigkill_neither_loses_nor_doubles_rejects(
    few: list[dict[str, Any]], whole: dict[str, object], tmp_path: Path, moment: tuple[str, int]
) -> None:
    with (
        Sandbox(rejecting(few[:250]), settings=Settings(make_key(), windows=())) as box,
        vox_calls.Client(box.api_key, base_url=box.base_url, rate_limit=None) as client,
    ):
        done = export_calls(client, tmp_path / "calls.jsonl")
        assert (done.calls, done.rejected) == (245, 5)
        Victim(box, client, whole, tmp_path / "again.jsonl").kill(*moment)
        again = export_calls(client, tmp_path / "again.jsonl", resume=True)
    assert (again.calls, again.rejected) == (245, 5)
    for name in ("", ".rejects.jsonl"):
        assert (tmp_path / f"again.jsonl{name}").read_bytes() == (tmp_path / f"calls.jsonl{name}").read_bytes()
    assert len(beside(tmp_path)) == 4


def test_overwriting_an_export_removes_its_rejects(
    few: list[dict[str, Any]], client: vox_calls.Client, whole: dict[str, object], tmp_path: Path
) -> None:
    file = tmp_path / "calls.jsonl"
    with Sandbox(rejecting(few), settings=Settings(make_key(), windows=())) as box:
        with vox_calls.Client(box.api_key, base_url=box.base_url, rate_limit=None) as rejected:
            assert export_calls(rejected, file).rejects == tmp_path / "calls.jsonl.rejects.jsonl"
        Victim(box, client, whole, tmp_path / "other.jsonl").kill("replace", 4)
    for path in (file, tmp_path / "other.jsonl"):
        assert export_calls(client, path, overwrite=True).rejects is None
    assert beside(tmp_path) == {"calls.jsonl", "other.jsonl"}
