"""See whether the contract is valid OpenAPI, and as a linter for OpenAPI would have it.

The first is checked in Python. The second takes Node.js; where there is none, that is said and passed over.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import yaml
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.validation.exceptions import OpenAPIValidationError

SPEC = Path(__file__).resolve().parents[1] / "openapi" / "calls.yaml"
LINTER = "@redocly/cli@2.77.0"


def main() -> int:
    """Check; 1 and what is wrong where something is."""
    try:
        OpenAPIV31SpecValidator(yaml.safe_load(SPEC.read_text(encoding="utf-8"))).validate()
    except (yaml.YAMLError, OpenAPIValidationError) as error:
        print(f"{SPEC.name} is not valid OpenAPI 3.1: {error}")
        return 1
    print(f"{SPEC.name} is valid OpenAPI 3.1", flush=True)
    npx = shutil.which("npx")
    if npx is None:
        print(f"skipped: {LINTER}, for there is no Node.js here")
        return 0
    done = subprocess.run(
        [npx, "--yes", LINTER, "lint", SPEC, "--format=stylish"],
        check=False,
        capture_output=True,
        text=True,
        encoding="utf-8",
        env={**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"},
    )
    # Errors and warnings alone go to its standard output; npm's words, and its own about itself, do not.
    if minded := done.stdout.strip():
        print(minded)
        return 1
    if done.returncode:
        reason = next((line for line in done.stderr.splitlines() if "error" in line.lower()), "it does not say why")
        print(f"{LINTER} could not be run, so nobody linted {SPEC.name}: {reason.strip()}")
        return 1
    print(f"{SPEC.name} is as {LINTER} would have it")
    return 0


if __name__ == "__main__":
    sys.exit(main())
