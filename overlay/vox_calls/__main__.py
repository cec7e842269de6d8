"""`python -m vox_calls` is the command `vox-calls`."""

from vox_calls.cli import main

main()
