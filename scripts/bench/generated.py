"""OpenAPI Generator's Python client of the contract, generated aside when it is first needed. Takes Java."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from importlib.metadata import version
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path

from bench.models import SPEC

PACKAGE = "openapi_generator_client"
GENERATOR = "openapi-generator-cli"
_FOLDER = Path(sys.prefix) / "peers"


def why_not() -> str | None:
    """Why there can be no such client here; None where there can."""
    return None if shutil.which("java") else "skipped: there is no Java here"


def make_importable() -> None:
    """Generate the client, unless that was done for this contract and generator, and put it on the path.

    Raises:
        RuntimeError: With what the generator says, where it fails.
    """
    stamp = _FOLDER / "stamp"
    inputs = f"{version(GENERATOR)} {hashlib.sha256(SPEC.read_bytes()).hexdigest()}"
    if not stamp.is_file() or stamp.read_text(encoding="utf-8") != inputs:
        shutil.rmtree(_FOLDER, ignore_errors=True)
        print(f"Generating the client of {GENERATOR} {version(GENERATOR)} ...", flush=True)
        with as_file(files("openapi_generator_cli") / "openapi-generator.jar") as jar:
            command = ["java", "-jar", str(jar), "generate", "--generator-name", "python"]
            places = ["--input-spec", str(SPEC), "--output", str(_FOLDER), "--package-name", PACKAGE]
            done = subprocess.run([*command, *places], check=False, capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{GENERATOR} fails:\n{done.stdout}{done.stderr}")
        stamp.write_text(inputs, encoding="utf-8")
    if find_spec(PACKAGE) is None:
        sys.path.append(str(_FOLDER))
