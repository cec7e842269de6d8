"""The figures as a Markdown table, and the pages that show it."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

from bench.figures import Figure

PAGES = ("docs/performance.md", "docs/ko/performance.md")
BEGIN = "<!-- what make bench measured -->"
END = "<!-- the end of what make bench measured -->"


class ReportError(Exception):
    """The table has no place in the file; the message says which."""


def table(figures: Sequence[Figure]) -> str:
    """The figures in their groups."""
    lines = ["| | | measured | target |", "|---|---:|---:|---:|"]
    for group, members in groupby(figures, key=lambda figure: figure.group):
        lines.append(f"| **{group}** | | | |")
        lines += [f"| {figure.name} | {figure.shown} | {figure.note} | {figure.target} |" for figure in members]
    return "\n".join(lines)


def machine() -> str:
    """Where and when: processor, system, Python and date."""
    return (
        f"{_processor()}, {os.cpu_count()} cores, {platform.system()}, "
        f"{platform.python_implementation()} {platform.python_version()}, {date.today().isoformat()}"  # noqa: DTZ011 - here
    )


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    named = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(named, platform.machine())


def write(path: Path, text: str, *, begin: str = BEGIN, end: str = END) -> None:
    """Put a text between two markers of a file, in the place of what was there; nothing else changes.

    Raises:
        ReportError: Where the file has not each marker once, in their order.
    """
    whole = path.read_text(encoding="utf-8")
    before, _, rest = whole.partition(begin)
    _, found, after = rest.partition(end)
    if not found or whole.count(begin) != 1 or whole.count(end) != 1:
        raise ReportError(f"{path.name} needs a line {begin} and, below it, a line {end}, once each")
    path.write_text(f"{before}{begin}\n\n{text.strip()}\n\n{end}{after}", encoding="utf-8", newline="\n")
