"""One request until it is answered: pacing, sending, retrying. Sans I/O: the drivers in `calls` do what it yields."""

from __future__ import annotations

import codecs
from collections.abc import Callable, Generator
from datetime import datetime
from typing import Any, TypeVar

import attrs
import httpx

from vox_calls.decoding import decoder_of, logger, parse
from vox_calls.errors import (
    ApiError,
    InvalidResponseError,
    RateLimitError,
    TransportError,
    VoxCallsError,
    api_error_class,
)
from vox_calls.pacing import Pacing
from vox_calls.retrying import Jitter, RetryPolicy, is_retried, parse_retry_after
from vox_calls_raw.models import ErrorEnvelope

T = TypeVar("T")

_OK = 200
_NOTICED = 5.0
"""Seconds after which people begin to wonder what it waits for."""
_EXCERPT = 200  # characters
_MOST_LOOKED_AT = 10_000  # bytes
_REQUEST_ID = "x-request-id"
# Nothing that another try could mend: the request itself cannot be sent.
_HOPELESS = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)


@attrs.frozen
class Wait:
    """Do nothing for some seconds."""

    seconds: float


@attrs.frozen
class Send:
    """Send this request with the key, read the whole answer, and send it (or an error) back into the generator."""

    request: dict[str, Any]


@attrs.frozen(eq=False)
class Start:
    """Begin to run these steps aside, until they have handed out so many things that nobody has taken."""

    steps: Generator[Any, Any, None]
    most: int


@attrs.frozen
class Take:
    """Send the next thing of steps begun aside back into the generator, None at their end; or raise their error."""

    begun: Start


Answer = httpx.Response | httpx.RequestError | VoxCallsError | None
Step = Wait | Send | Start | Take
Steps = Generator[Step | T, Any, None]
"""What a driver runs: it does each step, and hands out anything else."""


@attrs.frozen
class Environment:
    """What the steps need of the outside, so that a test can put its own in place."""

    policy: RetryPolicy
    pacer: Pacing
    clock: Callable[[], float]
    jitter: Jitter
    now: Callable[[], datetime]
    redact: Callable[[str], str] = str


@attrs.frozen
class Received:
    """What a request got in the end.

    Attributes:
        body: The JSON of the 200.
        attempts: How often the request was sent.
        request_id: The answer's `x-request-id`, where it had one.
    """

    body: object = attrs.field(repr=False)  # it has the URLs of recordings, and a traceback may show its locals
    attempts: int
    request_id: str | None


def exchange(request: dict[str, Any], world: Environment) -> Generator[Wait | Send, Answer, Received]:
    """Send a request, again where that can help, until its 200 is there.

    Raises:
        ApiError: The server answered with another status, and again until the tries were used up.
        TransportError: No answer came, and again until the tries were used up.
        InvalidResponseError: A 200 was not JSON, and again until the tries were used up: something stands between
            here and the server, or the body was cut short where nothing else shows it.
    """
    attempt, waited = 0, 0.0
    while True:
        attempt += 1
        while (pause := world.pacer.acquire(world.clock())) > 0:
            yield Wait(pause)
        try:
            answer = yield Send(request)
        finally:
            world.pacer.release(world.clock())
        if isinstance(answer, VoxCallsError):
            raise answer
        outcome = _outcome(answer, request, attempt, world)
        if isinstance(outcome, Received):
            return outcome
        error, retry_after = outcome.error, outcome.retry_after
        wait = world.policy.wait(attempt, retry_after=retry_after, waited=waited, jitter=world.jitter)
        if wait is None or not outcome.may_pass:
            raise error from (answer if isinstance(answer, httpx.RequestError) else None)
        if isinstance(error, RateLimitError):
            world.pacer.hold(wait, world.clock())
        waited += wait
        if wait >= _NOTICED:
            logger.warning("%s; trying again in %.0f s", error, wait)
        yield Wait(wait)


@attrs.frozen
class _Failure:
    error: ApiError | TransportError | InvalidResponseError
    may_pass: bool
    retry_after: float | None = None


def _outcome(
    answer: httpx.Response | httpx.RequestError | None, request: dict[str, Any], attempt: int, world: Environment
) -> Received | _Failure:
    method, path = request["method"].upper(), request["url"]
    if not isinstance(answer, httpx.Response):
        assert answer is not None  # noqa: S101 - drivers answer a Send
        lost = TransportError(
            world.redact(str(answer)) or type(answer).__name__,
            method=method,
            path=path,
            server=answer.request.url.netloc.decode("ascii"),
            attempts=attempt,
        )
        return _Failure(lost, may_pass=not isinstance(answer, _HOPELESS))
    request_id = _request_id(answer, world.redact)
    if answer.status_code == _OK:
        try:
            return Received(parse(answer.content), attempt, request_id)
        except InvalidResponseError as not_json:
            not_json.attempts, not_json.request_id = attempt, request_id
            return _Failure(not_json, may_pass=True)
    retry_after = parse_retry_after(answer.headers.get("retry-after"), now=world.now())
    error = api_error(answer, method=method, path=path, attempts=attempt, redact=world.redact)
    error.retry_after = retry_after
    may_pass = is_retried(answer.status_code)
    if may_pass and retry_after and not world.policy.bears(retry_after):
        error.args = (f"{error}; it asks to wait {retry_after:,.0f} s, which is longer than is waited here",)
    return _Failure(error, may_pass, retry_after)


def api_error(
    answer: httpx.Response, *, method: str, path: str, attempts: int, redact: Callable[[str], str] = str
) -> ApiError:
    """The typed error of an answer that is not 200, whatever its body is; its texts go through `redact`."""
    body = _envelope(answer.content)
    return api_error_class(answer.status_code)(
        redact(body.error.message) if body else _excerpt(answer.content, redact),
        status_code=answer.status_code,
        code=redact(body.error.code) if body else None,
        details=_each_text(body.error.details or {}, redact) if body else None,
        request_id=_request_id(answer, redact),
        method=method,
        path=path,
        attempts=attempts,
    )


def _request_id(answer: httpx.Response, redact: Callable[[str], str]) -> str | None:
    return redact(answer.headers.get(_REQUEST_ID, "")) or None


def _envelope(body: bytes) -> ErrorEnvelope | None:
    try:
        return decoder_of(ErrorEnvelope).decode(parse(body))
    except InvalidResponseError:
        return None


def _each_text(value: Any, change: Callable[[str], str]) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, str):
        return change(value)
    if isinstance(value, dict):
        return {change(key): _each_text(item, change) for key, item in value.items()}
    return [_each_text(item, change) for item in value] if isinstance(value, list) else value


def _excerpt(body: bytes, redact: Callable[[str], str]) -> str:
    # An incremental decoder does not mind a character that the cut leaves incomplete.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(body[:_MOST_LOOKED_AT])
    # The key goes first: a cut through its middle would leave a part of it.
    return " ".join(redact(text).split())[:_EXCERPT].rstrip() or "an empty body"
