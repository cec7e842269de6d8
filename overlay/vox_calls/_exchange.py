"""One request until it is answered: rate limit, send, retry. Sans I/O: the clients do the steps that it yields."""

from __future__ import annotations

import codecs
import logging
import ssl
from collections.abc import Callable, Generator
from contextlib import suppress
from datetime import datetime
from typing import Any, Generic, TypeVar

import attrs
import httpx

from vox_calls._decoding import Json, decoder_of, parse_json
from vox_calls._retry import Jitter, RetryPolicy, is_retryable, parse_date, parse_retry_after
from vox_calls.errors import (
    ApiError,
    InvalidResponseError,
    RateLimitError,
    TransportError,
    VoxCallsError,
    api_error_class,
)
from vox_calls.rate_limit import Limiter, Waiter
from vox_calls_raw.models import ErrorBody, ErrorEnvelope

T = TypeVar("T")

logger: logging.Logger = logging.getLogger("vox_calls")

_OK = 200
_LONG_WAIT = 5.0  # seconds, after which people wonder what happens
_LONGEST_PAUSE = 3_600.0  # then the limiter is asked again, whatever it said
_EXCERPT = 200  # characters
_EXCERPT_SOURCE = 10_000  # bytes
_REQUEST_ID = "x-request-id"

REUSED = "vox_calls_reused"
"""The extension of a request that waits for an answer on a connection that was open before."""

_NOT_RETRYABLE = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)  # the request itself cannot be sent
_LOGIN_REJECTED = "407"


@attrs.frozen
class Wait:
    """A step: do nothing for some seconds."""

    seconds: float


@attrs.frozen
class Send:
    """A step: send this request with the key, and send the response, read whole, or an error into the generator."""

    request: dict[str, Any]


Answer = httpx.Response | httpx.RequestError | VoxCallsError | None
Steps = Generator[Wait | Send | T, Answer, None]
"""What a client runs: it does each step, and yields anything else."""


@attrs.frozen
class Runtime:
    """What the steps need from outside, so that tests can inject their own."""

    policy: RetryPolicy
    limiter: Limiter
    clock: Callable[[], float]
    jitter: Jitter
    now: Callable[[], datetime]
    redact: Callable[[str], str] = str


@attrs.frozen
class Received(Generic[T]):
    """How a request ended well: what was read, after how many attempts, and the response's `x-request-id`, if any."""

    body: T = attrs.field(repr=False)  # it has recording URLs, and tracebacks may show it
    attempts: int
    request_id: str | None


def exchange(
    request: dict[str, Any],
    runtime: Runtime,
    read: Callable[[httpx.Response], T],
    *,
    accept: frozenset[int] = frozenset({_OK}),
) -> Generator[Wait | Send, Answer, Received[T]]:
    """Send a request, with retries, until it has an acceptable answer.

    Args:
        request: Method, URL and parameters, as the raw client builds them.
        runtime: The outside.
        read: Reads the response. Its InvalidResponseError is retried: a proxy may have answered, or cut the body.
        accept: The statuses that are not errors.
    """
    attempt, waited = 0, 0.0
    while True:
        attempt += 1
        waiter = Waiter()
        while (pause := runtime.limiter.acquire(runtime.clock(), waiter)) > 0:
            yield Wait(min(pause, _LONGEST_PAUSE))
        try:
            answer = yield Send(request)
        finally:
            runtime.limiter.release(runtime.clock())
        if isinstance(answer, VoxCallsError):
            answer.attempts = attempt if isinstance(answer, TransportError) else attempt - 1
            raise answer
        if isinstance(answer, httpx.Response) and answer.status_code in accept:
            request_id = _request_id(answer, runtime.redact)
            try:
                return Received(read(answer), attempt, request_id)
            except InvalidResponseError as error:
                invalid = InvalidResponseError(error.path, error.reason + _beginning(answer.content, runtime.redact))
                invalid.attempts, invalid.request_id = attempt, request_id
                failure = _Failure(invalid, may_retry=True)
        else:
            assert answer is not None  # noqa: S101 - clients answer a Send
            failure = _failure(answer, request, attempt, runtime)
        wait = _wait(failure, attempt, waited, runtime)
        if wait is None:
            raise failure.error from (answer if isinstance(answer, httpx.RequestError) else None)
        if isinstance(failure.error, RateLimitError):
            runtime.limiter.hold(wait, runtime.clock())
        waited += wait
        if wait >= _LONG_WAIT:
            logger.warning("%s; retrying in %.0f s", failure.error, wait)
        yield Wait(wait)


@attrs.frozen
class _Failure:
    error: ApiError | TransportError | InvalidResponseError
    may_retry: bool
    retry_after: float | None = None
    is_stale: bool = False


def _wait(failure: _Failure, attempt: int, waited: float, runtime: Runtime) -> float | None:
    if not failure.may_retry:
        return None
    wait = runtime.policy.wait(attempt, retry_after=failure.retry_after, waited=waited, jitter=runtime.jitter)
    # The server closed the connection while it was idle, so it may well be fine.
    return 0.0 if wait is not None and failure.is_stale and attempt == 1 else wait


def _failure(
    answer: httpx.Response | httpx.RequestError, request: dict[str, Any], attempt: int, runtime: Runtime
) -> _Failure:
    method, path = request["method"].upper(), request["url"]
    if not isinstance(answer, httpx.Response):
        message, may_retry = _explain(answer)
        server = answer.request.url.netloc.decode("ascii")
        message = runtime.redact(message)
        lost = TransportError(message, method=method, path=path, server=server, attempts=attempt)
        return _Failure(lost, may_retry, is_stale=bool(answer.request.extensions.get(REUSED)))
    # A date is one of the server's clock, which this machine's need not agree with.
    now = parse_date(answer.headers.get("date")) or runtime.now()
    retry_after = parse_retry_after(answer.headers.get("retry-after"), now=now)
    error = _api_error(answer, method, path, attempt, runtime.redact)
    error.retry_after = retry_after
    may_retry = is_retryable(answer.status_code)
    if may_retry and retry_after and not runtime.policy.tolerates(retry_after):
        exceeds = f"exceeds the maximum wait of {runtime.policy.patience:.0f} s"
        error.args = (f"{error}; Retry-After asks for {retry_after:,.0f} s, which {exceeds}",)
    return _Failure(error, may_retry, retry_after)


def _explain(error: httpx.RequestError) -> tuple[str, bool]:
    """What happened and what to do, and whether a retry can help."""
    text = str(error) or type(error).__name__
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLCertVerificationError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        advice = "set SSL_CERT_FILE to the certificates of your network, or pass http_client"
        return f"its certificate is not trusted ({text}); {advice}", False
    if isinstance(error, httpx.ProxyError):
        advice = "check HTTPS_PROXY and ALL_PROXY, and their login"
        return f"the proxy does not let the request through ({text}); {advice}", _LOGIN_REJECTED not in text
    return text, not isinstance(error, _NOT_RETRYABLE)


def _api_error(answer: httpx.Response, method: str, path: str, attempts: int, redact: Callable[[str], str]) -> ApiError:
    envelope: ErrorBody | None = None
    details = None
    with suppress(InvalidResponseError, RecursionError):  # the latter for details nested hundreds deep
        decoded = decoder_of(ErrorEnvelope).decode(parse_json(answer.content)).error
        details = _redact_all(decoded.details or {}, redact)
        envelope = decoded
    return api_error_class(answer.status_code)(
        redact(envelope.message) if envelope else _without_envelope(answer, redact),
        status_code=answer.status_code,
        code=redact(envelope.code) if envelope else None,
        details=details,
        request_id=_request_id(answer, redact),
        method=method,
        path=path,
        attempts=attempts,
    )


def _request_id(answer: httpx.Response, redact: Callable[[str], str]) -> str | None:
    request_id = answer.headers.get(_REQUEST_ID)
    return redact(request_id) if request_id else None


def _redact_all(value: Json, redact: Callable[[str], str]) -> Json:
    if isinstance(value, str):
        return redact(value)
    if isinstance(value, dict):
        return {redact(key): _redact_all(item, redact) for key, item in value.items()}
    return [_redact_all(item, redact) for item in value] if isinstance(value, list) else value


def _without_envelope(answer: httpx.Response, redact: Callable[[str], str]) -> str:
    if answer.is_redirect:
        target = answer.headers.get("location", "")
        return f"a redirect to {redact(target.partition('?')[0])}, which is not followed with the key"
    return _excerpt(answer.content, redact)


def _beginning(body: bytes, redact: Callable[[str], str]) -> str:
    # That of JSON may be personal data. That of anything else says who answered in the server's place.
    if not body.strip():
        return "; the body is empty"
    return "" if body.lstrip()[:1] in {b"{", b"["} else f"; it begins: {_excerpt(body, redact)}"


def _excerpt(body: bytes, redact: Callable[[str], str]) -> str:
    # An incremental decoder accepts a character that the cut leaves incomplete.
    text = codecs.getincrementaldecoder("utf-8")("replace").decode(body[:_EXCERPT_SOURCE])
    # Redacted first: a cut through the key would leave a part of it, as the last word before the first cut.
    words = redact(text).split()
    if words and len(body) > _EXCERPT_SOURCE and len(words[-1]) < _EXCERPT_SOURCE // 2:
        words.pop()
    return " ".join(words)[:_EXCERPT].rstrip() or "an empty body"
