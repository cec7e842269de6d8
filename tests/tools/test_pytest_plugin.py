"""The pytest fixtures, used through the installed entry point."""

from __future__ import annotations

import json
import os
import re
import textwrap
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest

import vox_calls
from contract import ROOT
from vox_calls import Call, CallStatus, Client, ConfigurationError, DisconnectionReason, RateLimitError
from vox_calls.toolkit import fields_of
from vox_calls_tools.sandbox import VENDOR_LIMITS, MisusedError, Step, VoxSandbox
from vox_calls_tools.sandbox.limits import Window
from vox_calls_tools.stats import BadLineError, FileError

pytest_plugins = ["pytester"]

PAGES = (ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md")))
BLOCKS = [block for page in PAGES for block in re.findall(r"```python\n(.*?)```", page.read_text("utf-8"), re.DOTALL)]

Run = Callable[..., pytest.RunResult]

INNER = """
import os
import pytest
import vox_calls

def read():
    with vox_calls.Client(rate_limit=None, retries=0) as client:
        return list(client.list_calls())
"""


@pytest.fixture
def inner(pytester: pytest.Pytester) -> Run:
    """Run tests in a pytest session in a new process."""

    def run(tests: str, *arguments: str) -> pytest.RunResult:
        pytester.makepyfile(INNER + textwrap.dedent(tests))
        return pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error", *arguments)

    return run


def test_each_test_starts_with_an_empty_sandbox(inner: Run) -> None:
    done = inner(
        """
        from vox_calls_tools.sandbox.limits import Window

        @pytest.mark.parametrize("time", range(2))
        def test_isolated(vox_sandbox, vox_client, vox_sandbox_server, time):
            assert vox_sandbox.base_url == vox_sandbox_server.base_url
            assert (read(), vox_sandbox.calls) == ([], [])
            assert len(vox_sandbox.requests) == 1
            vox_sandbox.place(waits=1)
            vox_sandbox.make_up(10)
            vox_sandbox.advance(10**9)
            vox_sandbox.limit_rate(Window(1_000, 1))
            vox_sandbox.fail({"status": 500}, repeat=True)
            with pytest.raises(vox_calls.ServerError):
                read()

        def test_clock(vox_sandbox):
            from datetime import UTC, datetime, timedelta
            assert abs(vox_sandbox.now - datetime.now(UTC)) < timedelta(minutes=5)
        """
    )
    done.assert_outcomes(passed=3)


def test_the_documented_example_passes(pytester: pytest.Pytester) -> None:
    (example,) = (block for block in BLOCKS if "vox_sandbox" in block)
    pytester.makepyfile(example)
    passed = example.count("def test_")
    pytester.runpytest_subprocess("-p", "no:cacheprovider", "-W", "error").assert_outcomes(passed=passed)
    assert passed


def test_the_environment_points_to_the_sandbox_during_a_test(inner: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOX_BASE_URL", "https://live.invalid")
    monkeypatch.delenv("VOX_API_KEY", raising=False)
    done = inner(
        """
        def around():
            return os.environ["VOX_BASE_URL"], os.environ.get("VOX_API_KEY")

        def test_before():
            assert around() == ("https://live.invalid", None)

        def test_meanwhile(vox_sandbox, monkeypatch):
            call = vox_sandbox.add()
            assert around() == (vox_sandbox.base_url, vox_sandbox.api_key)
            assert read() == [call]
            monkeypatch.undo()
            assert read() == [call]

        def test_afterwards():
            assert around() == ("https://live.invalid", None)
        """
    )
    done.assert_outcomes(passed=3)


def test_each_worker_starts_one_server_per_session(inner: Run, pytester: pytest.Pytester) -> None:
    tests = """
        @pytest.mark.parametrize("number", range(8))
        def test_worker(vox_sandbox, number):
            with open("servers", "a") as file:
                print(os.getpid(), vox_sandbox.base_url, vox_sandbox.api_key, file=file)
            vox_sandbox.make_up(20, seed=number)
            assert len(read()) == 20
        """
    inner(tests, "-n", "2", "--dist", "each").assert_outcomes(passed=16)
    servers = set((pytester.path / "servers").read_text(encoding="utf-8").splitlines())
    assert len(servers) == 2


@pytest.mark.parametrize("missing", ["starlette", "uvicorn"])
def test_without_the_extra_only_used_fixtures_fail(inner: Run, pytester: pytest.Pytester, missing: str) -> None:
    pytester.makepyfile(**{missing: f"raise ModuleNotFoundError('no {missing}', name='{missing}')"})
    pytester.makeini("[pytest]\npythonpath = .")
    done = inner(
        """
        def test_of_something_else():
            pass

        def test_with_it(vox_client):
            pass
        """
    )
    done.assert_outcomes(passed=1, errors=1)
    done.stdout.fnmatch_lines(["*pip install 'vox-calls[[]sandbox]'*"])
    assert "Traceback" not in done.stdout.str()


def test_an_unused_plugin_does_not_import_the_sandbox(inner: Run) -> None:
    done = inner(
        """
        import sys

        def test_loaded(pytestconfig):
            assert pytestconfig.pluginmanager.has_plugin("vox_calls")
            tools = {f"vox_calls_tools.{name}" for name in ("sandbox", "cli", "stats")}
            others = {"starlette", "uvicorn", "typer", *tools}
            assert others & set(sys.modules) == set()
        """
    )
    done.assert_outcomes(passed=1)


def test_the_client_fixture_is_closed_and_leaks_nothing(inner: Run) -> None:
    done = inner(
        """
        import threading

        kept = []

        def test_use(vox_client, vox_sandbox):
            call = vox_sandbox.add()
            assert list(vox_client.list_calls()) == [call]
            kept.append(vox_client)

        def test_closed():
            with pytest.raises(vox_calls.ClientClosedError):
                list(kept[0].list_calls())

        @pytest.fixture(scope="session", autouse=True)
        def last():
            yield
            assert [thread.name for thread in threading.enumerate()] == ["MainThread"]
        """
    )
    done.assert_outcomes(passed=2)


def test_add_defaults_to_a_complete_call_that_just_ended(vox_sandbox: VoxSandbox, vox_client: Client) -> None:
    first, second = vox_sandbox.add(), vox_sandbox.add()
    assert list(vox_client.list_calls()) == [second, first]
    assert first.id != second.id
    assert first.agent == second.agent
    assert (first.status, first.disconnection_reason, first.call_type) == ("ended", "user_hangup", "inbound")
    assert first.call_analysis is not None
    assert first.cost is not None
    assert first.started_at is not None
    assert first.ended_at is not None
    assert vox_sandbox.now - timedelta(minutes=11) < first.started_at < first.ended_at < vox_sandbox.now
    assert first.to_dict().keys() == {field.wire_name for field in fields_of(Call)}


@pytest.mark.parametrize("status", CallStatus)
def test_defaults_fit_the_given_fields(vox_sandbox: VoxSandbox, status: CallStatus) -> None:
    call = vox_sandbox.add(status=status)
    assert call.status is status
    assert (call.started_at is None) == (status in {"queued", "canceled"})
    assert (call.ended_at is None) == (status in {"queued", "ongoing"})
    assert (call.cost is None) == (status not in {"ended", "error"})


@pytest.mark.parametrize("reason", DisconnectionReason)
def test_a_reason_decides_the_status(vox_sandbox: VoxSandbox, reason: DisconnectionReason) -> None:
    call = vox_sandbox.add(disconnection_reason=reason)
    assert call.disconnection_reason is reason
    assert call.status in {"ended", "error", "not_connected"}
    assert (call.status == "not_connected") == (reason.startswith("dial_") or "limit" in reason)


def test_fields_are_given_as_objects_or_as_json(vox_sandbox: VoxSandbox, vox_client: Client) -> None:
    start = datetime(2026, 11, 1, tzinfo=UTC)
    one = vox_sandbox.add()
    call = vox_sandbox.add(
        id="by-hand",
        status=CallStatus("walked_in"),
        disconnection_reason="call_transfer",
        start_at=start,
        end_at=1_793_491_260_000,
        agent={"agent_version": "v3"},
        call_cost={"total_cost": "1234.50"},
        call_analysis=one.call_analysis,
        metadata={"ticket": 7, "at": start},
        dynamic_variables={"order": UUID(int=7), "amount": Decimal("1.50")},
        opt_out_sensitive_data_storage=True,
        additional_properties={"unheard_of": "vip"},
    )
    (read,) = vox_client.list_calls(disconnection_reason="call_transfer")
    assert read == call
    assert read.status == "walked_in"
    assert read.duration == timedelta(minutes=1)
    assert str(read.cost) == "1234.50"
    assert read.agent.agent_id == one.agent.agent_id
    assert read.agent.agent_version == "v3"
    assert read.call_analysis == one.call_analysis
    assert read.metadata == {"ticket": 7, "at": 1_793_491_200_000}
    assert read.dynamic_variables == {"order": str(UUID(int=7)), "amount": "1.50"}
    assert read.recording_url is None
    assert read.additional_properties == {"unheard_of": "vip"}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"staus": "ended"}, "no field 'staus', did you mean 'status'?"),
        ({"status": "endd"}, "did you mean 'ended'?"),
        ({"status": "walked_in"}, r"pass CallStatus\('walked_in'\)"),
        ({"status": None}, "status: Expected `str`, got `null`"),
        ({"start_at": "2026-11-01"}, "start_at: Expected `int | null`, got `str`".replace("|", r"\|")),
        ({"start_at": datetime(2026, 11, 1)}, "start_at: the datetime is naive"),  # noqa: DTZ001 - that is the fault
        ({"agent": {"agent_id": "7"}}, "agent.agent_id: Invalid UUID"),
        ({"call_cost": {"total_cost": []}}, "call_cost.total_cost: Expected `float | str"),
        ({"metadata": {"a": [object()]}}, r"metadata\.a\[0\] is a object, which JSON does not support"),
        ({"agent": None}, "agent: "),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_an_invalid_call_is_rejected_with_its_field(vox_sandbox: VoxSandbox, fields: dict[str, Any], said: str) -> None:
    with pytest.raises(MisusedError, match=said):
        vox_sandbox.add(**fields)
    assert vox_sandbox.calls == []
    vox_sandbox.add(id="a")
    with pytest.raises(MisusedError, match=said):
        vox_sandbox.change("a", **fields)


def test_calls_are_changed_and_removed_by_id(vox_sandbox: VoxSandbox, vox_client: Client) -> None:
    vox_sandbox.add(id="a", call_cost={"total_cost": "10.00"})
    vox_sandbox.add(id="b")
    changed = vox_sandbox.change("a", metadata={"seen": True}, call_analysis={"summary": "다시"})
    assert {call.id: call for call in vox_client.list_calls()}["a"] == changed
    assert changed.call_analysis is not None
    assert changed.call_analysis.summary == "다시"
    assert changed.call_analysis.user_sentiment is not None
    assert str(changed.cost) == "10.00"
    with pytest.raises(MisusedError, match="no call has the id 'c'"):
        vox_sandbox.change("c", metadata={})
    with pytest.raises(MisusedError, match="no call has the id 'c'"):
        vox_sandbox.remove("a", "c")
    with pytest.raises(MisusedError, match="id of a call cannot change"):
        vox_sandbox.change("a", id="c")
    vox_sandbox.remove("a")
    assert [call.id for call in vox_client.list_calls()] == ["b"]
    vox_sandbox.clear()
    assert list(vox_client.list_calls()) == []


def test_synthetic_calls_follow_from_their_seed(vox_sandbox: VoxSandbox, vox_client: Client) -> None:
    made_up = vox_sandbox.make_up(250, seed=3)
    assert {call.id for call in vox_client.list_calls()} == {call.id for call in made_up}
    assert len(vox_sandbox.make_up(250, seed=3)) == len(vox_sandbox.calls) == 250
    vox_sandbox.make_up(50, seed=4)
    assert len(vox_sandbox.calls) == 300


def test_a_call_progresses_with_the_clock_of_the_test(vox_sandbox: VoxSandbox, vox_client: Client) -> None:
    placed = vox_sandbox.place(waits=5, lasts=timedelta(minutes=2), analysis_after=10, cost_after=30)
    seen: list[tuple[Any, ...]] = []
    for seconds in (0, 4, 1, 119, 1, 9, 1, 20, 10**6):
        vox_sandbox.advance(seconds)
        (call,) = vox_client.list_calls()
        assert call.id == placed.id
        assert vox_sandbox.calls == [call]
        seen.append((call.status, call.duration, call.call_analysis is not None, call.cost is not None))
    length = timedelta(minutes=2)
    assert seen == [
        ("queued", None, False, False),
        ("queued", None, False, False),
        ("ongoing", None, False, False),
        ("ongoing", None, False, False),
        ("ended", length, False, False),
        ("ended", length, False, False),
        ("ended", length, True, False),
        ("ended", length, True, True),
        ("ended", length, True, True),
    ]
    (call,) = vox_client.list_calls(status="ended")
    assert call.ended_at == vox_sandbox.now - timedelta(seconds=10**6 + 30)
    assert list(vox_client.list_calls(status=["queued", "ongoing"])) == []


def test_a_call_changed_by_hand_stays_unchanged(vox_sandbox: VoxSandbox) -> None:
    placed = vox_sandbox.place(status="not_connected")
    assert placed.status == "queued"
    vox_sandbox.change(placed.id, status="ongoing", start_at=vox_sandbox.now)
    vox_sandbox.advance(10**6)
    assert [call.status for call in vox_sandbox.calls] == ["ongoing"]


def test_a_progressing_call_rejects_explicit_times(vox_sandbox: VoxSandbox) -> None:
    with pytest.raises(MisusedError, match="sets end_at and start_at itself: pass waits= and lasts="):
        vox_sandbox.place(start_at=vox_sandbox.now, end_at=None)
    with pytest.raises(MisusedError, match="the time to advance must be seconds or a timedelta"):
        vox_sandbox.advance(-1)


def test_faults_apply_per_request_until_cleared(vox_sandbox: VoxSandbox) -> None:
    call = vox_sandbox.add()

    def status() -> int:
        headers = {"Authorization": f"Bearer {vox_sandbox.api_key}"}
        try:
            return httpx.get(f"{vox_sandbox.base_url}/v3/calls", headers=headers).status_code
        except httpx.RemoteProtocolError:
            return 0

    vox_sandbox.fail({"status": 503}, None, {"fault": "cut"}, Step(status=418, text="no"))
    assert [status() for _ in range(6)] == [503, 200, 0, 418, 200, 200]
    vox_sandbox.fail({"status": 500}, {}, repeat=True)
    assert [status() for _ in range(4)] == [500, 200, 500, 200]
    vox_sandbox.fail()
    assert [status() for _ in range(3)] == [200] * 3
    vox_sandbox.fail({"status": 503, "headers": {"Retry-After": "0"}})
    with vox_calls.Client() as client:
        assert list(client.list_calls()) == [call]
    for wrong in ({"statsu": 503}, {"status": 99}, {"fault": "fire"}, 503):
        with pytest.raises(MisusedError, match="invalid step"):
            vox_sandbox.fail(wrong)  # type: ignore[arg-type] # one is no step at all


def test_a_test_can_limit_the_rate(vox_sandbox: VoxSandbox) -> None:
    with vox_calls.Client(rate_limit=None, retries=0) as client:
        for _ in range(10):
            list(client.list_calls())
        vox_sandbox.limit_rate(Window(3_600, 2))
        list(client.list_calls())
        list(client.list_calls())
        with pytest.raises(RateLimitError):
            list(client.list_calls())
        vox_sandbox.advance(timedelta(hours=1))
        list(client.list_calls())
        vox_sandbox.limit_rate()
        with pytest.raises(RateLimitError):
            read_often(client, VENDOR_LIMITS[-1].requests + 1)


def read_often(client: Client, times: int) -> None:
    for _ in range(times):
        list(client.list_calls())


def test_recorded_requests_lack_the_key(vox_sandbox: VoxSandbox, vox_client: Client) -> None:
    list(vox_client.list_calls(status=["ended", "error"], call_to="010-1234-5678", page_size=7))
    httpx.get(f"{vox_sandbox.base_url}/{vox_sandbox.api_key}?key={vox_sandbox.api_key}&empty=")
    calls, other = vox_sandbox.requests
    assert (calls.method, calls.path) == ("GET", "/v3/calls")
    assert calls.query == {"status": ["ended", "error"], "call_to": ["01012345678"], "limit": ["7"]}
    assert (other.path, other.query) == ("/***", {"key": ["***"], "empty": [""]})
    assert vox_sandbox.api_key not in repr(vox_sandbox.requests)


def exported(sandbox: VoxSandbox, path: Path) -> None:
    lines = [{**call.to_dict(), "recording_url": None} for call in sandbox.calls]
    path.write_text("".join(f"{json.dumps(line, ensure_ascii=False)}\n" for line in lines), encoding="utf-8")


def test_an_exported_file_is_loaded(vox_sandbox: VoxSandbox, vox_client: Client, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    vox_sandbox.make_up(250)
    exported(vox_sandbox, path)
    before = list(vox_client.list_calls())
    vox_sandbox.clear()
    assert {call.id for call in vox_sandbox.load(path)} == {call.id for call in before}
    after = list(vox_client.list_calls())
    assert {call.id for call in after} == {call.id for call in before}
    assert all(call.to_dict().keys() == before[0].to_dict().keys() for call in after)


def test_an_invalid_file_names_its_line_and_adds_nothing(vox_sandbox: VoxSandbox, tmp_path: Path) -> None:
    path = tmp_path / "calls.jsonl"
    vox_sandbox.add(id="a", metadata={"secret": "s3cret"})
    exported(vox_sandbox, path)
    good = path.read_text(encoding="utf-8")
    vox_sandbox.clear()
    for bad, said in {"{nonsense": "not JSON", '{"id": "b"}': "agent", good.replace('"ended"', "7"): "status"}.items():
        path.write_text(f"{good}\n{bad}", encoding="utf-8")
        with pytest.raises(BadLineError, match=rf"calls\.jsonl, line 3: .*{said}") as caught:
            vox_sandbox.load(path)
        assert "s3cret" not in str(caught.value)
    path.write_text(good + good, encoding="utf-8")
    with pytest.raises(MisusedError, match=r"calls\.jsonl: two calls have the id 'a'"):
        vox_sandbox.load(path)
    with pytest.raises(FileError, match=r"cannot read .*none\.jsonl"):
        vox_sandbox.load(tmp_path / "none.jsonl")
    with pytest.raises(ConfigurationError, match=r"cannot tell the format from the name .*calls\.txt"):
        vox_sandbox.load(tmp_path / "calls.txt")
    assert vox_sandbox.calls == []


def test_the_fixtures_of_this_project_are_left_alone(vox_sandbox: VoxSandbox, sandbox: Any) -> None:
    assert os.environ["VOX_BASE_URL"] == vox_sandbox.base_url != sandbox.base_url
