from __future__ import annotations

from typing import Any

CallDynamicVariables = dict[str, Any]
"""The variables that the agent's prompt was filled with. Any key, any value."""
