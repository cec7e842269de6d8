from __future__ import annotations

from typing import Any

ErrorDetails = dict[str, Any]
"""More about the failure, by kind. May be empty."""
