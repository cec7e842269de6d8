"""`python -m vox_calls_tools` is the command `vox-calls`."""

from vox_calls_tools.cli import main

main()
