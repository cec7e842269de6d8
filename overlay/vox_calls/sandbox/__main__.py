"""`python -m vox_calls.sandbox` is the command `vox-calls sandbox`."""

import sys

from vox_calls.cli import main

sys.argv.insert(1, "sandbox")
main()
