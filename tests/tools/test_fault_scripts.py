"""Fault scripts of the sandbox: read from a file, checked and served."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from faulty import IDS, failing
from vox_calls import Client, ConfigurationError
from vox_calls_tools.sandbox import Script, Step, read_script

COMMAND = Path(sys.executable).with_name("vox-calls")


def test_the_sandbox_command_serves_a_fault_script(tmp_path: Path) -> None:
    script = tmp_path / "faults.json"
    script.write_text(json.dumps({"steps": [None, {"status": 503}, {"fault": "cut"}, {"fault": "reset"}]}))
    arguments = [str(COMMAND), "sandbox", "--calls", "250", "--no-rate-limit", "--faults", str(script)]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        settings = dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
        done = subprocess.run(
            [COMMAND, "list", "--max-items", "250", "--format", "jsonl"],
            env=os.environ | settings,
            capture_output=True,
            text=True,
            check=True,
        )
        process.send_signal(signal.SIGINT)
    assert len(done.stdout.splitlines()) == 250


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "are not a script"),
        ("[]", """are not a script such as {"steps": [{"status": 503}, {"fault": "cut"}]}: """),
        ('{"steps": [{"fault": "flood"}]}', "fault must be one of refuse, reset, cut, slow, timeout - at `$.steps[0]`"),
        ('{"steps": [null, {"status": 99}]}', "status must be from 200 to 599 - at `$.steps[1]`"),
        ('{"steps": [{"takes": -1}]}', "takes must be seconds"),
        ('{"steps": [{"headers": {"a b": "c"}}]}', "the header 'a b' cannot"),
        ('{"steps": [{"headers": {"Content-Length": "9"}}]}', "the header 'Content-Length' cannot"),
        ('{"steps": [{"json": 1, "text": "x"}]}', "only one of json"),
        ('{"steps": [{"status": 204, "text": "x"}]}', "a 204 response cannot"),
        ('{"steps": [{"wait": 1}]}', "unknown field `wait`"),
        (None, "cannot read the faults"),
    ],
)
def test_an_invalid_fault_script_is_reported(text: str | None, message: str, tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(ConfigurationError) as caught:
        read_script(path)
    assert message in str(caught.value)


def test_a_fault_script_may_start_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "faults.json"
    path.write_text('{"steps": [{"status": 503}]}', encoding="utf-8-sig")
    assert read_script(path) == Script([Step(status=503)])


def test_a_fault_script_may_repeat() -> None:
    with (
        failing(Step(status=500), None, repeat=True) as sandbox,
        Client(sandbox.api_key, base_url=sandbox.base_url, rate_limit=None) as client,
    ):
        assert [call.id for call in client.list_calls()] == IDS
