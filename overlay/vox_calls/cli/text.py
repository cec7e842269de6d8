"""Text from elsewhere, made fit for a terminal."""

from __future__ import annotations

import unicodedata


def printable(text: str) -> str:
    """The text with control and format characters shown instead of obeyed; line ends and tabs become spaces."""
    return "".join(
        " " if character in "\r\n\t" else repr(character)[1:-1] if _is_control(character) else character
        for character in text
    )


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
