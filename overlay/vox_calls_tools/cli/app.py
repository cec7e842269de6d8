"""The commands. Each turns its options into the package's own arguments, and its errors into one line and a status."""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from vox_calls_tools.cli import FAILED
from vox_calls_tools.cli.filters import Filters, with_filters
from vox_calls_tools.cli.options import BaseUrl, Mask, Quiet, RateLimited, Verbose

app: typer.Typer = typer.Typer(
    help="Read an organisation's calls back from vox.ai. The key comes from VOX_API_KEY.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_MADE_UP = 2_000
_MOST = 10_000_000
_SEED = 1


class Format(StrEnum):
    """How calls are written."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    JSON = "json"


class ExportFormat(StrEnum):
    """What a file is written as: the values of `vox_calls_tools.export.Format`, which is slow to import."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class SummaryFormat(StrEnum):
    """How a summary is written."""

    TABLE = "table"
    JSON = "json"


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        from vox_calls import __version__

        typer.echo(f"vox-calls {__version__}")
        raise typer.Exit


@app.callback()
def common(
    *, version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Show it.")] = False
) -> None:
    """What every command shares."""


@app.command("list")
@with_filters
def list_(
    filters: Filters,
    *,
    cursor: Annotated[str | None, typer.Option(help="Where to read on.")] = None,
    max_items: Annotated[int, typer.Option(help="How many calls at most.")] = 20,
    format_: Annotated[Format, typer.Option("--format", help="How to write them.")] = Format.TABLE,
    mask: Mask = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    base_url: BaseUrl = None,
) -> None:
    """List calls, newest first.

    A table is for a terminal, and fits it. Elsewhere it is one line a call, fields apart by tabs: start, id, type,
    status, reason, from, to, seconds, won, summary. What is said about the calls goes to standard error.
    """
    from vox_calls_tools.cli import output
    from vox_calls_tools.cli.connection import connected
    from vox_calls_tools.cli.reporting import reported

    now = datetime.now(UTC)
    with reported():
        chosen = filters.resolve(now)
    with reported(chosen), connected(base_url, quiet=quiet, verbose=verbose, mask=mask) as client:
        left_out = output.LeftOut()
        calls = client.list_calls(**chosen.arguments, cursor=cursor, max_items=max_items, on_invalid=left_out.tell)
        totals = None
        writers = {Format.JSONL: output.write_jsonl, Format.CSV: output.write_csv, Format.JSON: output.write_json}
        try:
            if format_ is Format.TABLE:
                totals = output.write_table(calls, chosen.zone, mask=mask)
            else:
                writers[format_](calls, sys.stdout, mask=mask)
        except KeyboardInterrupt:
            output.say_more(calls, chosen)
            raise
        if verbose or (totals and not quiet):
            output.say_what_was_asked(chosen, now)
        if totals and not quiet:
            output.say_totals(totals, calls, chosen)
    if left_out.count:
        raise typer.Exit(FAILED)


@app.command()
@with_filters
def export(
    filters: Filters,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="Such as calls.jsonl, calls.csv.gz, calls.parquet.")],
    *,
    format_: Annotated[
        ExportFormat | None, typer.Option("--format", help="Where FILE's name does not tell it.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Go on with an export that was interrupted; begin where there is none.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Begin anew, in place of what is there.")] = False,
    bom: Annotated[bool, typer.Option(help="Begin a CSV with a byte order mark, as Excel needs it.")] = True,
    rate_limit: RateLimited = True,
    quiet: Quiet = False,
    verbose: Verbose = False,
    base_url: BaseUrl = None,
) -> None:
    """Write the whole history, or what the filters leave of it, to FILE.

    Oldest first, so that calls which come in meanwhile are at the end; --sort-order desc begins with the newest and
    leaves those out. FILE is there when it is complete; until then FILE.part and FILE.checkpoint are. After a break of
    any kind --resume goes on behind the last whole page, with the filters that it was begun with. Calls that cannot be
    decoded go to FILE.rejects.jsonl. URLs of recordings are left out. In a CSV, a text that a spreadsheet would take
    for a formula has an apostrophe in front, and so have those that begin with one or are empty.
    """
    from vox_calls_tools.cli import exporting
    from vox_calls_tools.cli.reporting import reported

    with reported():
        exporting.run(
            filters,
            file,
            format_=format_,
            resume=resume,
            overwrite=overwrite,
            bom=bom,
            rate_limit=rate_limit,
            quiet=quiet,
            verbose=verbose,
            base_url=base_url,
        )


@app.command()
@with_filters
def stats(
    filters: Filters,
    *,
    from_: Annotated[
        Path | None, typer.Option("--from", help="An exported file to count instead of asking the API.")
    ] = None,
    format_: Annotated[SummaryFormat, typer.Option("--format", help="How to write it.")] = SummaryFormat.TABLE,
    html: Annotated[Path | None, typer.Option(help="Write a page with charts, in place of any there.")] = None,
    rate_limit: RateLimited = True,
    quiet: Quiet = False,
    verbose: Verbose = False,
    base_url: BaseUrl = None,
) -> None:
    """Count calls by day, status, type, reason, length, hour and agent: how many were answered, what they cost.

    Of the API's calls, or of those in a file that was exported. Days and hours are those of the start.
    """
    from vox_calls.toolkit import DEFAULT_RATE_LIMIT
    from vox_calls_tools.cli import statistics
    from vox_calls_tools.cli.connection import connected
    from vox_calls_tools.cli.reporting import reported

    limit = DEFAULT_RATE_LIMIT if rate_limit else None
    with reported():
        chosen = filters.resolve(datetime.now(UTC))
        whole = statistics.run(
            chosen.arguments,
            chosen.zone,
            source=from_,
            client=connected(base_url, quiet=quiet, verbose=verbose, rate_limit=limit),
            json_wanted=format_ is SummaryFormat.JSON,
            page=html,
            quiet=quiet,
        )
    if not whole:
        raise typer.Exit(FAILED)


@app.command()
def sandbox(
    context: typer.Context,
    *,
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Where to listen; 0 for any free port.")] = 0,
    calls: Annotated[
        int | None, typer.Option(min=0, max=_MOST, help=f"How many calls to make up; {_MADE_UP:,} where not told.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help=f"Another seed, other calls; {_SEED} where not told.")] = None,
    data: Annotated[Path | None, typer.Option(help="Serve the calls of an exported file, and no made-up ones.")] = None,
    latency_ms: Annotated[int, typer.Option(min=0, max=3_600_000, help="Hold every answer back.")] = 0,
    rate_limit: Annotated[bool, typer.Option(help="5 requests a second and 120 a minute, like the vendor.")] = True,
    faults: Annotated[Path | None, typer.Option(help="A JSON file of what goes wrong, request by request.")] = None,
    exchanges: Annotated[
        bool, typer.Option("--exchanges", help="Serve the exchanges that a client in any language is checked by.")
    ] = False,
) -> None:
    """Serve the same API on this machine, with made-up calls or those of an exported file, until interrupted.

    The first two lines say where it is and its key, ready for a shell.
    """
    from vox_calls_tools.cli.reporting import reported

    with reported():
        from vox_calls_tools import sandbox as boxes
        from vox_calls_tools.cli.reporting import require_alone

        box: boxes.Sandbox | boxes.ExchangesSandbox
        if exchanges:
            require_alone(context, "exchanges", "port")
            box = boxes.ExchangesSandbox(port=port)
        else:
            settings = boxes.Settings(
                boxes.make_key(),
                windows=boxes.VENDOR_LIMITS if rate_limit else (),
                latency=latency_ms / 1_000,
                faults=None if faults is None else boxes.read_script(faults),
            )
            if data is None:
                count, chosen_seed = _MADE_UP if calls is None else calls, _SEED if seed is None else seed
                history = boxes.synthetic_calls(count, seed=chosen_seed, until=datetime.now(UTC))
            else:
                require_alone(context, "data", "port", "latency_ms", "rate_limit", "faults")
                history = boxes.read_calls(data)
            box = boxes.Sandbox(history, port=port, settings=settings)
        typer.echo(f"VOX_BASE_URL={box.base_url}\nVOX_API_KEY={box.api_key}")
        sys.stdout.flush()
        try:
            box.serve()
        except KeyboardInterrupt:
            pass  # the way to end it
        finally:
            box.close()


@app.command()
def doctor(
    base_url: BaseUrl = None,
    document: Annotated[str | None, typer.Option(help="The vendor's OpenAPI document, a file or a URL.")] = None,
) -> None:
    """Ask whether the API still is what this version was made for.

    With a key, two requests to the server: one that it has to refuse, for the parameters that it takes, and one page.
    With --document, what the vendor publishes, told as changes from what this version knows to what it says.
    Exit status 0 it is, 1 it differs, 2 it could not be found out. A terminal also shows what one more request tells of
    the key, the server and this machine's clock.
    """
    from vox_calls import __version__
    from vox_calls.toolkit import API_KEY_VARIABLE
    from vox_calls_tools.cli import checkup, examination

    in_terminal = sys.stdout.isatty()
    if in_terminal:
        examination.show(examination.examine(base_url))

    status, same = checkup.SAME, "The API is"
    if document is not None:
        status = max(status, checkup.ask_document(document))
    if document is None or os.environ.get(API_KEY_VARIABLE):
        status = max(status, checkup.ask_server(base_url))
    else:
        same = f"Without {API_KEY_VARIABLE} the server itself is not asked; the document says"
    same = f"{same} what vox-calls {__version__} was made for."
    if in_terminal:
        examination.show([examination.contract(status, same)])
    elif not status:
        typer.echo(same)
    raise typer.Exit(status)
