"""The checks of `vox-calls doctor`. Each returns 0 for the same, 1 for different, 2 for unknown."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import httpx
import typer

from vox_calls import ApiError, AuthenticationError, Client, PermissionDeniedError, RateLimitError, VoxCallsError
from vox_calls.toolkit import API_KEY_VARIABLE
from vox_calls_tools import drift
from vox_calls_tools.cli.text import printable
from vox_calls_tools.drift import changes

SAME, DIFFERENT, UNKNOWN = 0, 1, 2

_TIMEOUT = 30.0
_MOST_BYTES = 50_000_000
_MOST_LINES = 200
_ADVICE: dict[type[ApiError], str] = {
    AuthenticationError: f": the server rejects the key in {API_KEY_VARIABLE}; copy it again",
    PermissionDeniedError: f": the key in {API_KEY_VARIABLE} may not read calls",
    RateLimitError: ": other requests use up the key's rate limit; try again later",
}


def ask_server(base_url: str | None) -> int:
    """Compare the server with the contract."""
    try:
        with Client(base_url=base_url, retries=1) as client:
            seen = drift.examine(client, drift.contract())
    except VoxCallsError as error:
        return _cannot_tell("server", str(error))
    status = _tell("server", seen.findings)
    for reason in dict.fromkeys(_reason(failure) for failure in seen.failures):
        status = _cannot_tell("server", reason)
    if not seen.calls and not seen.failures:
        status = _cannot_tell("server", "it has no calls, so their fields and values were not checked")
    return status


def ask_document(source: str) -> int:
    """Compare the vendor's document with the contract."""
    try:
        contract, document = drift.contract(), drift.parse_document(_read(source))
        found = drift.elements(document, drift.operations(contract))
    except VoxCallsError as error:
        return _cannot_tell("document", str(error))
    except httpx.HTTPStatusError as error:
        return _cannot_tell("document", f"its server answered {error.response.status_code}")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        # Not the URL: it may contain a password.
        reason = error.strerror if isinstance(error, OSError) else type(error).__name__
        return _cannot_tell("document", f"cannot read it: {reason}")
    if count := drift.others(document, found):
        typer.echo(f"vox-calls: the document has other operations, which are not compared: {count}", err=True)
    return _tell("document", changes.drift(contract, found))


def _reason(failure: VoxCallsError) -> str:
    if not isinstance(failure, ApiError):
        return str(failure)
    # Not the server's message: it may quote the key or calls.
    name = f" {failure.code}" if failure.code and failure.code.isidentifier() and failure.code.isupper() else ""
    advice = next((words for kind, words in _ADVICE.items() if isinstance(failure, kind)), "")
    return f"{failure.method} {failure.path} answered {failure.status_code}{name}{advice}"


def _read(source: str) -> bytes:
    if not source.lower().startswith(("https://", "http://")):
        path = Path(source)
        if path.exists() and not path.is_file() and not path.is_dir():
            raise drift.DocumentError("it is no regular file; save it to one first")  # a pipe may never end
        with path.open("rb") as file:
            return file.read(_MOST_BYTES)
    content = bytearray()
    with httpx.stream("GET", source, timeout=_TIMEOUT, follow_redirects=True) as answer:
        for part in answer.raise_for_status().iter_bytes():
            content += part
            if len(content) > _MOST_BYTES:
                raise drift.DocumentError(f"it is longer than {_MOST_BYTES // 1_000_000} MB")
    return bytes(content)


def _tell(what: str, differences: Sequence[object]) -> int:
    for difference in differences[:_MOST_LINES]:
        typer.echo(f"{what}: {printable(str(difference))}")
    if len(differences) > _MOST_LINES:
        typer.echo(f"{what}: and {len(differences) - _MOST_LINES} more")
    return DIFFERENT if differences else SAME


def _cannot_tell(what: str, reason: str) -> int:
    typer.echo(f"vox-calls: cannot check the {what}: {printable(reason)}", err=True)
    return UNKNOWN
