"""What is wrong with what a sandbox was told."""

from __future__ import annotations

from vox_calls.errors import VoxCallsError


class MisusedError(VoxCallsError, ValueError):
    """A sandbox was told something that makes no sense to it. The message names what, and says what would."""
