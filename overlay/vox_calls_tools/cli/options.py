"""Options that mean the same in every command that has them."""

from __future__ import annotations

from typing import Annotated

import typer

BaseUrl = Annotated[str | None, typer.Option(help="The server; else VOX_BASE_URL, else the vendor's.")]
Mask = Annotated[
    bool, typer.Option("--mask", help="Hide personal data: texts whole, phone numbers but for the last four digits.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Say nothing but what was asked for, and errors.")]
RateLimited = Annotated[
    bool,
    typer.Option(
        "--rate-limit/--no-rate-limit",
        help="5 requests a second and 120 a minute; without, as fast as a sandbox answers.",
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell of each request, and how long it took.")]
