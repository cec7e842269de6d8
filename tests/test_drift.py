"""A server that is what the contract says has no findings; whatever makes it differ is named, and nobody's data is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from contract import parameters as known_parameters
from contract import spec
from scripted import call
from vox_calls.drift import contract, elements
from vox_calls.drift.live import fields, parameters
from vox_calls.sandbox import Sandbox

COMMAND = Path(sys.executable).with_name("vox-calls")
KEY = "vox_live_0123456789abcdef"


def doctor(sandbox: Sandbox, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key}
    return subprocess.run(
        [COMMAND, "doctor"], env=os.environ | own | environment, capture_output=True, text=True, check=False
    )


def test_the_package_carries_the_contract_that_it_was_generated_from() -> None:
    assert contract() == elements(spec())


def test_the_sandbox_is_what_the_contract_says(sandbox: Sandbox) -> None:
    done = doctor(sandbox)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"{sandbox.base_url} is what vox-calls ")


@pytest.fixture
def different(empty_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox that lists other parameters and whose calls have what the contract has not."""
    taken = [name for name in known_parameters() if name != "cursor"]
    monkeypatch.setattr("vox_calls.sandbox.app.ALLOWED_PARAMETERS", (*taken, "campaign_id"))
    secret = {"from_number": "01012345678", "call_analysis": {"summary": "안녕", "mood": "비밀"}}
    empty_sandbox.store.add(
        [
            call("a", **secret, status="ringing", queue={"name": "비밀"}),
            call("b", start_at="어제", queue=None, metadata={"anything": "비밀"}),
            call("c", agent={"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2"}, dynamic_variables=None),
        ]
    )
    return empty_sandbox


def test_each_way_in_which_a_server_differs_is_named_and_nobodys_data_is(different: Sandbox) -> None:
    done = doctor(different)
    assert done.returncode == 1
    assert sorted(done.stdout.splitlines()) == [
        "absent field: items[].agent.agent_version (1 times, first at items[0].agent)",
        "null where none may be: items[].dynamic_variables (1 times, first at items[0].dynamic_variables)",
        "parameter not taken: cursor",
        "string where integer belongs: items[].start_at (1 times, first at items[1].start_at)",
        "unknown field: items[].call_analysis.mood (1 times, first at items[2].call_analysis.mood)",
        "unknown field: items[].queue (2 times, first at items[1].queue)",
        "unknown parameter: campaign_id",
        "unknown value 'ringing': items[].status (1 times, first at items[2].status)",
    ]
    assert not any(word in done.stdout for word in ("01012345678", "안녕", "비밀", "어제"))


def test_a_server_that_does_not_say_is_no_answer(sandbox: Sandbox) -> None:
    for environment in (
        {"VOX_API_KEY": KEY},
        {"VOX_API_KEY": ""},
        {"VOX_BASE_URL": "http://127.0.0.1:9"},
        {"VOX_BASE_URL": "http://example.com"},
    ):
        done = doctor(sandbox, **environment)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("vox-calls: cannot tell: ")
        assert done.stderr.count("\n") == 1
        assert KEY not in done.stderr


@pytest.mark.parametrize(
    "refusal", [None, [], {}, {"error": []}, {"error": {"details": {"allowed_query_parameters": 5}}}]
)
def test_a_refusal_without_a_list_is_told(refusal: Any) -> None:
    assert [str(finding) for finding in parameters(refusal, contract())] == [
        "no list of parameters: error.details.allowed_query_parameters"
    ]


@pytest.mark.parametrize(
    "page", [{"items": [], "total_count": 0}, {"items": [call("a")], "total_count": 1, "next_cursor": "x"}]
)
def test_what_may_be_absent_is_no_difference(page: Any) -> None:
    assert fields(page, contract()) == []
