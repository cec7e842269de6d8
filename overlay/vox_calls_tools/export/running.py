"""Runs an export, from the start or from a checkpoint."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import attrs
import msgspec

from vox_calls import SortOrder
from vox_calls.client import Client
from vox_calls.errors import InvalidResponseError
from vox_calls.toolkit import normalise_filters
from vox_calls_tools.export import checkpoint as checkpoints
from vox_calls_tools.export.cells import Csv
from vox_calls_tools.export.checkpoint import Checkpoint
from vox_calls_tools.export.columns import HIDDEN, SECRET, json_text
from vox_calls_tools.export.errors import ExportError
from vox_calls_tools.export.files import Files, Growing
from vox_calls_tools.export.formats import Encoder, Form, Format, form_of
from vox_calls_tools.export.lines import JsonLines
from vox_calls_tools.export.locking import locked
from vox_calls_tools.export.packing import packer

_ORDER = "sort_order"


@attrs.frozen
class Progress:
    """The progress of an export.

    Attributes:
        calls: Number of calls in the file.
        rejected: Number of calls that could not be decoded.
        before: Number of calls and rejects that earlier runs wrote.
        total: Number of matching calls according to the server; it changes as calls are made. 0 before the first page.
        bytes: Length of the file so far, in bytes.
        fetched: Whether all pages are fetched and the file is being completed.

    Example:
        export_calls(client, "calls.csv", on_progress=lambda progress: print(progress.done, "of", progress.total))
    """

    calls: int
    rejected: int
    before: int
    total: int
    bytes: int
    fetched: bool

    @property
    def done(self) -> int:
        """Number of calls read, decoded or not."""
        return self.calls + self.rejected


@attrs.frozen
class Exported:
    """The result of an export.

    Attributes:
        path: The file.
        calls: Number of calls in the file.
        rejected: Number of calls that could not be decoded.
        rejects: The file with these; None if there are none.
        bytes: Length of the file in bytes.

    Example:
        done = export_calls(client, "calls.parquet")
        print(done.calls, "calls,", done.bytes, "bytes in", done.path)
    """

    path: Path
    calls: int
    rejected: int
    rejects: Path | None
    bytes: int


def export_calls(
    client: Client,
    path: str | os.PathLike[str],
    filters: Mapping[str, Any] | None = None,
    *,
    format: Format | str | None = None,  # noqa: A002 - the usual name
    resume: bool = False,
    overwrite: bool = False,
    byte_order_mark: bool = True,
    on_progress: Callable[[Progress], None] | None = None,
) -> Exported:
    """Write all matching calls to a file, page by page.

    The file appears under its name once it is complete. Until then its parts are next to it, with a checkpoint that is
    saved after each page. However the export ends, it can resume from the checkpoint and produces the same file.

    Calls are written oldest first unless `filters` has another `sort_order`: calls made during the export come last and
    are included, and ongoing calls are read as late as possible. With newest first, calls made during the export are
    left out.

    Args:
        client: The client to read from. Its rate limit and retries apply.
        path: The file, such as `calls.jsonl`, `calls.csv.gz` or `calls.parquet`.
        filters: Filters of `Client.list_calls`, by name. When resuming, pass the same filters or none.
        format: `"jsonl"`, `"csv"` or `"parquet"`; None for that of the file name.
        resume: Whether to resume an unfinished export. Starts one if there is none.
        overwrite: Whether to replace existing files and start over.
        byte_order_mark: Whether a CSV file starts with a byte order mark, which Excel needs to detect UTF-8.
        on_progress: Called after each page.

    Returns:
        The file and how many calls it has.

    Raises:
        InvalidQueryError: A filter is invalid.
        ExportError: The file already exists, another process writes it, or the export cannot resume.
        ExportDiskError: A file cannot be written.
        ModuleNotFoundError: Parquet or Zstandard needs pyarrow, the extra `arrow`.
        VoxCallsError: Any error that `list_calls` raises while iterating.

    Example:
        with Client() as client:
            done = export_calls(client, "ended.parquet", {"status": "ended"}, resume=True)
            print(done.calls, "calls,", done.rejected, "rejected")
    """
    files = Files(Path(path))
    form = form_of(files.target, format)
    encoder = _encoder(form, byte_order_mark=byte_order_mark)
    asked = normalise_filters({_ORDER: SortOrder.ASC, **(filters or {})})
    if resume and overwrite:
        raise ExportError("--resume and --overwrite cannot be combined: pass one of them")
    files.check_place()
    with locked(files.lock, files.target):
        found = checkpoints.load(files.checkpoint) if resume else None
        if found is None:
            if not overwrite:
                files.check_free()
            begin = Checkpoint(format=form.format, compression=form.compression, server=client.base_url, filters=asked)
        else:
            _check_same(found, form, client.base_url, asked if filters else None)
            begin = found
        growing = Growing(files, encoder, begin)
        try:
            _run(client, growing, encoder, on_progress or (lambda _: None))
            growing.complete()
        finally:
            growing.close()
    end = growing.checkpoint
    return Exported(
        files.target, end.calls, end.rejected, files.rejects if end.rejected else None, files.target.stat().st_size
    )


def _run(client: Client, growing: Growing, encoder: Encoder, tell: Callable[[Progress], None]) -> None:
    rejects: list[InvalidResponseError] = []
    state = growing.checkpoint
    before = state.calls + state.rejected
    if not state.finished:
        listing = client.list_calls(**state.filters, cursor=state.cursor, prefetch=1, on_invalid=rejects.append)
        for page in listing.pages():
            state = growing.checkpoint
            following = msgspec.structs.replace(
                state,
                cursor=listing.cursor,
                finished=listing.finished,
                calls=state.calls + len(page.items),
                rejected=state.rejected + len(rejects),
            )
            growing.append(encoder.page(page.items), b"".join(map(_reject, rejects)), following)
            rejects.clear()
            tell(_progress(growing.checkpoint, before, page.total_count))
    else:
        tell(_progress(state, before, before))


def _progress(state: Checkpoint, before: int, total: int) -> Progress:
    return Progress(
        calls=state.calls,
        rejected=state.rejected,
        before=before,
        total=max(total, state.calls + state.rejected),
        bytes=state.length,
        fetched=state.finished,
    )


def _encoder(form: Form, *, byte_order_mark: bool) -> Encoder:
    if form.format is Format.PARQUET:
        from vox_calls_tools.export.parquet import Parquet  # noqa: PLC0415 - an extra, and slow to import

        return Parquet()
    if form.format is Format.CSV:
        return Csv(packer(form.compression), mark=byte_order_mark)
    return JsonLines(packer(form.compression))


def _check_same(found: Checkpoint, form: Form, server: str, asked: dict[str, Any] | None) -> None:
    if found.server != server:
        raise ExportError(
            f"the export was started with the server {found.server}, not {server}: resume with --base-url "
            f"{found.server}, or pass --overwrite to start over"
        )
    if (found.format, found.compression) != (form.format, form.compression):
        begun = ".".join(filter(None, (found.format, found.compression)))
        raise ExportError(
            f"the export was started as {begun}: resume in that format, or pass --overwrite to start over"
        )
    if asked is not None and asked != found.filters:
        names = sorted(name for name in {*asked, *found.filters} if asked.get(name) != found.filters.get(name))
        told = "; ".join(
            f"{name} was {_shown(found.filters.get(name))} and is {_shown(asked.get(name))}" for name in names
        )
        raise ExportError(
            f"the export was started with other filters ({told}): omit the filters to resume with the original ones, "
            f"or pass --overwrite to start over"
        )


def _shown(value: object) -> str:
    return "not given" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _reject(error: InvalidResponseError) -> bytes:
    told = {"path": error.path, "reason": error.reason, "item": _hidden(error.raw)}
    return (json_text(told) + "\n").encode()


def _hidden(value: object) -> object:
    """Redact recording URLs at any depth: a rejected item may have any shape."""
    if isinstance(value, dict):
        return {key: HIDDEN if key == SECRET and item else _hidden(item) for key, item in value.items()}
    return [_hidden(item) for item in value] if isinstance(value, list) else value
