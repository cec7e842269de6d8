"""Generate the raw client from the contract, or check that what is committed is what the contract gives.

python scripts/generate.py            write generated/ anew
python scripts/generate.py --check    generate aside and compare, in both directions

The same contract gives the same bytes on every machine: generator and formatter are the locked ones, neither reads
a configuration of the machine, and what went in is recorded in generated/inputs.json.
"""

import difflib
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from itertools import chain, islice
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[1]
OUTPUT = ROOT / "generated"
PACKAGE = "vox_calls_raw"
RECORD = "inputs.json"
CONTRACT = "contract.json"
SPEC = ROOT / "openapi" / "calls.yaml"
SETTINGS = ROOT / "openapi" / "generator.yaml"
TEMPLATES = ROOT / "openapi" / "templates"
LOCK = ROOT / "scripts" / "requirements.lock"
TOOLS = ("openapi-python-client", "ruff")
EXECUTABLE = b"executable "
MOST_LINES, MOST_COLUMNS = 10, 160  # of a diff


PLAIN = {"TYPER_STANDARD_TRACEBACK": "1"}  # a frame around a traceback breaks its lines
TRACEBACK = "Traceback (most recent call last)"


class GenerationError(Exception):
    """The raw client cannot be generated; the message says why and what to do."""


def locked_tools() -> dict[str, str]:
    """The versions that the lock file asks for, after seeing that they are the installed ones."""
    lock = LOCK.read_text(encoding="utf-8")
    versions = {}
    for tool in TOOLS:
        pin = re.search(rf"^{re.escape(tool)}==([^\s;\\]+)", lock, re.MULTILINE)
        if pin is None:
            raise GenerationError(f"{LOCK.relative_to(ROOT)} does not pin {tool}. Run: make lock")
        if (installed := version(tool)) != pin[1]:
            raise GenerationError(
                f"{tool} {installed} is installed, but the lock asks for {pin[1]}. "
                "Rebuild the environment (make clean), then run: make generate"
            )
        versions[tool] = pin[1]
    return versions


def inputs() -> dict[str, dict[str, str]]:
    """What the output depends on: the hashes of the files and the versions of the tools."""
    files = [SPEC, SETTINGS, *sorted(TEMPLATES.rglob("*.jinja"))]
    return {
        "files": {path.relative_to(ROOT).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files},
        "tools": locked_tools(),
    }


def generate(folder: Path) -> None:
    """Fill the empty folder with everything that belongs under generated/.

    Raises GenerationError when the generator crashes, fails or warns.
    """
    record = inputs()
    tools = Path(sys.executable).parent
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "openapi_python_client",
                "generate",
                "--meta",
                "none",
                "--fail-on-warning",
            ),
            *("--path", SPEC, "--config", SETTINGS, "--custom-template-path", TEMPLATES),
            *("--output-path", folder / PACKAGE),
        ],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "PATH": f"{tools}{os.pathsep}{os.environ.get('PATH', '')}", "NO_COLOR": "1", **PLAIN},
    )
    if TRACEBACK in done.stderr:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise GenerationError(
            f"The generator crashed ({reason}): simplify what was last changed in openapi/calls.yaml, or report the "
            "crash to openapi-python-client."
        )
    if done.returncode or "warning" in (done.stdout + done.stderr).lower():
        raise GenerationError(f"The generator is not happy with the contract:\n{done.stdout}{done.stderr}")
    (folder / PACKAGE / "py.typed").touch()
    # As JSON, so that an installed package can compare the contract with the world and needs no YAML for it.
    contract = json.dumps(yaml.safe_load(SPEC.read_text(encoding="utf-8")), ensure_ascii=False, indent=1)
    (folder / PACKAGE / CONTRACT).write_text(contract + "\n", encoding="utf-8")
    require_decodable(folder)
    (folder / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")


USE = """
from vox_calls import Call
from vox_calls._decoding import decoder_of
from vox_calls_raw.models import CallPage, ErrorEnvelope

for cls in (Call, CallPage, ErrorEnvelope):
    decoder_of(cls)
"""


def require_decodable(folder: Path) -> None:
    """Raise GenerationError where the overlay cannot work with what was generated: it shows on first use."""
    done = subprocess.run(
        [sys.executable, "-B", "-c", USE],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), str(ROOT / "overlay")])},
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        raise GenerationError(
            f"The generator takes the contract, but the overlay cannot decode what it makes of it:\n  {reason}\n"
            "Write that part of openapi/calls.yaml in another way, or teach the overlay to decode it."
        )


def _mode(path: Path) -> bytes:
    return EXECUTABLE if os.name == "posix" and path.stat().st_mode & 0o111 else b""


def tree(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for what running Python leaves there."""
    return {
        path.relative_to(folder).as_posix(): b"a link" if path.is_symlink() else _mode(path) + path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if (path.is_file() or path.is_symlink()) and "__pycache__" not in path.parts
    }


def differences(committed: dict[str, bytes], fresh: dict[str, bytes]) -> list[str]:
    """One line for each file that is missing, stray or different."""
    lines = []
    for name in sorted(committed.keys() | fresh.keys()):
        if name not in committed:
            lines.append(f"missing    generated/{name}")
        elif name not in fresh:
            lines.append(f"stray      generated/{name}")
        elif committed[name] != fresh[name]:
            lines.append(f"different  generated/{name}{only(committed[name], fresh[name])}")
    return lines


def only(old: bytes, new: bytes) -> str:
    """A note where two files have the same lines."""
    one, other = old.removeprefix(EXECUTABLE), new.removeprefix(EXECUTABLE)
    if one.splitlines() != other.splitlines():
        return ""
    mode = old.startswith(EXECUTABLE) != new.startswith(EXECUTABLE)
    return f" (only its {' and '.join(['mode'] * mode + ['line ends'] * (one != other))})"


def diff(committed: dict[str, bytes], fresh: dict[str, bytes], *, named: bool) -> list[str]:
    """The first lines of a unified diff of the different files; without the record where its changes are named."""
    names = [
        name
        for name in sorted(committed.keys() & fresh.keys())
        if committed[name] != fresh[name] and not only(committed[name], fresh[name]) and not (named and name == RECORD)
    ]
    lines = chain.from_iterable(_diff(committed[name], fresh[name], f"generated/{name}") for name in names)
    return [line[:MOST_COLUMNS] for line in islice(lines, MOST_LINES)]


def _diff(old: bytes, new: bytes, name: str) -> Iterator[str]:
    one, other = (text.removeprefix(EXECUTABLE).decode(errors="replace").splitlines() for text in (old, new))
    return difflib.unified_diff(one, other, name, "what openapi/calls.yaml gives", n=1, lineterm="")


def changed_inputs(committed: dict[str, bytes], fresh: dict[str, bytes]) -> list[str]:
    """One line for each input that is not the one the committed output was made from."""
    try:
        before = json.loads(committed[RECORD])
        now = json.loads(fresh[RECORD])
        return [
            f"changed    {name}: {before[kind].get(name, 'absent')[:12]} became {now[kind].get(name, 'absent')[:12]}"
            for kind in ("files", "tools")
            for name in sorted(before[kind].keys() | now[kind].keys())
            if before[kind].get(name) != now[kind].get(name)
        ]
    except (KeyError, TypeError, AttributeError, ValueError):
        return []


def check() -> None:
    """Raise GenerationError, naming each file, unless generated/ is exactly what the contract gives."""
    with tempfile.TemporaryDirectory(prefix="vox-calls-") as aside:
        generate(Path(aside))
        committed, fresh = tree(OUTPUT), tree(Path(aside))
    if lines := differences(committed, fresh):
        why = changed_inputs(committed, fresh)
        raise GenerationError(
            "\n".join(
                [
                    "generated/ is not what openapi/calls.yaml gives:",
                    *(f"  {line}" for line in lines + why),
                    *diff(committed, fresh, named=bool(why)),
                    "Nobody edits generated/ by hand. To write it anew from the contract: make generate",
                ]
            )
        )
    print(f"generated/ is what openapi/calls.yaml gives: {len(committed)} files, byte for byte")


def write() -> None:
    """Replace generated/ by what the contract gives; on a failure it stays as it was."""
    with tempfile.TemporaryDirectory(prefix="vox-calls-") as aside:
        generate(Path(aside))
        shutil.rmtree(OUTPUT, ignore_errors=True)
        shutil.copytree(aside, OUTPUT)
    print(f"generated/ written: {len(tree(OUTPUT))} files")


def main() -> int:
    """Generate or check; 1 and a reason where that fails."""
    try:
        if sys.argv[1:] == ["--check"]:
            check()
        elif not sys.argv[1:]:
            write()
        else:
            print(__doc__)
            return 2
    except GenerationError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
