"""Escapes untrusted text for terminals."""

from __future__ import annotations

import unicodedata

from vox_calls import toolkit

_SPACES = dict.fromkeys(map(ord, "\r\n\t"), " ")


def printable(text: str) -> str:
    """Return the text with control and format characters escaped, and line ends and tabs as spaces."""
    return toolkit.printable(text.translate(_SPACES))


def escaped(json: str) -> str:
    r"""Return the same JSON with `\u` escapes for characters that a terminal would interpret."""
    return "".join(_as_json(character) if _is_control(character) else character for character in json)


def _as_json(character: str) -> str:
    units = character.encode("utf-16-be", "surrogatepass").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) in {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
