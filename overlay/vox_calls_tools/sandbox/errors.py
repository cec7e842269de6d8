"""The error of a misused sandbox."""

from __future__ import annotations

from vox_calls.errors import VoxCallsError


class MisusedError(VoxCallsError, ValueError):
    """An argument for the sandbox is invalid. The message names it and says what to pass instead."""
