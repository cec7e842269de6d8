"""The commands: each maps its options to arguments of the package, and errors to one line and an exit status."""

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
    help="Read an organisation's call history from vox.ai. Set the API key in VOX_API_KEY.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_MADE_UP = 2_000
_MOST = 10_000_000
_SEED = 1


class Format(StrEnum):
    """The output formats of `list`."""

    TABLE = "table"
    JSONL = "jsonl"
    CSV = "csv"
    JSON = "json"


class ExportFormat(StrEnum):
    """The values of `vox_calls_tools.export.Format`, which is slow to import."""

    JSONL = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"


class SummaryFormat(StrEnum):
    """The output formats of `stats`."""

    TABLE = "table"
    JSON = "json"


def _version(wanted: bool) -> None:  # noqa: FBT001 - typer's callback
    if wanted:
        from vox_calls import __version__

        typer.echo(f"vox-calls {__version__}")
        raise typer.Exit


@app.callback()
def common(
    *,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Define the options of the command itself."""


@app.command("list")
@with_filters
def list_(
    filters: Filters,
    *,
    cursor: Annotated[str | None, typer.Option(help="Resume from a cursor.")] = None,
    max_items: Annotated[int, typer.Option(help="Maximum number of calls.")] = 20,
    format_: Annotated[Format, typer.Option("--format", help="Output format.")] = Format.TABLE,
    mask: Mask = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    base_url: BaseUrl = None,
) -> None:
    """List calls, newest first.

    In a terminal, the table fits its width. In a pipe, it is one line per call with tab-separated fields: start, id,
    type, status, reason, from, to, seconds, won, summary. Totals and messages go to standard error.
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
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="File to write: calls.jsonl, calls.csv.gz, calls.parquet.")
    ],
    *,
    format_: Annotated[
        ExportFormat | None, typer.Option("--format", help="File format; else that of FILE's name.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Resume an interrupted export, or start one if there is none.")
    ] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace existing files and start over.")] = False,
    bom: Annotated[bool, typer.Option(help="Start a CSV file with a byte order mark, which Excel needs.")] = True,
    rate_limit: RateLimited = True,
    quiet: Quiet = False,
    verbose: Verbose = False,
    base_url: BaseUrl = None,
) -> None:
    """Export all calls, or those that match the filters, to FILE.

    Calls are written oldest first, so calls made during the export come last; --sort-order desc starts with the newest
    and leaves those out. FILE appears once it is complete; until then there are FILE.part and FILE.checkpoint. After an
    interruption, --resume continues after the last complete page with the original filters. Calls that cannot be
    decoded go to FILE.rejects.jsonl. Recording URLs are left out. In a CSV file, texts that a spreadsheet would run as
    formulas get a leading apostrophe, and so do texts that start with one or are empty.
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
        Path | None, typer.Option("--from", help="Read calls from an exported file instead of the API.")
    ] = None,
    format_: Annotated[SummaryFormat, typer.Option("--format", help="Output format.")] = SummaryFormat.TABLE,
    html: Annotated[Path | None, typer.Option(help="Also write an HTML page with charts; replaces the file.")] = None,
    rate_limit: RateLimited = True,
    quiet: Quiet = False,
    verbose: Verbose = False,
    base_url: BaseUrl = None,
) -> None:
    """Summarise calls: how many, how many answered, their cost.

    Groups calls from the API or an exported file by day, status, type, reason, length, hour and agent. Days and hours
    are those of the start.
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
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port to listen on; 0 for any free port.")] = 0,
    calls: Annotated[
        int | None, typer.Option(min=0, max=_MOST, help=f"Number of synthetic calls; default {_MADE_UP:,}.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help=f"Seed of the synthetic calls; default {_SEED}.")] = None,
    data: Annotated[
        Path | None, typer.Option(help="Serve the calls of an exported file instead of synthetic ones.")
    ] = None,
    latency_ms: Annotated[int, typer.Option(min=0, max=3_600_000, help="Delay of each response in milliseconds.")] = 0,
    rate_limit: Annotated[bool, typer.Option(help="Enforce the vendor's limits: 5 requests/s and 120/min.")] = True,
    faults: Annotated[Path | None, typer.Option(help="JSON file with the failures to simulate.")] = None,
    exchanges: Annotated[
        bool, typer.Option("--exchanges", help="Serve the conformance exchanges, to check a client in any language.")
    ] = False,
) -> None:
    """Serve the API locally until interrupted.

    Serves synthetic calls, or those of an exported file. The first two lines of output are the URL and the key as
    environment variables.
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
            pass  # the normal way to stop
        finally:
            box.close()


@app.command()
def doctor(
    base_url: BaseUrl = None,
    document: Annotated[
        str | None, typer.Option(help="Compare the vendor's OpenAPI document too; a file or a URL.")
    ] = None,
) -> None:
    """Check whether the API still matches this version.

    With a key, sends two requests to the server: one with an unknown parameter, to learn the supported ones, and one
    for a page. With --document, compares the vendor's document with the contract of this version. Exits with 0 if they
    match, 1 if they differ, 2 if the check failed. In a terminal, also checks the key, the server and the local clock
    with one more request.
    """
    from vox_calls import __version__
    from vox_calls.toolkit import API_KEY_VARIABLE
    from vox_calls_tools.cli import checkup, examination

    in_terminal = sys.stdout.isatty()
    if in_terminal:
        examination.show(examination.examine(base_url))

    status, same = checkup.SAME, "The API matches"
    if document is not None:
        status = max(status, checkup.ask_document(document))
    if document is None or os.environ.get(API_KEY_VARIABLE):
        status = max(status, checkup.ask_server(base_url))
    else:
        same = f"{API_KEY_VARIABLE} is not set, so the server was not checked; the document matches"
    same = f"{same} vox-calls {__version__}."
    if in_terminal:
        examination.show([examination.contract(status, same)])
    elif not status:
        typer.echo(same)
    raise typer.Exit(status)
