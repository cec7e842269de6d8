"""Reads an organisation's call history from vox.ai's `GET /v3/calls`.

    import vox_calls

    with vox_calls.Client() as client:  # the key comes from VOX_API_KEY
        for call in client.list_calls(status="ended", max_items=1_000):
            print(call.id, call.started_at, call.duration, call.cost)

On top of the generated client it does three jobs, one module each:

- `pagination`: cursor iteration over pages and calls, resuming, prefetching
- `timestamps`: any way to write an instant becomes unix milliseconds, and back
- `enums`: values are checked in requests, and never cost a response

The way of a query: `client` → `query` → `pagination` → `_exchange` (one request until it is answered, with `_retry` and
`rate_limit`) → `_decoding` and `models`.
"""

from vox_calls._version import __version__
from vox_calls.client import AsyncClient, Client
from vox_calls.enums import CallStatus, CallType, DisconnectionReason, SortOrder
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
from vox_calls.models import Call, Page
from vox_calls.pagination import AsyncCalls, Calls
from vox_calls.rate_limit import RateLimit
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
