"""`python -m vox_calls_tools.sandbox` is the command `vox-calls sandbox`."""

import sys

from vox_calls_tools.cli import main

sys.argv.insert(1, "sandbox")
main()
