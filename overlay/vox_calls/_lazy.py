"""Public names that are imported when they are first used: all of them take a tenth of a second, httpx most of that."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from importlib import import_module
from types import ModuleType


def lazily(package: str, homes: Mapping[str, str], *, extra: str | None = None) -> Callable[[str], object]:
    """The `__getattr__` of a package.

    Args:
        package: Its name.
        homes: The module of the package that each public name is in.
        extra: The extra that brings what these modules need, to be told where it is missing.
    """

    def home(name: str) -> ModuleType:
        try:
            return import_module(f"{package}.{name}")
        except ModuleNotFoundError as error:
            if extra is None:
                raise
            needed = f"{package} needs an extra: pip install 'vox-calls[{extra}]' ({error})"
            raise ModuleNotFoundError(needed, name=error.name) from None

    def get(name: str) -> object:
        if name in homes:
            value: object = getattr(home(homes[name]), name)
            setattr(sys.modules[package], name, value)
            return value
        if name in homes.values():
            return home(name)
        raise AttributeError(f"module {package!r} has no attribute {name!r}")

    return get
