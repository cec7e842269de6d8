"""Run a command in a virtual terminal and read its screen."""

from __future__ import annotations

import errno
import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Mapping
from pathlib import Path

import attrs
import pyte

COMMAND = Path(sys.executable).with_name("vox-calls")
_ROWS = 250
# A new session with the terminal as its keyboard, so that Ctrl-C there interrupts the command.
_LAUNCHER = "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execv(sys.argv[1], sys.argv[1:])"


@attrs.frozen
class Seen:
    """The result of a command in a terminal.

    Attributes:
        status: Its exit status.
        raw: Its output, control characters included.
        screen: The screen that it shows.
    """

    status: int
    raw: str
    screen: pyte.Screen

    @property
    def lines(self) -> list[str]:
        """The lines of the screen that are not empty, a wide character counting as one."""
        return [line.rstrip() for line in self.screen.display if line.strip()]

    def column(self, row: int, heading: str) -> str:
        """The text of a line from the column where a heading of the first line starts."""
        at = self.lines[0].index(heading)
        return "".join(self.screen.buffer[row][x].data for x in range(at, self.screen.columns)).split(" ")[0]

    def colour(self, row: int, word: str) -> str:
        """The colour of a word on a line."""
        cells = [self.screen.buffer[row][x] for x in range(self.screen.columns)]
        at = "".join(cell.data or "\0" for cell in cells).index(word)
        return cells[at].fg


def in_terminal(
    *arguments: str,
    environment: Mapping[str, str],
    columns: int = 80,
    during: Callable[[str, int], None] | None = None,
) -> Seen:
    """Run the command in a terminal of a given width.

    Args:
        arguments: The arguments of the command.
        environment: Variables added to those of the tests.
        columns: The width of the terminal.
        during: Called after each output, with all output so far and the file descriptor of the terminal.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", _ROWS, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-IS", "-c", _LAUNCHER, COMMAND, *arguments],
        env=os.environ | {"TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    written = b""
    try:
        while part := _read(ours):
            written += part
            if during is not None:
                during(written.decode(errors="replace"), ours)
    finally:
        os.close(ours)
        status = process.wait()
    screen = pyte.Screen(columns, _ROWS)
    pyte.ByteStream(screen).feed(written)
    return Seen(status, written.decode(), screen)


def _read(end: int) -> bytes:
    try:
        return os.read(end, 65_536)
    except OSError as error:
        if error.errno == errno.EIO:  # how Linux tells that the other end is closed
            return b""
        raise
