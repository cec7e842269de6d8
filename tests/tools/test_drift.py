"""Drift: a server that fits the contract has no findings; differences are named without private data."""

from __future__ import annotations

import copy
import functools
import json
import os
import subprocess
import sys
import threading
from http.server import HTTPServer, SimpleHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract import parameters as known_parameters
from contract import spec
from scripted import call
from vox_calls import Client
from vox_calls_tools.cli import checkup
from vox_calls_tools.drift import DocumentError, contract, elements, examine, parse_document
from vox_calls_tools.drift.live import MADE_UP, Examination, Finding, fields, parameters
from vox_calls_tools.sandbox import Sandbox, Script, Settings, Step, make_key

COMMAND = Path(sys.executable).with_name("vox-calls")
KEY = "vox_live_0123456789abcdef"


def doctor(sandbox: Sandbox, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {"VOX_BASE_URL": sandbox.base_url, "VOX_API_KEY": sandbox.api_key}
    return subprocess.run(
        [COMMAND, "doctor", *arguments], env=os.environ | own | environment, capture_output=True, text=True, check=False
    )


def test_the_packaged_contract_is_current() -> None:
    assert contract() == elements(spec())


def test_the_sandbox_does_not_differ_from_the_contract(sandbox: Sandbox) -> None:
    done = doctor(sandbox)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("The API matches vox-calls ")


@pytest.fixture
def different(empty_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Sandbox:
    """A sandbox with other parameters and with fields that the contract lacks."""
    taken = [name for name in known_parameters() if name not in {"cursor", "campaign_id"}]
    monkeypatch.setattr("vox_calls_tools.sandbox.parameters.ALLOWED_PARAMETERS", (*taken, "team_id"))
    secret = {"from_number": "01012345678", "call_analysis": {"summary": "안녕", "mood": "비밀"}}
    empty_sandbox.store.add(
        [
            call("a", **secret, status="ringing", unheard_of={"name": "비밀"}),
            call("b", start_at="어제", unheard_of=None, metadata={"anything": "비밀"}),
            call("c", agent={"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2"}, dynamic_variables=None),
        ]
    )
    return empty_sandbox


def test_each_difference_is_named_without_private_data(different: Sandbox) -> None:
    done = doctor(different)
    assert done.returncode == 1
    assert sorted(line.removeprefix("server: ") for line in done.stdout.splitlines()) == [
        "absent field: items[].agent.agent_version (1 times, first at items[0].agent)",
        "null but not nullable: items[].dynamic_variables (1 times, first at items[0].dynamic_variables)",
        "parameter not supported: cursor",
        "published parameter not supported yet, which is expected until the server has it: campaign_id",
        "string instead of integer: items[].start_at (1 times, first at items[1].start_at)",
        "unknown field: items[].call_analysis.mood (1 times, first at items[2].call_analysis.mood)",
        "unknown field: items[].unheard_of (2 times, first at items[1].unheard_of)",
        "unknown parameter: team_id",
        "unknown value ringing: items[].status (1 times, first at items[2].status)",
    ]
    assert not any(word in done.stdout for word in ("01012345678", "안녕", "비밀", "어제"))


def test_an_unusable_server_is_inconclusive(sandbox: Sandbox) -> None:
    for environment in (
        {"VOX_API_KEY": KEY},
        {"VOX_API_KEY": ""},
        {"VOX_BASE_URL": "http://127.0.0.1:9"},
        {"VOX_BASE_URL": "http://example.com"},
    ):
        done = doctor(sandbox, **environment)
        assert done.returncode == 2
        assert done.stdout == ""
        assert done.stderr.startswith("vox-calls: cannot check the server: ")
        assert done.stderr.count("\n") == 1
        assert KEY not in done.stderr


@pytest.mark.parametrize(
    "refusal", [None, [], {}, {"error": []}, {"error": {"details": {"allowed_query_parameters": 5}}}]
)
def test_an_error_without_a_parameter_list_is_reported(refusal: Any) -> None:
    assert [str(finding) for finding in parameters(refusal, contract())] == [
        "no list of parameters: error.details.allowed_query_parameters"
    ]


@pytest.mark.parametrize(
    "page", [{"items": [], "total_count": 0}, {"items": [call("a")], "total_count": 1, "next_cursor": "x"}]
)
def test_an_absent_optional_field_is_no_difference(page: Any) -> None:
    assert fields(page, contract()) == []


@pytest.mark.parametrize(
    ("page", "found"),
    [
        ([call("a")], "array instead of object: the answer (1 times, first at the answer)"),
        ({"agent": {"agent_id": "agt_1", "agent_version": "v"}}, "not a UUID: items[].agent.agent_id"),
        (
            {"call_analysis": {"custom_analysis_data": 5}},
            "integer instead of array or free object: items[].call_analys",
        ),
        ({"start_at": 10**30}, "more than 64 bits: items[].start_at"),
    ],
)
def test_an_undecodable_field_is_a_difference(page: Any, found: str) -> None:
    whole = page if isinstance(page, list) else {"items": [call("a", **page)], "total_count": 1, "next_cursor": None}
    (finding,) = fields(whole, contract())
    assert str(finding).startswith(found)


PAGE = {"items": [call("a", unheard_of=1)], "total_count": 1, "next_cursor": None}
REFUSAL = {"error": {"code": 400, "message": "no", "details": {"allowed_query_parameters": list(known_parameters())}}}
GATEWAY = Step(status=502, text="<html>Bad gateway</html>")


@pytest.mark.parametrize(
    ("steps", "status", "told", "untold"),
    [
        (
            [GATEWAY, GATEWAY, Step(json=PAGE)],
            2,
            "unknown field: items[].unheard_of (1 times",
            "GET /v3/calls answered 502",
        ),
        (
            [Step(status=401), Step(json=PAGE)],
            2,
            "unknown field: items[].unheard_of",
            "401: the server rejects the key",
        ),
        (
            [Step(status=403), Step(json=PAGE)],
            2,
            "unknown field: items[].unheard_of",
            "403: the key in VOX_API_KEY may not",
        ),
        (
            [Step(status=400, json=REFUSAL), GATEWAY, GATEWAY],
            2,
            "integer instead of string: error.code",
            "answered 502",
        ),
        (
            [Step(status=400, text="<p>"), Step(json=PAGE)],
            2,
            "unknown field: items[].unheard_of",
            "the body is not JSON",
        ),
        ([Step(status=400, json=REFUSAL), Step(json=PAGE)], 1, "unknown field: items[].unheard_of", ""),
        ([None, None], 2, "", "it has no calls, so their fields and values were not checked"),
    ],
)
def test_a_failed_request_keeps_the_findings_of_the_other(
    steps: list[Step | None], status: int, told: str, untold: str
) -> None:
    with Sandbox(settings=Settings(make_key(), faults=Script([*steps]))) as sandbox:
        done = doctor(sandbox)
    assert done.returncode == status
    assert told in done.stdout
    assert untold in done.stderr
    assert done.stdout.count("\n") == bool(told) + (status == 1)
    assert done.stderr.count("\n") == bool(untold)


def test_a_page_the_client_would_reject_is_a_difference() -> None:
    page = {"items": [call("a")], "total_count": -1, "next_cursor": ""}
    assert [str(finding).partition(" (")[0] for finding in fields(page, contract())] == [
        "less than its minimum, 0: total_count",
        "less than its minLength, 1: next_cursor",
    ]


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


def vendors(spec: dict[str, Any]) -> dict[str, Any]:
    """The contract as the vendor may publish it: looser, as OpenAPI 3.0, among other operations."""
    document = copy.deepcopy(spec)
    document["servers"] = [{"url": "https://client-api.tryvox.co/v3"}]
    document["paths"] = {"/agents": {"get": {"responses": {}}}, "/calls": document["paths"]["/v3/calls"]}
    del document["paths"]["/calls"]["get"]["responses"]["404"]
    schemas = document["components"]["schemas"]
    schemas["Call"]["required"] = ["id", "agent", "call_type", "status"]
    schemas["Call"]["properties"]["opt_out_sensitive_data_storage"] = {"type": "boolean"}
    schemas["Call"]["properties"]["start_at"] = {"type": "integer", "format": "int64", "nullable": True}
    for parameter in document["components"]["parameters"].values():
        parameter["schema"].pop("minItems", None)
        parameter["schema"].get("items", {}).pop("pattern", None)
    return document


def test_a_looser_vendor_document_is_no_difference(sandbox: Sandbox, tmp_path: Path) -> None:
    path = tmp_path / "vendor.yaml"
    path.write_text(yaml.safe_dump(vendors(spec())), encoding="utf-8")
    done = doctor(sandbox, "--document", str(path))
    told = "vox-calls: the document has other operations, which are not compared: 1\n"
    assert (done.returncode, done.stderr) == (0, told)
    alone = doctor(sandbox, "--document", str(path), VOX_API_KEY="")
    assert alone.returncode == 0
    assert "the server was not checked" in alone.stdout


def test_other_operations_of_the_vendor_may_be_broken(sandbox: Sandbox, tmp_path: Path) -> None:
    document = vendors(spec())
    document["paths"]["/agents"]["get"] = {"$ref": "#/nowhere"}
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    assert doctor(sandbox, "--document", str(tmp_path / "openapi.json")).returncode == 0


def test_many_differences_are_truncated_and_counted(sandbox: Sandbox, tmp_path: Path) -> None:
    document = vendors(spec())
    document["components"]["schemas"]["Call"]["properties"] |= {f"new_{n}": {"type": "string"} for n in range(300)}
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    done = doctor(sandbox, "--document", str(tmp_path / "openapi.json"), VOX_API_KEY="")
    assert done.returncode == 1
    assert done.stdout.splitlines()[200:] == ["document: and 100 more"]


def test_a_closed_vendor_document_is_no_difference(sandbox: Sandbox, tmp_path: Path) -> None:
    document = vendors(spec())
    for schema in document["components"]["schemas"].values():
        if schema.get("properties"):
            schema["additionalProperties"] = False
    del document["security"], document["paths"]["/calls"]["get"]["responses"]["429"]
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    done = doctor(sandbox, "--document", str(tmp_path / "openapi.json"))
    assert (done.returncode, done.stdout.count("\n")) == (0, 1)


def test_additions_and_removals_of_the_vendor_are_named(sandbox: Sandbox, tmp_path: Path) -> None:
    document = vendors(spec())
    document["components"]["schemas"]["Call"]["properties"]["unheard_of"] = {"type": "string"}
    document["components"]["schemas"]["Call"]["properties"]["id"]["nullable"] = True
    document["components"]["schemas"]["CallStatus"]["enum"].append("ringing")
    document["components"]["parameters"]["Limit"]["schema"]["maximum"] = 50
    document["paths"]["/calls"]["get"]["parameters"].pop(0)
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    with HTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        done = doctor(sandbox, "--document", f"HTTP://127.0.0.1:{server.server_port}/openapi.json")
        missing = doctor(sandbox, "--document", f"http://127.0.0.1:{server.server_port}/nothing.json")
        server.shutdown()
        thread.join()
    assert done.returncode == 1
    assert [line.split(" (")[0] for line in done.stdout.splitlines()] == [
        "document: breaking    field items[].id: now nullable",
        "document: breaking    parameter agent_id: removed",
        "document: breaking    parameter limit: maximum 100 became 50",
        "document: compatible  field items[].status value ringing: added",
        "document: compatible  field items[].unheard_of: added",
        "document: compatible  parameter status value ringing: added",
    ]
    assert missing.returncode == 2
    assert "404" in missing.stderr


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b"{", b"a: [", b"paths: {}", None])
def test_an_unusable_document_is_inconclusive(sandbox: Sandbox, tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "document"
    if content is not None:
        path.write_bytes(content)
    done = doctor(sandbox, "--document", str(path), VOX_API_KEY="")
    assert done.returncode == 2
    assert done.stderr.startswith("vox-calls: cannot check the document: ")
    assert done.stderr.count("\n") == 1


def test_findings_are_comparable_values() -> None:
    steps = [Step(json={}), Step(json=PAGE)]
    with (
        Sandbox(settings=Settings(make_key(), faults=Script([*steps]))) as sandbox,
        Client(sandbox.api_key, base_url=sandbox.base_url) as client,
    ):
        found = examine(client, contract())
    assert isinstance(found, Examination)
    assert (found.failures, found.calls) == ([], 1)
    assert found.findings == [
        Finding("unknown parameter not rejected", MADE_UP),
        Finding("unknown field", "items[].unheard_of", "items[0].unheard_of"),
    ]


@pytest.mark.parametrize(
    ("refusals", "status", "told"),
    [(1, 1, ""), (2, 2, "answered 429: other requests use up the key's rate limit; try again later")],
)
def test_doctor_retries_a_429_once(refusals: int, status: int, told: str) -> None:
    busy, answered = Step(status=429, headers={"Retry-After": "0"}), Step(status=400, json=REFUSAL)
    steps = [busy] * refusals + ([answered] if refusals == 1 else []) + [Step(json=PAGE)]
    with Sandbox(settings=Settings(make_key(), faults=Script([*steps]))) as sandbox:
        done = doctor(sandbox)
    assert (done.returncode, told in done.stderr) == (status, True)
    assert "unknown field: items[].unheard_of" in done.stdout


def test_a_non_object_in_place_of_an_object_is_a_difference() -> None:
    (finding,) = fields({"items": [5], "total_count": 1, "next_cursor": None}, contract())
    assert finding == Finding("integer instead of object", "items[]", "items[0]")


def test_a_field_that_may_be_null_or_empty_may_be_absent() -> None:
    known = contract()
    assert known["field items[].variant_label"].may_be_absent
    assert known["field items[].metadata"].may_be_absent
    assert not known["field items[].id"].may_be_absent


def test_yaml_without_its_extra_is_rejected_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    assert parse_document(b"paths: {}") == parse_document(b'{"paths": {}}')
    monkeypatch.setitem(sys.modules, "yaml", None)
    with pytest.raises(DocumentError, match=r"vox-calls\[cli\]"):
        parse_document(b"paths: {}")


def test_an_oversized_document_is_rejected(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "openapi.json").write_text("{}" * 10, encoding="utf-8")
    monkeypatch.setattr(checkup, "_MOST_BYTES", 19)
    with HTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(tmp_path))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        with pytest.raises(DocumentError, match="longer than"):
            checkup._read(f"http://127.0.0.1:{server.server_port}/openapi.json")
        server.shutdown()
        thread.join()
