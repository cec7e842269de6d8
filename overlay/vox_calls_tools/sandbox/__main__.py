"""Runs the command `vox-calls sandbox` for `python -m vox_calls_tools.sandbox`."""

import sys

from vox_calls_tools.cli import main

sys.argv.insert(1, "sandbox")
main()
