"""Measure this client beside others, in one run, and print one table.

python scripts/bench            print it
python scripts/bench --write    and write it into docs/performance.md and its Korean twin
python scripts/bench --check    and exit with 1, naming each figure that is worse than its target

It needs the environment of scripts/bench.lock, which `make bench` and `make bench-check` build.
"""

import argparse
import os
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[0] = str(ROOT / "scripts")

from bench import report, server  # noqa: E402 - found by the line above
from bench.figures import failures  # noqa: E402 - as above
from bench.memory import memory  # noqa: E402 - as above
from bench.pacing import pacing  # noqa: E402 - as above
from bench.prefetching import prefetching  # noqa: E402 - as above
from bench.starting import starting  # noqa: E402 - as above
from bench.throughput import decoding, page_size, whole_loop  # noqa: E402 - as above


def main() -> int:
    """Measure; 1 where targets count and one is missed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--write", action="store_true", help="write the table into docs/performance.md")
    parser.add_argument("--check", action="store_true", help="fail where a figure is worse than its target")
    arguments = parser.parse_args()
    for name in [name for name in os.environ if name.upper().endswith("_PROXY")]:
        del os.environ[name]  # some clients here would go through it to this very machine
    began = time.monotonic()
    with server.running() as address:
        figures = [
            *whole_loop(address),
            *decoding(),
            *memory(address),
            *starting(),
            *prefetching(address),
            *pacing(),
        ]
    text = f"{report.table(figures)}\n\nPages of 100 calls, {page_size() / 1_000:.0f} kB each. {report.machine()}."
    print(f"{text}\n\nMeasured in {time.monotonic() - began:.0f} s.")
    if arguments.write:
        for page in report.PAGES:
            report.write(ROOT / page, text)
    missed = failures(figures)
    if arguments.check and missed:
        print("\nWorse than its target:", *missed, sep="\n  ", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
