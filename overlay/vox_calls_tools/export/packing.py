"""Compression in independent pieces: gzip members or Zstandard frames.

A file can be cut after any piece, and `gzip -d` or `zstd -d` reads the whole as one stream.
"""

from __future__ import annotations

import gzip
import io
from collections.abc import Callable
from pathlib import Path
from typing import TextIO, cast

from vox_calls_tools.export.formats import Compression

_GZIP_LEVEL = 6
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"


def packer(compression: Compression) -> Callable[[bytes], bytes]:
    """Return a function that compresses one piece.

    Raises:
        ModuleNotFoundError: Zstandard needs pyarrow, the extra `arrow`.
    """
    if compression is Compression.GZIP:
        # No timestamp in the header, so that the same calls give the same bytes.
        return lambda piece: gzip.compress(piece, _GZIP_LEVEL, mtime=0)
    if compression is Compression.ZSTD:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import

        codec = pa.Codec("zstd")
        return lambda piece: cast("bytes", codec.compress(piece, asbytes=True))
    return bytes


def open_text(path: Path) -> TextIO:
    """Open a text file, decompressed according to its first bytes and without a byte order mark."""
    with path.open("rb") as file:
        magic = file.read(len(_ZSTD_MAGIC))
    if magic.startswith(_GZIP_MAGIC):
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    if magic == _ZSTD_MAGIC:
        import pyarrow as pa  # noqa: PLC0415 - an extra, and slow to import

        return io.TextIOWrapper(pa.input_stream(path, compression="zstd"), encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")
