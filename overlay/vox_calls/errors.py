"""Everything that can go wrong, as one tree.

    VoxCallsError
    ├── ConfigurationError          the client cannot be set up: no key, a base URL that is not allowed
    ├── ClientClosedError           the client is used after it was closed
    ├── InvalidQueryError           a filter is invalid; nothing was sent (also a ValueError)
    ├── ApiError                    the server answered with an error
    │   ├── BadRequestError         400
    │   ├── AuthenticationError     401
    │   ├── PermissionDeniedError   403
    │   ├── NotFoundError           404
    │   ├── RateLimitError          429
    │   └── ServerError             5xx
    ├── TransportError              no answer: connection refused or lost, timeout
    ├── InvalidResponseError        the server sent something that the contract does not allow
    │   └── UnknownEnumValueError   an enum value that the contract does not list (strict_enums only)
    └── PaginationError             the pages do not lead to an end, or the iteration was interrupted

The tools have a few of their own below VoxCallsError. All can be pickled, and none holds the API key, not even if the
server sends it back.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Sequence
from typing import Any

_LONGEST_SHOWN = 500
_LONGEST_CODE = 100
_LONGEST_VALUE = 60
# Controls, formats such as changes of direction, halves of surrogate pairs, private characters, line ends.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""Escape the characters of a text that a terminal or a log would obey instead of showing.

    Example:
        >>> print(printable("\x1b[2J\nforged"))
        \x1b[2J\nforged
    """
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in _OBEYED else character for character in text
    )


def shown(value: object) -> str:
    """Return the repr of a value that a caller passed, cut to fit into a message."""
    try:
        return _cut(repr(value), _LONGEST_VALUE)
    except Exception:  # noqa: BLE001 - the repr of an object may do anything, such as that of an endless integer
        return f"an {type(value).__name__}"


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


def _told(message: str, attempts: int) -> str:
    return _cut(message, _LONGEST_SHOWN) + (f" (tried {attempts} times)" if attempts > 1 else "")


class VoxCallsError(Exception):
    """Any failure of this package.

    Control characters in the message are escaped, for servers have a say in it; the attributes hold what came.

    Attributes:
        cursor: Where to resume, if raised by an iteration: the cursor of the first page not fully yielded. Pass it as
            `cursor=` with the same filters. None for page one.
        attempts: How many times the request was sent; 0 without a request.
        request_id: The `x-request-id` of the last response to that request, if any.

    Example:
        calls = client.list_calls(status="ended")
        try:
            for call in calls:
                print(call.id)
        except vox_calls.VoxCallsError as error:
            print(error)
            rest = client.list_calls(status="ended", cursor=error.cursor)
    """

    cursor: str | None = None
    attempts: int = 0
    request_id: str | None = None

    def __init__(self, *args: object) -> None:
        # Servers have a say in many messages, and messages go to terminals and logs.
        super().__init__(*(printable(part) if isinstance(part, str) else part for part in args))

    def __reduce__(self) -> tuple[Callable[..., VoxCallsError], tuple[Any, ...]]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(cls: type[VoxCallsError], args: tuple[Any, ...], state: dict[str, Any]) -> VoxCallsError:
    # Unpickling calls the class with `args` alone, which the keyword arguments of the subclasses do not survive.
    error = cls.__new__(cls, *args)
    error.__dict__.update(state)
    return error


class ConfigurationError(VoxCallsError):
    """The client cannot be set up: there is no API key, or it must not be sent to the base URL."""


class ClientClosedError(VoxCallsError):
    """The client is closed. Make a new one."""


class InvalidQueryError(VoxCallsError, ValueError):
    """A filter is invalid. Raised before anything is sent.

    Attributes:
        field: The parameter, such as `status`.
        value: What was passed for it.
        reason: Why it is invalid, and what to pass instead.
        errors: One InvalidQueryError for each invalid parameter. The message names them all; field, value and reason
            are those of the first.

    Example:
        >>> from vox_calls import Client
        >>> with Client("a-key") as client:
        ...     client.list_calls(status="endd")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        ...
        vox_calls.errors.InvalidQueryError: status: 'endd' is not one of queued, ongoing, ended, error, canceled, ...
    """

    def __init__(self, field: str, value: object, reason: str) -> None:
        super().__init__(f"{field}: {reason}")
        self.field = field
        self.value = value
        self.reason = reason
        self.errors: Sequence[InvalidQueryError] = ()

    @classmethod
    def combine(cls, errors: Sequence[InvalidQueryError]) -> InvalidQueryError:
        """Make one error that reports all of them."""
        combined = cls(errors[0].field, errors[0].value, errors[0].reason)
        combined.args = ("\n".join(str(error) for error in errors),)
        combined.errors = tuple(errors)
        return combined


class ApiError(VoxCallsError):
    """The server answered with an error.

    Attributes:
        status_code: The HTTP status, such as 401.
        code: The API's name of the error, such as `VALIDATION_ERROR`. None if the body is not the API's.
        message: The API's sentence for people; if the body is not the API's, its beginning.
        details: The API's details, such as `allowed_query_parameters`. May be empty.
        retry_after: Seconds that the server asked to wait. None if it did not.
        method, path: The request, without its query.

    Example:
        >>> print(ApiError("Too many requests.", status_code=429, code="RATE_LIMITED", path="/v3/calls", attempts=5))
        GET /v3/calls answered 429 RATE_LIMITED: Too many requests. (tried 5 times)
    """

    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        status_code: int,
        code: str | None = None,
        details: dict[str, Any] | None = None,
        request_id: str | None = None,
        method: str = "GET",
        path: str = "",
        attempts: int = 1,
    ) -> None:
        name = f" {_cut(code, _LONGEST_CODE)}" if code else ""
        super().__init__(f"{method} {path} answered {status_code}{name}: {_told(message, attempts)}")
        self.status_code = status_code
        self.code = code
        self.message = message
        self.details: dict[str, Any] = details or {}
        self.request_id = request_id
        self.method = method
        self.path = path
        self.attempts = attempts


class BadRequestError(ApiError):
    """400: the server rejected a parameter or its value. `details` may say what it accepts."""


class AuthenticationError(ApiError):
    """401: the API key is missing or invalid."""


class PermissionDeniedError(ApiError):
    """403: the API key may not read calls."""


class NotFoundError(ApiError):
    """404: no such path. Most often the base URL is wrong."""


class RateLimitError(ApiError):
    """429: the key has exceeded its rate limit. `retry_after` is how long to wait, if the server said so."""


class ServerError(ApiError):
    """5xx, including those of proxies (520 to 526)."""


class TransportError(VoxCallsError):
    """No answer: no connection, a lost connection, a timeout, a body cut short. `__cause__` is httpx's error.

    Attributes:
        method, path: The request, without its query.
    """

    def __init__(
        self, message: str, *, method: str = "GET", path: str = "", server: str = "", attempts: int = 1
    ) -> None:
        super().__init__(f"{method} {path} got no answer from {server or 'the server'}: {_told(message, attempts)}")
        self.method = method
        self.path = path
        self.attempts = attempts


class InvalidResponseError(VoxCallsError):
    """The server sent something that the contract does not allow.

    Attributes:
        path: Where, such as `items[3].start_at`; empty for the whole body.
        reason: What is wrong there. Never the value, which may be personal data.
        raw: The JSON of the item that cannot be decoded; None if the fault is not in an item. It may hold a recording
            URL, so a pickle is without it.

    Example:
        >>> from vox_calls import Call
        >>> Call.from_dict({"id": 5})
        Traceback (most recent call last):
        ...
        vox_calls.errors.InvalidResponseError: id: Expected `str`, got `int`
    """

    def __init__(self, path: str, reason: str, *, raw: object = None) -> None:
        super().__init__(f"{path or 'the response'}: {reason}")
        self.path = path
        self.reason = reason
        self.raw = raw

    def __reduce__(self) -> tuple[Callable[..., VoxCallsError], tuple[Any, ...]]:
        return _restore, (type(self), self.args, {**self.__dict__, "raw": None})


class UnknownEnumValueError(InvalidResponseError):
    """An enum value that the contract does not list, for a client made with strict_enums=True."""


class PaginationError(VoxCallsError):
    """The server repeated a cursor or sent only empty pages; or the iteration was interrupted before its end."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}


def api_error_class(status_code: int) -> type[ApiError]:
    """Return the error class for an HTTP status."""
    return _BY_STATUS.get(status_code, ServerError if status_code >= 500 else ApiError)  # noqa: PLR2004 - 5xx
