"""The body of a response, decompressed as it comes, within bounds of size and time. Sans I/O."""

from __future__ import annotations

import zlib
from collections.abc import Callable

import httpx

from vox_calls.errors import TransportError

MOST_BYTES = 200_000_000
"""Of a body, decompressed: a hundred calls of 2 MB each. Pages that were seen have 0.1 MB."""

MOST_SECONDS = 300.0
"""For a whole body. A timeout bounds each wait alone, and a server may send a byte now and then."""

_GZIP, _ZLIB = 31, 15  # what zlib calls them
_CODINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
_PLAIN = {"", "identity"}
_OTHER_CODINGS = {"br", "compress", "zstd"}


class Body:
    """Takes the parts of a body and makes one response of them. TransportError for a coding that is not supported."""

    def __init__(self, response: httpx.Response, clock: Callable[[], float]) -> None:
        self._response = response
        self._clock = clock
        self._ends = clock() + MOST_SECONDS
        self._content = bytearray()
        self._is_begun = False
        coding = response.headers.get("content-encoding", "").strip().lower()
        if coding not in _CODINGS and coding not in _PLAIN:
            named = f" ({coding})" if coding in _OTHER_CODINGS else ""
            raise self._failure(f"the body is compressed in a way that was not asked for{named}")
        self._wbits = _CODINGS.get(coding)
        self._member = zlib.decompressobj(self._wbits) if self._wbits else None

    def feed(self, part: bytes) -> None:
        """Take the next part. An error if it is too much or too late, or cannot be decompressed."""
        if self._clock() > self._ends:
            late = f"the body is not complete after {MOST_SECONDS:.0f} s"
            raise httpx.ReadTimeout(late, request=self._response.request)
        if self._member is None or self._wbits is None:
            self._add(part)
            return
        self._is_begun = True
        try:
            while part:
                self._add(self._member.decompress(part, MOST_BYTES + 1 - len(self._content)))
                part = self._member.unconsumed_tail
                if self._member.eof and self._member.unused_data:
                    part, self._member = self._member.unused_data, zlib.decompressobj(self._wbits)
        except zlib.error as error:
            raise httpx.DecodingError(str(error), request=self._response.request) from error

    def end(self) -> httpx.Response:
        """Return the response with its body. httpx.DecodingError if a compressed body is cut short."""
        if self._member is not None and not self._member.eof and self._is_begun:
            raise httpx.DecodingError("the compressed body is cut short", request=self._response.request)
        coded = {b"content-encoding", b"content-length", b"transfer-encoding"}
        headers = [(name, value) for name, value in self._response.headers.raw if name.lower() not in coded]
        response = httpx.Response(
            self._response.status_code, headers=headers, content=bytes(self._content), request=self._response.request
        )
        response.elapsed = self._response.elapsed
        return response

    def _add(self, part: bytes) -> None:
        self._content += part
        if len(self._content) > MOST_BYTES:
            raise self._failure(f"the body is larger than {MOST_BYTES:,} bytes")

    def _failure(self, reason: str) -> TransportError:
        url = self._response.request.url
        return TransportError(reason, path=url.path, server=url.netloc.decode("ascii"))
