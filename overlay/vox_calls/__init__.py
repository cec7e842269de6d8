"""Reads an organisation's call history from vox.ai's `GET /v3/calls`: every call once, typed and checked.

    import vox_calls

    with vox_calls.Client() as client:  # the key from VOX_API_KEY
        for call in client.list_calls(status="ended", max_items=1_000):
            print(call.id, call.started_at, call.duration, call.cost)

The way of the data, one module each: `query` (what was asked) → `paging` (which page next) → `exchange` (one request
until it is answered: `pacing`, `retrying`) → `decoding` and `models` (pages and calls). `client` drives them.
"""

from typing import TYPE_CHECKING

from vox_calls._lazy import lazily
from vox_calls._version import __version__

if TYPE_CHECKING:
    from vox_calls.calls import AsyncCalls, Calls
    from vox_calls.client import AsyncClient, Client
    from vox_calls.errors import (
        ApiError,
        AuthenticationError,
        BadRequestError,
        ClientClosedError,
        ConfigurationError,
        InvalidQueryError,
        InvalidResponseError,
        NotFoundError,
        PaginationError,
        PermissionDeniedError,
        RateLimitError,
        ServerError,
        TransportError,
        UnknownEnumValueError,
        VoxCallsError,
    )
    from vox_calls.models import Call, CallStatus, CallType, DisconnectionReason, Page, SortOrder
    from vox_calls.pacing import RateLimit
    from vox_calls.timestamps import from_unix_ms, to_unix_ms

__all__ = [
    "ApiError",
    "AsyncCalls",
    "AsyncClient",
    "AuthenticationError",
    "BadRequestError",
    "Call",
    "CallStatus",
    "CallType",
    "Calls",
    "Client",
    "ClientClosedError",
    "ConfigurationError",
    "DisconnectionReason",
    "InvalidQueryError",
    "InvalidResponseError",
    "NotFoundError",
    "Page",
    "PaginationError",
    "PermissionDeniedError",
    "RateLimit",
    "RateLimitError",
    "ServerError",
    "SortOrder",
    "TransportError",
    "UnknownEnumValueError",
    "VoxCallsError",
    "__version__",
    "from_unix_ms",
    "to_unix_ms",
]

_HOMES = {
    "ApiError": "errors",
    "AsyncCalls": "calls",
    "AsyncClient": "client",
    "AuthenticationError": "errors",
    "BadRequestError": "errors",
    "Call": "models",
    "CallStatus": "models",
    "CallType": "models",
    "Calls": "calls",
    "Client": "client",
    "ClientClosedError": "errors",
    "ConfigurationError": "errors",
    "DisconnectionReason": "models",
    "InvalidQueryError": "errors",
    "InvalidResponseError": "errors",
    "NotFoundError": "errors",
    "Page": "models",
    "PaginationError": "errors",
    "PermissionDeniedError": "errors",
    "RateLimit": "pacing",
    "RateLimitError": "errors",
    "ServerError": "errors",
    "SortOrder": "models",
    "TransportError": "errors",
    "UnknownEnumValueError": "errors",
    "VoxCallsError": "errors",
    "from_unix_ms": "timestamps",
    "to_unix_ms": "timestamps",
}

if not TYPE_CHECKING:  # a type checker would take any name for one of the module's
    __getattr__ = lazily(__name__, _HOMES)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
