"""Broken and hostile documents end `vox-calls doctor --document` in seconds, with one sentence."""

from __future__ import annotations

import copy
import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from contract import spec
from vox_calls_tools.drift import DocumentError, compare, elements, parse_document, parsing

COMMAND = Path(sys.executable).with_name("vox-calls")
SECONDS, BYTES = 20, 1_000_000_000  # of address space; the interpreter and its libraries take 300 MB of it


def doctor(document: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COMMAND, "doctor", "--document", document],
        env={name: value for name, value in os.environ.items() if name != "VOX_API_KEY"},
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES)),
        capture_output=True,
        text=True,
        check=False,
        timeout=SECONDS,
    )


def told(document: Path) -> str:
    """What doctor says of a document that it cannot check."""
    done = doctor(document)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("vox-calls: cannot check the document: ")
    assert done.stderr.count("\n") == 1
    return done.stderr


def chained(link: Callable[[str], dict[str, Any]]) -> bytes:
    """The contract with a field of schemas that each refer to the next one."""
    document = copy.deepcopy(spec())
    schemas = document["components"]["schemas"]
    for number in range(60):
        schemas[f"A{number}"] = link(f"#/components/schemas/A{number + 1}")
    schemas["A60"] = {"type": "string"}
    schemas["Call"]["properties"]["made_up"] = {"$ref": "#/components/schemas/A0"}
    return json.dumps(document).encode()


def with_field(schema: dict[str, Any]) -> dict[str, Any]:
    document = copy.deepcopy(spec())
    document["components"]["schemas"]["Call"]["properties"]["made_up"] = schema
    return document


CONTRACT = yaml.safe_dump(spec())
LAUGHS = "".join(f"a{n}: &a{n} [{','.join([f'*a{n - 1}' if n else 'x'] * 10)}]\n" for n in range(30))
MERGES = "a0: &a0 {k: v}\n" + "".join(
    f"a{n}: &a{n} {{<<: [{','.join([f'*a{n - 1}'] * 10)}], k{n}: v}}\n" for n in range(1, 12)
)
DOCUMENTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "laughs": (f"{LAUGHS}paths: *a29\n".encode, "more than 300,000 values"),
    "laughs in a default": (
        (LAUGHS + CONTRACT.replace("variant_label:\n", "made_up: {default: *a29}\n        variant_label:\n", 1)).encode,
        "more than 300,000 values",
    ),
    "merges": (f"{MERGES}{CONTRACT}".encode, "more than 300,000 values"),
    "an alias to itself": (lambda: b"paths: &p {/v3/calls: *p, get: *p}\n", "alias *p to itself"),
    "an alias to nothing": (lambda: b"paths: *p\n", "alias *p to itself or to nothing"),
    "deep JSON": (lambda: b"[" * 100_000 + b"]" * 100_000, "more than 200 levels"),
    "deep objects": (lambda: b'{"paths":' * 1_000 + b"1" + b"}" * 1_000, "more than 200 levels"),
    "deep, but shallow enough for a parser": (lambda: b"[" * 300 + b"]" * 300, "more than 200 levels"),
    "deep YAML, which crashes libyaml": (lambda: b"[" * 200_000, "more than 200 levels"),
    "100 MB": (lambda: b'{"paths": "' + b"x" * 100_000_000 + b'"}', "longer than 10 MB"),
    "many lists": (lambda: b"[" + b"[]," * 3_000_000 + b"[]]", "more than 300,000 values"),
    "many numbers": (lambda: b"[" + b"0," * 400_000 + b"0]", "more than 300,000 values"),
    "many lines": (lambda: b"- a\n" * 2_250_000, "more than 300,000 values"),
    "an invalid date": (lambda: b"a: 2026-99-99\n", "neither JSON nor YAML"),
    "not UTF-8": (lambda: b"a: caf\xe9\n", "neither JSON nor YAML"),
    "references that double": (
        lambda: chained(lambda target: {"allOf": [{"$ref": target}, {"$ref": target}]}),
        "refer to each other too often",
    ),
    "a wide allOf": (
        lambda: json.dumps(
            with_field({"allOf": [{"properties": {f"p{n}": {"type": "string"}}} for n in range(20_000)]})
        ).encode(),
        "refer to each other too often",
    ),
    "an allOf of itself": (
        lambda: chained(lambda _: {"allOf": [{"$ref": "#/components/schemas/A0"}]}),
        "or that contain themselves",
    ),
    "server variables that double": (
        lambda: json.dumps(
            spec()
            | {
                "servers": [
                    {
                        "url": "https://{v0}",
                        "variables": {f"v{n}": {"default": f"{{v{n + 1}}}" * 2} for n in range(40)},
                    }
                ]
            }
        ).encode(),
        "a server URL of more than 2,000 characters",
    ),
}


@pytest.mark.parametrize("name", DOCUMENTS)
def test_a_hostile_document_is_rejected_in_seconds(name: str, tmp_path: Path) -> None:
    content, reason = DOCUMENTS[name]
    (tmp_path / "document").write_bytes(content())
    assert reason in told(tmp_path / "document")


def test_a_directory_is_rejected(tmp_path: Path) -> None:
    assert "directory" in told(tmp_path)


def test_nested_maps_take_no_exponential_time() -> None:
    found = elements(
        parse_document(
            chained(lambda target: {"properties": {"p": {"$ref": target}}, "additionalProperties": {"$ref": target}})
        )
    )
    assert str(found["field items[].made_up"].facts["type"]).startswith("object of object of object")


def test_a_pipe_that_never_ends_is_rejected(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "no regular file" in told(tmp_path / "pipe")
    assert "no regular file" in told(Path("/dev/zero"))


def test_a_huge_value_is_truncated() -> None:
    document = with_field({"type": "string"})
    document["components"]["parameters"]["Cursor"]["schema"]["pattern"] = "x" * 5_000_000
    assert max(len(str(change)) for change in compare(elements(spec()), elements(document))) < 1_200


def test_ordinary_aliases_are_read() -> None:
    text = CONTRACT + "x-one: &one {a: &two [1, 2]}\nx-two: [*one, *one, *two]\n"
    assert parse_document(text.encode()) == yaml.safe_load(text)


def test_pure_python_yaml_has_the_same_bounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(yaml, "CSafeLoader")
    assert parse_document(b"paths: {}") == {"paths": {}}
    with pytest.raises(DocumentError, match="more than 300,000 values"):
        parse_document(LAUGHS.encode())


def test_the_largest_document_is_read() -> None:
    lines = b"- a\n" * (parsing._MOST_VALUES - 2)
    assert len(parse_document(lines)) == parsing._MOST_VALUES - 2  # type: ignore[arg-type] # it is a list
