from __future__ import annotations

from typing import Any

CallMetadata = dict[str, Any]
"""Whatever the caller of the API attached to the call. Any key, any value."""
