"""Runs the command `vox-calls` for `python -m vox_calls_tools`."""

from vox_calls_tools.cli import main

main()
