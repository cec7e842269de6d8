"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

BaseUrl = Annotated[str | None, typer.Option(help="Server URL; else VOX_BASE_URL, else the vendor's.")]
Mask = Annotated[
    bool, typer.Option("--mask", help="Hide personal data: texts, and phone numbers except the last four digits.")
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Print only results and errors.")]
RateLimited = Annotated[
    bool,
    typer.Option(
        "--rate-limit/--no-rate-limit",
        help="Send at most 5 requests/s and 120/min; disable it only for a sandbox.",
    ),
]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Log each request and its duration.")]
