"""From a change of the vendor's to a green project: each kind needs the edits that docs/when-the-api-changes.md names.

Each change is made in a copy of the repository. Before the manual edits the checks fail and name what is missing.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from check_package import MADE_HERE
from conformance import cases
from contract import ROOT

CHECKS = [
    "tests/project/test_contract.py",
    "tests/project/test_evidence.py",
    "tests/tools/test_drift.py::test_the_packaged_contract_is_current",
    "tests/tools/test_cli.py::test_each_filter_of_the_contract_is_an_option_of_list",
    "tests/client/test_parameters.py::test_every_parameter_of_the_contract_is_tested",
    "tests/tools/test_sandbox.py::test_synthetic_calls_have_the_fields_of_the_contract",
]
CASES = "tests/client/test_parameters.py"
BY_HAND = [
    "vox_calls/client.py",
    "vox_calls/query.py",
    "vox_calls_tools/sandbox/store.py",
    "vox_calls_tools/sandbox/parameters.py",
    "vox_calls_tools/cli/filters.py",
]


class Copy:
    """A copy of the repository, and the steps of a maintainer."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name in ("openapi", "generated", "overlay", "scripts", "tests"):
            shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns(*MADE_HERE))
        shutil.copy(ROOT / "pyproject.toml", root)
        self.overlay = self.sources()

    def sources(self) -> dict[str, str]:
        files = (self.root / "overlay").rglob("*.py")
        return {path.relative_to(self.root).as_posix(): path.read_text(encoding="utf-8") for path in files}

    def edit(self, name: str, *changes: tuple[str, str]) -> None:
        path = self.root / name
        text = path.read_text(encoding="utf-8")
        for old, new in changes:
            assert old in text, f"{name} has no {old!r}"
            text = text.replace(old, new)
        path.write_text(text, encoding="utf-8")

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        path = os.pathsep.join(str(self.root / name) for name in ("overlay", "generated"))
        return subprocess.run(
            [sys.executable, *command],
            cwd=self.root,
            env=os.environ | {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"},
            capture_output=True,
            text=True,
            check=False,
        )

    def generate(self) -> None:
        done = self.run("scripts/generate.py")
        assert done.returncode == 0, done.stderr

    def problems(self) -> str:
        """The output of the checks; empty if they pass."""
        for command in (
            ["pytest", "-q", "-p", "no:cacheprovider", *CHECKS],
            ["mypy", "--cache-dir", os.devnull, "overlay"],
        ):
            done = self.run("-m", *command)
            if done.returncode:
                return done.stdout + done.stderr
        return ""

    def edited_by_hand(self) -> set[str]:
        now = self.sources()
        return {name for name in now if now[name] != self.overlay.get(name)}


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def new_enum_value(copy: Copy) -> None:
    copy.edit("openapi/calls.yaml", ("enum: [queued, ", "enum: [queued, walked_in, "))
    copy.edit("openapi/evidence.md", ("enum queued, ", "enum queued, walked_in, "))


FIELD = """\
        holder:
          type: [string, "null"]
          description: Who keeps the call.
          examples: [vip]
"""


def new_field(copy: Copy) -> None:
    copy.edit(
        "openapi/calls.yaml",
        ("        - variant_label\n", "        - variant_label\n        - holder\n"),
        ("        variant_label:\n", f"{FIELD}        variant_label:\n"),
    )
    rows = "| items[].holder | type string; nullable | documented | page | 2027-01 |\n"
    rows += "| items[].holder | required | assumed | ours | 2027-01 |\n"
    copy.edit("openapi/evidence.md", ("| items[].variant_label | type", f"{rows}| items[].variant_label | type"))


def field_becomes_nullable(copy: Copy) -> None:
    rest = "\n          format: uuid\n          description: The agent's identifier."
    copy.edit("openapi/calls.yaml", (f"type: string{rest}", f'type: [string, "null"]{rest}'))
    row = "| items[].agent.agent_id | type string (uuid)"
    copy.edit("openapi/evidence.md", (row, f"{row}; nullable"))


@pytest.mark.parametrize("change", [new_enum_value, new_field, field_becomes_nullable])
def test_response_changes_need_only_contract_and_evidence(copy: Copy, change: Callable[[Copy], None]) -> None:
    change(copy)
    assert "make generate" in copy.run("scripts/generate.py", "--check").stderr
    copy.generate()
    assert copy.problems() == ""
    assert copy.edited_by_hand() == set()


PARAMETER = """\
    VariantLabel:
      name: variant_label
      in: query
      description: Only calls of this variant.
      schema:
        type: string
      example: greeting-b
"""


SHAPES = """\
        priority:
          type: integer
          description: How urgent the call is.
          examples: [3]
        desk:
          description: Where the call was taken. Null without one.
          oneOf:
            - $ref: "#/components/schemas/CallDesk"
            - type: "null"
        legs:
          type: array
          description: The parts of the call.
          items:
            $ref: "#/components/schemas/CallLeg"
        scores:
          type: object
          description: Scores by name.
          additionalProperties:
            type: number
"""
SCHEMAS = """\
    CallDesk:
      type: object
      description: A desk.
      required: [name]
      properties:
        name:
          type: string
          description: Its name.
          examples: [sales]
    CallLeg:
      type: object
      description: A part of a call.
      required: [number, state]
      properties:
        number:
          type: [string, "null"]
          description: The number of its other end.
          examples: ["01012345678"]
        state:
          $ref: "#/components/schemas/CallStatus"
"""
EVIDENCE = """\
| items[].priority | type integer | assumed | ours | 2027-01 |
| items[].desk | type object; nullable; required | assumed | ours | 2027-01 |
| items[].desk.name | type string; required | assumed | ours | 2027-01 |
| items[].legs | type array of object; required | assumed | ours | 2027-01 |
| items[].legs[].number | type string; nullable; required | assumed | ours | 2027-01 |
| items[].legs[].state | type string; required; enum STATUSES | assumed | ours | 2027-01 |
| items[].scores | type free object of number; required | assumed | ours | 2027-01 |
"""
USERS = [
    "tests/client/test_decoding.py",
    "tests/tools/test_export_files.py",
    "tests/tools/test_progress.py",
    "tests/tools/test_sandbox.py",
]


def test_new_shapes_of_fields_need_no_edit_by_hand(copy: Copy) -> None:
    new_enum_value(copy)
    copy.edit(
        "openapi/calls.yaml",
        ("        - variant_label\n", "        - variant_label\n        - desk\n        - legs\n        - scores\n"),
        ("        variant_label:\n", f"{SHAPES}        variant_label:\n"),
        ("    CallMetadata:\n", f"{SCHEMAS}    CallMetadata:\n"),
    )
    (statuses,) = re.findall(r"enum: \[(queued, .*)\]", (copy.root / "openapi" / "calls.yaml").read_text("utf-8"))
    rows = EVIDENCE.replace("STATUSES", statuses)
    copy.edit("openapi/evidence.md", ("| items[].variant_label | type", f"{rows}| items[].variant_label | type"))
    copy.generate()
    assert copy.problems() == ""
    done = copy.run("-m", "pytest", "-q", "-p", "no:cacheprovider", *USERS)
    assert done.returncode == 0, done.stdout
    assert copy.edited_by_hand() == set()


def before(line: str, added: str) -> tuple[str, str]:
    """An edit that inserts a line before another."""
    return line, f"{added}\n{line}"


def test_a_new_filter_needs_the_five_documented_edits(copy: Copy) -> None:
    reference = '        - $ref: "#/components/parameters/{}"'
    copy.edit(
        "openapi/calls.yaml",
        before(reference.format("CallFrom"), reference.format("VariantLabel")),
        ("    CallFrom:\n", f"{PARAMETER}    CallFrom:\n"),
        ("disconnection_reason, call_from", "disconnection_reason, variant_label, call_from"),
    )
    row = "| variant_label | the name; type string | documented | page | 2027-01 |"
    copy.edit("openapi/evidence.md", before("| call_from | the name |", row))
    copy.generate()

    problems = copy.problems()
    assert "list_calls and openapi/calls.yaml differ" in problems
    assert "cli/filters.py lacks these filters" in problems
    assert "variant_label" in problems

    passed = before("            call_from=call_from", "            variant_label=variant_label,")
    argument = "        variant_label: str | None = None,"
    explained = before("            call_from: Callers' numbers", "            variant_label: The agent's variant.")
    copy.edit("overlay/vox_calls/client.py", before("        call_from: str | Iterable", argument), passed, explained)
    copy.edit("overlay/vox_calls/query.py", before('    "call_from": _PHONE', '    "variant_label": str,'))
    value = '    "variant_label": lambda call: call.get("variant_label"),'
    copy.edit("overlay/vox_calls_tools/sandbox/store.py", before('    "call_from": lambda', value))
    check = '    "variant_label": lambda name, values: [_one(name, values)],'
    copy.edit("overlay/vox_calls_tools/sandbox/parameters.py", before('    "call_from": _numbers', check))
    option = '    "variant_label": "Variant.",'
    copy.edit("overlay/vox_calls_tools/cli/filters.py", before('    "call_from": f"Caller', option))
    case = 'Filter("greeting-b", ["greeting-b"], lambda call: call["variant_label"] == "greeting-b"),'
    copy.edit(CASES, before('        "call_from": Filter(', f'        "variant_label": {case}'))
    assert copy.problems() == ""
    assert copy.edited_by_hand() == {f"overlay/{name}" for name in BY_HAND}
    sent = copy.run("-m", "pytest", "-q", "-p", "no:cacheprovider", CASES, "-k", "variant_label")
    assert sent.returncode == 0, sent.stdout


def test_a_removed_filter_is_named_wherever_it_remains(copy: Copy) -> None:
    contract = copy.root / "openapi" / "calls.yaml"
    text = contract.read_text(encoding="utf-8")
    begin, end = text.index("    CallTo:\n"), text.index("    CustomerId:\n")
    text = (text[:begin] + text[end:]).replace('        - $ref: "#/components/parameters/CallTo"\n', "")
    contract.write_text(text.replace("call_to, customer_id,", "customer_id,"), encoding="utf-8")
    drop_evidence(copy, "| call_to |")
    copy.generate()

    problems = copy.problems()
    assert "list_calls and openapi/calls.yaml differ" in problems
    assert "call_to" in problems

    copy.edit(
        "overlay/vox_calls/client.py",
        ("        call_to: str | Iterable[str] | None = None,\n", ""),
        ("            call_to: Called numbers, in the same way.\n", ""),
        ("            call_to=call_to,\n", ""),
    )
    copy.edit("overlay/vox_calls/query.py", ('    "call_to": _PHONE_NUMBERS,\n', ""))
    copy.edit("overlay/vox_calls_tools/sandbox/store.py", ('    "call_to": lambda call: call.get("to_number"),\n', ""))
    copy.edit("overlay/vox_calls_tools/sandbox/parameters.py", ('    "call_to": _numbers,\n', ""))
    copy.edit("overlay/vox_calls_tools/cli/filters.py", ('    "call_to": f"Called number. {REPEATABLE}",\n', ""))
    case = '"call_to": Filter(hyphenated[:2], customers, lambda call: call["to_number"] in customers),'
    copy.edit(CASES, (f"        {case}\n", ""))
    assert copy.problems() == ""
    assert copy.edited_by_hand() == {f"overlay/{name}" for name in BY_HAND}

    assert_only_cases_fail_that_name(copy, "call_to")


def test_a_removed_field_is_named_in_synthetic_calls_and_cases(copy: Copy) -> None:
    contract = copy.root / "openapi" / "calls.yaml"
    text = contract.read_text(encoding="utf-8")
    begin, end = text.index("        variant_label:\n"), text.index("        opt_out_sensitive_data_storage:\n")
    contract.write_text((text[:begin] + text[end:]).replace("        - variant_label\n", ""), encoding="utf-8")
    drop_evidence(copy, "| items[].variant_label |")
    copy.generate()

    assert "sandbox/synthetic.py makes up what is no field" in copy.problems()

    label = '        "variant_label": "greeting-b" if fine % 10 == 1 else None,\n'
    copy.edit("overlay/vox_calls_tools/sandbox/synthetic.py", (label, ""))
    assert copy.problems() == ""
    assert copy.edited_by_hand() == {"overlay/vox_calls_tools/sandbox/synthetic.py"}
    assert_only_cases_fail_that_name(copy, "variant_label")


def test_a_non_nullable_field_must_be_in_synthetic_calls(copy: Copy) -> None:
    new_field(copy)
    copy.edit("openapi/calls.yaml", (FIELD, FIELD.replace('[string, "null"]', "string")))
    copy.edit("openapi/evidence.md", ("| items[].holder | type string; nullable", "| items[].holder | type string"))
    copy.generate()
    assert "None is not of type 'string'" in copy.problems()

    copy.edit(
        "overlay/vox_calls_tools/sandbox/synthetic.py", before('        "metadata": ', '        "holder": "vip",')
    )
    assert copy.problems() == ""


def drop_evidence(copy: Copy, beginning: str) -> None:
    evidence = copy.root / "openapi" / "evidence.md"
    rows = evidence.read_text(encoding="utf-8").splitlines(keepends=True)
    evidence.write_text("".join(row for row in rows if not row.startswith(beginning)), encoding="utf-8")


def assert_only_cases_fail_that_name(copy: Copy, name: str) -> None:
    failing = re.findall(r"^([a-z0-9-]+): ", copy.run("tests/conformance.py").stdout, re.MULTILINE)
    assert failing
    assert all(name in json.dumps(cases()[case]) for case in failing), f"cases that do not name {name} fail too"
