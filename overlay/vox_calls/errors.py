"""Everything that can go wrong, as one tree.

    VoxCallsError
    ├── ConfigurationError          the client cannot be set up: no key, a base URL that is not allowed
    ├── ClientClosedError           the client was closed and is used again
    ├── InvalidQueryError           a filter is wrong; nothing was sent (also a ValueError)
    ├── ApiError                    the server answered, and not with a page
    │   ├── BadRequestError         400
    │   ├── AuthenticationError     401
    │   ├── PermissionDeniedError   403
    │   ├── NotFoundError           404
    │   ├── RateLimitError          429
    │   └── ServerError             5xx
    ├── TransportError              no answer: connection refused or lost, time-out
    ├── InvalidResponseError        the server sent a page that is not what the contract says
    │   └── UnknownEnumValueError   an enum value that the contract does not list (strict_enums only)
    └── PaginationError             a cursor came a second time

Exports, summaries, drift and the sandbox have some of their own below VoxCallsError, told in their packages. All
of them can be pickled, and none holds the API key, not even where the server sends it back.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


_LONGEST_SHOWN = 500
_LONGEST_CODE = 100
# Controls, formats such as a change of direction, halves of surrogate pairs, private characters, ends of lines.
_OBEYED = frozenset({"Cc", "Cf", "Cs", "Co", "Zl", "Zp"})


def printable(text: str) -> str:
    r"""The text with the characters escaped that a terminal or a log would obey instead of showing.

    Example:
        >>> print(printable("\x1b[2J\nforged"))
        \x1b[2J\nforged
    """
    if text.isprintable():
        return text
    return "".join(
        repr(character)[1:-1] if unicodedata.category(character) in _OBEYED else character for character in text
    )


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else f"{text[:length]}..."


class VoxCallsError(Exception):
    """Any failure of this package.

    Control characters in the message are escaped, for servers have a say in it; the attributes hold what came.

    Attributes:
        cursor: Where to read on. On an error raised in mid-iteration, the cursor of the first page that was not
            handed out whole: pass it as `cursor=` with the same filters. None where that is page one.
        attempts: How often the request that it comes from was sent; 0 where none was.
        request_id: The `x-request-id` of the last answer to that request, where it had one.

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
    """The client cannot be set up: there is no API key, or the base URL is not one to send it to."""


class ClientClosedError(VoxCallsError):
    """The client has been closed. Make a new one."""


class InvalidQueryError(VoxCallsError, ValueError):
    """A filter has a value that the API cannot take. Raised before anything is sent.

    Attributes:
        field: The parameter, such as `status`.
        value: What was passed for it.
        reason: Why that is wrong and what to pass instead.
        errors: One InvalidQueryError for each wrong parameter, this one's own included. More than one where several
            parameters are wrong at once: the message then names them all, and field, value and reason are the
            first one's.

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
        """One error that reports all of them."""
        combined = cls(errors[0].field, errors[0].value, errors[0].reason)
        combined.args = ("\n".join(str(error) for error in errors),)
        combined.errors = tuple(errors)
        return combined


class ApiError(VoxCallsError):
    """The server answered, but not with a page.

    Attributes:
        status_code: The HTTP status, such as 401.
        code: The API's name for the failure, such as `VALIDATION_ERROR`. None where the body was not the API's.
        message: The API's sentence for a person; where the body was not the API's, the beginning of that body.
        details: The API's details by kind of failure, such as `allowed_query_parameters`. May be empty.
        retry_after: Seconds to wait, as the server asked. None where it did not say.
        method, path: The request, without its query.

    Example:
        >>> print(ApiError("Too many requests.", status_code=429, code="RATE_LIMITED", path="/v3/calls", attempts=5))
        GET /v3/calls answered 429 RATE_LIMITED: Too many requests. (tried 5 times)
    """

    retry_after: float | None = None

    def __init__(  # noqa: PLR0913 - one keyword for each thing that a reader of the error wants to know
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
        tries = f" (tried {attempts} times)" if attempts > 1 else ""
        shown = _cut(message, _LONGEST_SHOWN)
        super().__init__(f"{method} {path} answered {status_code}{name}: {shown}{tries}")
        self.status_code = status_code
        self.code = code
        self.message = message
        self.details: dict[str, Any] = details or {}
        self.request_id = request_id
        self.method = method
        self.path = path
        self.attempts = attempts


class BadRequestError(ApiError):
    """400: the server does not take a parameter or its value. `details` may say which ones it takes."""


class AuthenticationError(ApiError):
    """401: the API key is missing or not valid."""


class PermissionDeniedError(ApiError):
    """403: the API key may not read calls."""


class NotFoundError(ApiError):
    """404: there is no such path. Most often the base URL is wrong."""


class RateLimitError(ApiError):
    """429: the key has used up its requests. `retry_after` is how long to wait, where the server said so."""


class ServerError(ApiError):
    """5xx, including what proxies make of it (520 to 526)."""


class TransportError(VoxCallsError):
    """No answer came: no connection, a connection lost, a time-out, a body cut short. `__cause__` is httpx's error.

    Attributes:
        method, path: The request, without its query.
    """

    def __init__(
        self, message: str, *, method: str = "GET", path: str = "", server: str = "", attempts: int = 1
    ) -> None:
        tries = f" (tried {attempts} times)" if attempts > 1 else ""
        shown = _cut(message, _LONGEST_SHOWN)
        super().__init__(f"{method} {path} got no answer from {server or 'the server'}: {shown}{tries}")
        self.method = method
        self.path = path
        self.attempts = attempts


class InvalidResponseError(VoxCallsError):
    """The server sent something that the contract does not allow.

    Attributes:
        path: Where, such as `items[3].start_at`; empty for the whole body.
        reason: What is wrong there. Never the value itself, which may be personal data.
        raw: The JSON of the item that cannot be decoded; None where the fault is not in an item. It may have the URL of
            a recording in it, so a pickle is without it.

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
    """An enum value that the contract does not list, where the client was made with strict_enums=True."""


class PaginationError(VoxCallsError):
    """The server gave a cursor that it had given before in this iteration: reading on would never end."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    429: RateLimitError,
}


def api_error_class(status_code: int) -> type[ApiError]:
    """The class for an HTTP status."""
    return _BY_STATUS.get(status_code, ServerError if status_code >= 500 else ApiError)  # noqa: PLR2004 - 5xx
