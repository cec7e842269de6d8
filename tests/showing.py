"""Show objects, errors and frames as pprint, rich, pytest and others show them to users."""

from __future__ import annotations

import io
import linecache
import pprint
import re
import traceback
from types import TracebackType

import rich
import rich.console
import rich.pretty
import rich.traceback
from _pytest._io.saferepr import saferepr


def objects(*shown: object) -> str:
    """The objects as `repr`, `pprint` and rich show them."""
    out = io.StringIO()
    console = rich.console.Console(file=out, width=200)
    for each in shown:
        out.write(
            f"{each!r}\n{pprint.pformat(each)}\n{saferepr(each)}\n{rich.pretty.pretty_repr(each, max_string=20)}\n"
        )
        console.print(each)
        rich.inspect(each, console=console)
    return out.getvalue()


def errors(error: BaseException, *, below: str) -> str:
    """An error with all the locals of its frames, in each way that a tool shows them.

    Args:
        error: The error caught.
        below: The file of the test; its frames are left out.
    """
    out = io.StringIO()
    console = rich.console.Console(file=out, width=200)
    seen: list[BaseException] = []
    todo: list[BaseException | None] = [error]
    for each in todo:
        if each is None or each in seen:
            continue
        seen.append(each)
        todo += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]
        inner = each.__traceback__
        while inner is not None and inner.tb_frame.f_code.co_filename == below:
            inner = inner.tb_next
        each.__traceback__ = inner
        out.write("".join(traceback.TracebackException.from_exception(each, capture_locals=True).format()))
        console.print(rich.traceback.Traceback.from_exception(type(each), each, inner, show_locals=True))
        out.write(f"{each!r} {vars(each)!r}\n")
        _write_frames(inner, out)
    return out.getvalue()


def _write_frames(inner: TracebackType | None, out: io.StringIO) -> None:
    """Locals as pytest -l shows them, and like cgitb the value of each dotted name in a failed line."""
    while inner is not None:
        frame = inner.tb_frame
        out.writelines(
            f"{name} = {saferepr(value)}\n{pprint.pformat(value)}\n" for name, value in frame.f_locals.items()
        )
        line = linecache.getline(frame.f_code.co_filename, inner.tb_lineno)
        for dotted in re.findall(r"[a-zA-Z_][\w.]*", line):
            first, *rest = dotted.split(".")
            value = frame.f_locals.get(first)
            for attribute in rest:
                value = getattr(value, attribute, None)
            out.write(f"{dotted} = {value!r}\n")
        inner = inner.tb_next
