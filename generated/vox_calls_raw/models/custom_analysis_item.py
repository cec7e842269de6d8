from __future__ import annotations

from typing import Any

CustomAnalysisItem = dict[str, Any]
"""One result of an organisation's own analysis. Any key, any value."""
