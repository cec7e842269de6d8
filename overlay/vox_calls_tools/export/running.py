"""An export from its beginning, or from where it was broken off, to its end."""

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
from vox_calls_tools.export.checkpoint import Checkpoint
from vox_calls_tools.export.columns import HIDDEN, SECRET, json_text
from vox_calls_tools.export.errors import ExportError
from vox_calls_tools.export.files import Files, Growing
from vox_calls_tools.export.formats import Encoder, Form, Format, form_of
from vox_calls_tools.export.locking import locked

_ORDER = "sort_order"


@attrs.frozen
class Progress:
    """How far an export has come.

    Attributes:
        calls: Calls in the file.
        rejected: Those that could not be decoded.
        before: How many of both an earlier run had written.
        total: How many there are, as far as the server says; it moves while calls come in. 0 before the first page.
        bytes: How long the file is so far.
        fetched: Whether all pages are there, and the file is being put in its place.

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
        """Calls that were read, whatever came of them."""
        return self.calls + self.rejected


@attrs.frozen
class Exported:
    """What came of an export.

    Attributes:
        path: The file.
        calls: How many calls are in it.
        rejected: How many could not be decoded.
        rejects: The file with those; None where there are none.
        bytes: How long the file is.

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
    format: Format | str | None = None,  # noqa: A002 - what it is called everywhere
    resume: bool = False,
    overwrite: bool = False,
    byte_order_mark: bool = True,
    on_progress: Callable[[Progress], None] | None = None,
) -> Exported:
    """Write all calls that match to a file, a page at a time.

    The file gets its name when it is complete. Until then its parts stand beside it, with a checkpoint that is moved on
    after every page: however the export ends early, it can be gone on with from there, and gives the same file.

    Calls are written oldest first, unless `filters` say otherwise: what comes in meanwhile stands at the end and is
    written too, and calls that are still running are read last, when most is known of them. Newest first, what comes
    in after the beginning is left out.

    Args:
        client: Whose calls. Its rate limit and its retries hold.
        path: The file, such as `calls.jsonl`, `calls.csv.gz` or `calls.parquet`.
        filters: Those of `Client.list_calls`, by name. When an export is gone on with they may be left out; given, they
            have to be the ones that it was begun with.
        format: `"jsonl"`, `"csv"` or `"parquet"`, where the name does not tell.
        resume: Go on with an export that was broken off. Where there is none, it begins.
        overwrite: Begin anew, in place of what is there.
        byte_order_mark: Whether a CSV begins with one, so that Excel takes it for UTF-8.
        on_progress: Called after every page.

    Raises:
        InvalidQueryError: For a filter that the API would not take.
        ExportError: Where the file is there already, another process writes it, or it cannot be gone on with.
        ExportDiskError: Where a file cannot be written.
        ModuleNotFoundError: Where Parquet or Zstandard is asked for, and pyarrow (the extra `arrow`) is not there.
        VoxCallsError: What `list_calls` raises while iterating.

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
        raise ExportError("--resume goes on with what is there and --overwrite begins anew: pass one of them")
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
    from vox_calls_tools.export.packing import packer  # noqa: PLC0415 - only for those who export

    if form.format is Format.PARQUET:
        from vox_calls_tools.export.parquet import Parquet  # noqa: PLC0415 - an extra, and slow to import

        return Parquet()
    if form.format is Format.CSV:
        from vox_calls_tools.export.cells import Csv  # noqa: PLC0415 - only for those who want it

        return Csv(packer(form.compression), mark=byte_order_mark)
    from vox_calls_tools.export.lines import JsonLines  # noqa: PLC0415 - only for those who want it

    return JsonLines(packer(form.compression))


def _check_same(found: Checkpoint, form: Form, server: str, asked: dict[str, Any] | None) -> None:
    if found.server != server:
        raise ExportError(
            f"the export was begun at {found.server}, and this is {server}, which may have other calls: go on with "
            f"--base-url {found.server}, or pass --overwrite to begin anew"
        )
    if (found.format, found.compression) != (form.format, form.compression):
        begun = ".".join(filter(None, (found.format, found.compression)))
        raise ExportError(f"the export was begun as {begun}: go on in that format, or pass --overwrite to begin anew")
    if asked is not None and asked != found.filters:
        names = sorted(name for name in {*asked, *found.filters} if asked.get(name) != found.filters.get(name))
        told = "; ".join(
            f"{name} was {_shown(found.filters.get(name))} and is {_shown(asked.get(name))}" for name in names
        )
        raise ExportError(
            f"the export was begun with other filters ({told}): leave the filters out to go on with those it was begun "
            f"with, or pass --overwrite to begin anew"
        )


def _shown(value: object) -> str:
    return "not given" if value is None else ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _reject(error: InvalidResponseError) -> bytes:
    told = {"path": error.path, "reason": error.reason, "item": _hidden(error.raw)}
    return (json_text(told) + "\n").encode()


def _hidden(value: Any) -> Any:  # noqa: ANN401 - any JSON
    """The same without the URL of a recording, wherever it stands: nobody knows what this is."""
    if isinstance(value, dict):
        return {key: HIDDEN if key == SECRET and item else _hidden(item) for key, item in value.items()}
    return [_hidden(item) for item in value] if isinstance(value, list) else value
