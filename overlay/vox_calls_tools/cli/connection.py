"""Creates the client of a command, and with `--verbose` logs its requests to standard error, without the key."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from vox_calls import Client
from vox_calls.toolkit import DEFAULT_RATE_LIMIT, DEFAULT_TIMEOUT, Limit, open_http, resolve_base_url
from vox_calls_tools.cli.filters import is_personal, takes_text
from vox_calls_tools.cli.privacy import mask_number
from vox_calls_tools.cli.text import printable

_LONGEST_SHOWN = 1_000
_NOTICED = 0.1
_CURSOR = "cursor"


@contextmanager
def connected(
    base_url: str | None,
    *,
    quiet: bool = False,
    verbose: bool = False,
    mask: bool = False,
    rate_limit: Limit | None = DEFAULT_RATE_LIMIT,
) -> Iterator[Client]:
    """Open a client for the duration of the block.

    Args:
        base_url: The server; else the environment's, else the vendor's.
        quiet: Whether to suppress warnings.
        verbose: Whether to log each request to standard error.
        mask: Whether to mask personal data in that log.
        rate_limit: Rate limit of the client.
    """
    _tell_warnings(quiet=quiet)
    if not verbose:
        with Client(base_url=base_url, rate_limit=rate_limit) as client:
            yield client
        return
    told = _Told(mask=mask)
    hooks: dict[str, list[Callable[..., Any]]] = {"request": [told.request], "response": [told.response]}
    server = resolve_base_url(base_url)
    with (
        open_http(httpx.Client, server, timeout=DEFAULT_TIMEOUT, hooks=hooks) as http,
        Client(base_url=base_url, http_client=http, rate_limit=rate_limit) as client,
    ):
        yield client


class _Told:
    """Logs requests and responses: method, path, query, status and duration. No headers, no bodies."""

    def __init__(self, *, mask: bool) -> None:
        self._mask = mask
        self._sent: float | None = None
        self._answered: float | None = None

    def request(self, request: httpx.Request) -> None:
        self._sent = time.monotonic()
        waited = 0.0 if self._answered is None else self._sent - self._answered
        later = f", {waited:.1f} s later" if waited >= _NOTICED else ""
        _tell(f"> {request.method} {self._shown(request.url)}{later}")
        self._answered = self._sent  # without a response, the next delay counts from here

    def response(self, response: httpx.Response) -> None:
        response.read()
        self._answered = time.monotonic()
        took = self._answered - (self._sent or self._answered)
        _tell(f"< {response.status_code} in {took * 1_000:.0f} ms, {len(response.content):,} bytes")

    def _shown(self, url: httpx.URL) -> str:
        if not self._mask:
            return url.raw_path.decode("ascii")
        pairs = ((name, self._hidden(name, value)) for name, value in url.params.multi_items())
        return f"{url.path}?{'&'.join(f'{name}={value}' for name, value in pairs)}"

    @staticmethod
    def _hidden(name: str, value: str) -> str:
        # Cursors are opaque, so they may contain personal data.
        return mask_number(value) if takes_text(name) else "***" if name == _CURSOR or is_personal(name) else value


class _Warnings(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        sys.stderr.write(f"vox-calls: {printable(record.getMessage())}\n")


def _tell_warnings(*, quiet: bool) -> None:
    logger = logging.getLogger("vox_calls")
    logger.propagate = False
    logger.handlers = [logging.NullHandler() if quiet else _Warnings(logging.WARNING)]


def _tell(text: str) -> None:
    shown = printable(text)
    sys.stderr.write(f"{shown[:_LONGEST_SHOWN]}{'...' if len(shown) > _LONGEST_SHOWN else ''}\n")
