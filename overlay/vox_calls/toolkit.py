"""What tools need beyond the client: the names in one place that `vox_calls_tools` is built on, and others can be.

from vox_calls import Call
from vox_calls.toolkit import fields_of

print([field.wire_name for field in fields_of(Call)])
"""

from vox_calls._connection import API_KEY_VARIABLE, BASE_URL_VARIABLE, DEFAULT_TIMEOUT, open_http, resolve_base_url
from vox_calls._decoding import parse_json
from vox_calls._fields import Field, fields_of
from vox_calls.errors import printable
from vox_calls.query import MAX_PAGE_SIZE, normalise_filters
from vox_calls.rate_limit import DEFAULT_RATE_LIMIT, Limit, Limiter, Waiter, required_wait

__all__ = [
    "API_KEY_VARIABLE",
    "BASE_URL_VARIABLE",
    "DEFAULT_RATE_LIMIT",
    "DEFAULT_TIMEOUT",
    "MAX_PAGE_SIZE",
    "Field",
    "Limit",
    "Limiter",
    "Waiter",
    "fields_of",
    "normalise_filters",
    "open_http",
    "parse_json",
    "printable",
    "required_wait",
    "resolve_base_url",
]
