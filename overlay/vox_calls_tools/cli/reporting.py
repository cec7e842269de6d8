"""How the errors of commands are told: one line on standard error, and an exit status."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from vox_calls import BadRequestError, ConfigurationError, InvalidQueryError, VoxCallsError
from vox_calls_tools.cli import FAILED, INTERRUPTED, MISUSED, abandon_output
from vox_calls_tools.cli.chosen import Chosen
from vox_calls_tools.cli.text import printable

_LONGEST_CURSOR = 1_000


@contextmanager
def reported(chosen: Chosen | None = None) -> Iterator[None]:
    """Tell an error of the block, and exit.

    Args:
        chosen: The filters, to say how to resume.
    """
    try:
        yield
        sys.stdout.flush()
    except InvalidQueryError as error:
        for one in error.errors or [error]:
            typer.echo(f"vox-calls: {printable(str(one))}", err=True)
        raise typer.Exit(MISUSED) from None
    except VoxCallsError as error:
        cursor = None if isinstance(error, BadRequestError) else error.cursor  # a 400 may be of that very cursor
        resume = ""
        if chosen and cursor and len(cursor) <= _LONGEST_CURSOR:
            resume = f" (read on with {chosen.resume(cursor)})"
        typer.echo(f"vox-calls: {printable(str(error) + resume)}", err=True)
        raise typer.Exit(MISUSED if isinstance(error, ConfigurationError) else FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Told here, for the library of the command line would end with a status of its own.
        abandon_output()
        raise typer.Exit(0) from None


def require_alone(context: typer.Context, option: str, *others: str) -> None:
    """Reject options that do not go with one.

    Raises:
        ConfigurationError: Names one that was given.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name not in {option, *others} and source is not None and source.name == "COMMANDLINE":
            raise ConfigurationError(f"--{option} leaves nothing for {parameter.opts[0]} to say; leave one of them out")
