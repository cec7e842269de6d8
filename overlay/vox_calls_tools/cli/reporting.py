"""Turns errors of commands into one line on standard error and an exit status."""

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
    """Print an error of the block, and exit.

    Args:
        chosen: The filters, to print how to resume.
    """
    try:
        yield
        sys.stdout.flush()
    except InvalidQueryError as error:
        for one in error.errors or [error]:
            typer.echo(f"vox-calls: {printable(str(one))}", err=True)
        raise typer.Exit(MISUSED) from None
    except VoxCallsError as error:
        cursor = None if isinstance(error, BadRequestError) else error.cursor  # the cursor may be the cause of a 400
        resume = ""
        if chosen and cursor and len(cursor) <= _LONGEST_CURSOR:
            resume = f" (resume with {chosen.resume(cursor)})"
        typer.echo(f"vox-calls: {printable(str(error) + resume)}", err=True)
        raise typer.Exit(MISUSED if isinstance(error, ConfigurationError) else FAILED) from None
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    except BrokenPipeError:
        # Handled here, because typer would exit with another status.
        abandon_output()
        raise typer.Exit(0) from None


def require_alone(context: typer.Context, option: str, *others: str) -> None:
    """Reject options that have no effect together with another.

    Args:
        context: The context of the command.
        option: The option, by name.
        *others: The options that may be combined with it.

    Raises:
        ConfigurationError: Another option was given. The message names it.
    """
    for parameter in context.command.params:
        source = context.get_parameter_source(parameter.name or "")
        if parameter.name not in {option, *others} and source is not None and source.name == "COMMANDLINE":
            raise ConfigurationError(f"--{option} and {parameter.opts[0]} cannot be combined; pass one of them")
