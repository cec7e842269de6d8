"""Regenerating gives the same bytes; additions to the contract need no handwritten code."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from contract import ROOT


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the repository's sources."""
    for name in ("openapi", "generated", "overlay", "scripts"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def generate(copy: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, copy / "scripts" / "generate.py", *arguments], capture_output=True, text=True, check=False
    )


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert text.count(old) == 1
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_committed_client_is_what_the_contract_generates(copy: Path) -> None:
    done = generate(copy, "--check")
    assert done.returncode == 0, done.stderr
    generate(copy)
    files = {path.relative_to(copy / "generated") for path in (copy / "generated").rglob("*")}
    assert files == {
        path.relative_to(ROOT / "generated")
        for path in (ROOT / "generated").rglob("*")
        if "__pycache__" not in path.parts
    }
    assert not any(path.name.startswith(".") for path in files)


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ("hand edit", "different  generated/vox_calls_raw/models/call.py"),
        ("stray file", "stray      generated/vox_calls_raw/models/extra.py"),
        ("deleted file", "missing    generated/vox_calls_raw/py.typed"),
        ("changed spec", "changed    openapi/calls.yaml"),
        ("another formatter in the lock", "the lock asks for 0.0.1"),
    ],
)
def test_the_check_names_changed_files_and_the_remedy(copy: Path, change: str, named: str) -> None:
    raw = copy / "generated" / "vox_calls_raw"
    match change:
        case "hand edit":
            edit(
                raw / "models" / "call.py", "    variant_label: None | str\n    opt", "    variant_label: str\n    opt"
            )
        case "stray file":
            (raw / "models" / "extra.py").touch()
        case "deleted file":
            (raw / "py.typed").unlink()
        case "changed spec":
            edit(copy / "openapi" / "calls.yaml", "enum: [asc, desc]", "enum: [asc, desc, random]")
        case _:
            lock = copy / "scripts" / "requirements.lock"
            lines = lock.read_text(encoding="utf-8").splitlines(keepends=True)
            lock.write_text("".join("ruff==0.0.1 \\\n" if line.startswith("ruff==") else line for line in lines))

    done = generate(copy, "--check")

    assert done.returncode == 1
    assert named in done.stderr
    assert "make generate" in done.stderr


def test_the_check_shows_the_first_lines_that_differ(copy: Path) -> None:
    call = copy / "generated" / "vox_calls_raw" / "models" / "call.py"
    edit(call, "    variant_label: None | str\n    opt", "    variant_label: str\n    opt")
    done = generate(copy, "--check")
    assert done.stderr.splitlines()[2:8] == [
        "--- generated/vox_calls_raw/models/call.py",
        "+++ what openapi/calls.yaml gives",
        *done.stderr.splitlines()[4:6],
        "-    variant_label: str",
        "+    variant_label: None | str",
    ]
    call.write_text("x" * 500 + "\n" + call.read_text(encoding="utf-8").replace(":", ";"), encoding="utf-8")
    lines = generate(copy, "--check").stderr.splitlines()
    assert len(lines) == 13
    assert max(map(len, lines)) == 160


def test_the_diff_leaves_out_a_record_that_is_told(copy: Path) -> None:
    edit(copy / "openapi" / "calls.yaml", "enum: [asc, desc]", "enum: [asc, desc, random]")
    done = generate(copy, "--check")
    assert "--- generated/inputs.json" not in done.stderr
    assert "--- generated/vox_calls_raw/contract.json" in done.stderr
    assert '+     "random"' in done.stderr


@pytest.mark.parametrize(
    ("change", "told"),
    [("mode", "(only its mode)"), ("ends", "(only its line ends)"), ("mode ends", "(only its mode and line ends)")],
)
def test_a_change_of_mode_or_line_ends_is_told(copy: Path, change: str, told: str) -> None:
    call = copy / "generated" / "vox_calls_raw" / "models" / "call.py"
    if "ends" in change:
        call.write_bytes(call.read_bytes().replace(b"\n", b"\r\n"))
    if "mode" in change:
        call.chmod(0o755)
    lines = generate(copy, "--check").stderr.splitlines()
    assert lines[1] == f"  different  generated/vox_calls_raw/models/call.py {told}"
    assert len(lines) == 3


def test_a_crash_of_the_generator_is_told_in_one_sentence(copy: Path) -> None:
    edit(copy / "openapi" / "calls.yaml", "enum: [asc, desc]", "enum: [asc-1, asc_1, desc]")
    done = generate(copy)
    assert done.returncode == 1
    assert done.stderr == (
        "The generator crashed (ValueError: Duplicate key ASC_1 in enum sort_order.SortOrder; consider setting "
        "literal_enums in your config): simplify what was last changed in openapi/calls.yaml, or report the crash to "
        "openapi-python-client.\n"
    )


def test_a_generator_warning_fails_without_changing_files(copy: Path) -> None:
    edit(copy / "openapi" / "calls.yaml", 'type: [boolean, "null"]', 'type: [boolean, "null"]\n          default: 5')
    before = sorted((copy / "generated").rglob("*.py"))

    done = generate(copy)

    assert done.returncode == 1
    assert "not happy" in done.stderr
    assert sorted((copy / "generated").rglob("*.py")) == before


# What a user sees of a sandbox over HTTP after an addition to the contract.
USER = """
from datetime import UTC, datetime
import logging
import vox_calls
from vox_calls_tools.sandbox import Sandbox, synthetic_calls

logging.basicConfig(level=logging.WARNING)
call = next(synthetic_calls(1, seed=1, until=datetime(2026, 11, 1, tzinfo=UTC)))
call |= {"status": "ringing", "from": "web", "heldAt": None}  # and the optional "note" is absent
call |= {"queue": {"name": "vip", "waited_ms": 1200, "extra": 1}}
with Sandbox([call]) as sandbox, vox_calls.Client(sandbox.api_key, base_url=sandbox.base_url) as client:
    (read,) = client.list_calls(status=["ringing", "ended"])
assert read.status is vox_calls.CallStatus.RINGING and read.status.is_known
assert (read.queue.name, read.queue.waited_ms, read.queue.additional_properties) == ("vip", 1200, {"extra": 1})
assert (read.from_, read.held_at, read.note, read.additional_properties) == ("web", None, None, {})
assert read.to_dict() == call
print("seen")
"""


SHAPES = """
from vox_calls import Call
call = {"id": "x", "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "v1", "zz": 1}}
call |= {"call_type": "web", "status": "ended"}
bare = Call.from_dict(call)
assert (bare.tags, bare.legs, bare.costs, bare.parent) == (None, [], {}, None)
full = call | {
    "tags": ["a", None],
    "legs": [{"state": "ended", "more": 1}, {"state": "brand_new"}],
    "costs": {"talk": {"total_cost": "1.00"}},
    "counts": {"a": 1},
    "parent": call,
}
read = Call.from_dict(full)
assert read.tags == ["a", None]
assert [(leg.state, leg.state.is_known, leg.additional_properties) for leg in read.legs] == [
    ("ended", True, {"more": 1}),
    ("brand_new", False, {}),
]
assert read.costs["talk"].total_cost == "1.00"
assert read.parent.agent.agent_version == "v1"
assert read.to_dict() == full
try:
    Call.from_dict(full | {"counts": {"a": "one"}})
except Exception as error:
    print(error)
"""


def test_future_shapes_of_the_contract_are_decoded(copy: Path) -> None:
    contract = copy / "openapi" / "calls.yaml"
    edit(
        contract,
        "      required: [agent_id, agent_version]\n",
        "      required: [agent_id, agent_version]\n      additionalProperties: false\n",
    )
    edit(
        contract,
        "        - opt_out_sensitive_data_storage\n      properties:\n",
        "        - opt_out_sensitive_data_storage\n        - tags\n        - legs\n        - costs\n        - counts\n"
        "        - parent\n      properties:\n"
        '        tags: {type: [array, "null"], items: {type: [string, "null"]}}\n'
        '        legs: {type: array, items: {$ref: "#/components/schemas/Leg"}}\n'
        '        costs: {$ref: "#/components/schemas/Costs"}\n'
        "        counts: {type: object, additionalProperties: {type: integer}}\n"
        '        parent: {oneOf: [{$ref: "#/components/schemas/Call"}, {type: "null"}]}\n',
    )
    edit(
        contract,
        "    CallMetadata:\n",
        '    Costs: {type: object, additionalProperties: {$ref: "#/components/schemas/CallCost"}}\n'
        "    Leg:\n      type: object\n      required: [state]\n"
        '      properties: {state: {$ref: "#/components/schemas/CallStatus"}}\n    CallMetadata:\n',
    )
    done = generate(copy)
    assert done.returncode == 0, done.stderr
    used = use(copy, SHAPES)
    assert (used.stdout, used.stderr) == ("counts: Expected `int`, got `str`\n", ""), used.stderr


def test_an_undecodable_shape_fails_the_generation(copy: Path) -> None:
    edit(
        copy / "openapi" / "calls.yaml",
        '            - $ref: "#/components/schemas/CallAnalysis"\n',
        '            - $ref: "#/components/schemas/CallAnalysis"\n'
        '            - $ref: "#/components/schemas/CallCost"\n',
    )
    done = generate(copy)
    assert done.returncode == 1
    assert "has a field that cannot be decoded" in done.stderr
    assert "Traceback" not in done.stderr
    assert generate(copy, "--check").returncode == 1


@pytest.mark.parametrize("name", ["duration", "cost", "to_dict"])
def test_a_field_named_as_a_derived_one_fails_the_generation(copy: Path, name: str) -> None:
    edit(
        copy / "openapi" / "calls.yaml",
        "        variant_label:\n",
        f"        {name}: {{type: [integer, 'null']}}\n        variant_label:\n",
    )
    done = generate(copy)
    assert done.returncode == 1
    assert f"has a field with a name of the overlay: {name}" in done.stderr


def use(copy: Path, code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-c", code],
        env={**os.environ, "PYTHONPATH": f"{copy / 'overlay'}{os.pathsep}{copy / 'generated'}"},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_new_field_or_enum_value_needs_no_manual_edit(copy: Path) -> None:
    contract = copy / "openapi" / "calls.yaml"
    edit(
        contract,
        "enum: [queued, ",
        "enum: [queued, ringing, ",
    )
    edit(
        contract,
        "        - opt_out_sensitive_data_storage\n      properties:\n",
        "        - opt_out_sensitive_data_storage\n        - queue\n        - from\n        - heldAt\n"
        "      properties:\n"
        '        heldAt: {type: [integer, "null"]}\n'
        "        note: {type: string}\n"
        "        from: {type: string, description: A word that Python keeps to itself.}\n"
        '        queue:\n          oneOf: [{$ref: "#/components/schemas/CallQueue"}, {type: "null"}]\n',
    )
    edit(
        contract,
        "    CallMetadata:\n",
        "    CallQueue:\n      type: object\n      required: [name, waited_ms]\n      properties:\n"
        "        name: {type: string}\n        waited_ms: {type: integer}\n    CallMetadata:\n",
    )

    assert generate(copy).returncode == 0
    done = use(copy, USER)

    assert done.stdout == "seen\n", done.stderr
    assert done.stderr == ""
