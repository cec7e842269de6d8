"""A call and a page: the generated classes, and what people ask of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any, Self, SupportsIndex, cast

import attrs

from vox_calls._decoding import decoder_of
from vox_calls.enums import UnknownValues
from vox_calls.errors import InvalidQueryError, InvalidResponseError
from vox_calls.timestamps import MILLISECOND, from_unix_ms
from vox_calls_raw import models as raw

_WITHHELD = "recording_url"
_SHOWN = frozenset({"id", "call_type", "status", "start_at"})
_MOST_ITEMS = 1_000  # a server may have a minimum of its own, but not ten times what the contract allows
_AMOUNT = re.compile(r"-?[0-9]{1,30}(\.[0-9]{1,30})?")


class RecordingUrl(str):
    """The URL of a recording: a string with another repr, for whoever holds it can listen.

    Tools that show attributes or the locals of frames show `'***'`. `print(url)` shows the URL. Pickled, it is None.

    Example:
        >>> url = RecordingUrl("https://example.com/a.ogg")
        >>> url, str(url)
        ('***', 'https://example.com/a.ogg')
    """

    __slots__ = ()

    def __repr__(self) -> str:
        return "'***'"

    def __getitem__(self, key: SupportsIndex | slice) -> Self:
        return type(self)(super().__getitem__(key))  # tools shorten what they show

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        return type(None), ()


def _show_few(cls: type[Any], fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    # Some tools show the fields of attrs, whatever the repr does.
    return [field.evolve(repr=field.name in _SHOWN) for field in _require_own_names(cls, fields)]


def _require_own_names(cls: type[Any], fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    # attrs would silently replace what is added here by a field of the contract.
    names = {field.name for field in fields if field.init}
    if both := names & {*vars(cls), "from_dict", "to_dict"}:
        raise TypeError(f"{cls.__name__} of the contract has a field with a name of the overlay: {', '.join(both)}")
    return fields


@attrs.define(kw_only=True, repr=False, eq=False, field_transformer=_show_few)
class Call(raw.Call):
    """One call: every field of the API under its own name and type, and four that are computed from them.

    `start_at` and `end_at` are unix milliseconds. Fields that the contract lacks are in `additional_properties`. The
    repr leaves out what is personal or secret. A pickle is without the recording URL; a copy has it.

    Example:
        for call in client.list_calls(max_items=5):
            print(call.id, call.start_at, call.started_at, call.duration, call.cost, call.metadata.get("order"))
    """

    @cached_property
    def _json(self) -> dict[str, Any] | None:
        """What it was decoded from."""
        return None

    @classmethod
    def from_dict(cls, src_dict: Mapping[str, Any]) -> Self:
        """Decode one item, by the rules of a page.

        Raises:
            InvalidResponseError: With the path of the fault, such as `call_cost.total_cost`.

        Example:
            >>> call = Call.from_dict({
            ...     "id": "f3b4f3c0-58be-4f6a-b8e5-6f5d1f0c7a11",
            ...     "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "production"},
            ...     "call_type": "inbound",
            ...     "status": "ended",
            ...     "start_at": 1793491200000,
            ...     "end_at": 1793491294500,
            ...     "call_cost": {"total_cost": "150.00"},
            ... })
            >>> call.duration, call.cost
            (datetime.timedelta(seconds=94, microseconds=500000), Decimal('150.00'))
        """
        item: Any = src_dict
        if isinstance(item, Mapping):
            item = dict(item)
        call: Self = decoder_of(cls).decode(item)
        call._keep(item)
        return call

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON that came, unknown fields included: a new dict over the same values."""
        item = super().to_dict() if self._json is None else dict(self._json)
        if item.get(_WITHHELD) is not None:
            item[_WITHHELD] = str(item[_WITHHELD])
        return item

    @property
    def started_at(self) -> datetime | None:
        """When the call was connected: `start_at` as an aware datetime in UTC. None before that.

        Raises:
            InvalidResponseError: If the server sent a number that is not an instant.
        """
        return _instant(self.start_at, "start_at")

    @property
    def ended_at(self) -> datetime | None:
        """When the call ended: `end_at` as an aware datetime in UTC. None while it runs.

        Raises:
            InvalidResponseError: If the server sent a number that is not an instant.
        """
        return _instant(self.end_at, "end_at")

    @property
    def duration(self) -> timedelta | None:
        """How long the call lasted, to the millisecond. None until it has both a start and an end."""
        if self.start_at is None or self.end_at is None:
            return None
        try:
            return (self.end_at - self.start_at) * MILLISECOND
        except OverflowError:
            raise InvalidResponseError("end_at", "the duration exceeds what timedelta holds") from None

    @property
    def cost(self) -> Decimal | None:
        """What the call cost, in Korean won: `call_cost.total_cost`, exactly. None until it is known.

        It can still grow after a transfer to a person, until that person hangs up.

        Raises:
            InvalidResponseError: If the server sent what is not a decimal number, or one beyond 30 digits.
        """
        total = None if self.call_cost is None else self.call_cost.total_cost
        if total is None:
            return None
        if not isinstance(total, str):
            total = f"{Decimal(repr(total)):f}".removesuffix(".0")  # the shortest decimal that means it
        if not _AMOUNT.fullmatch(total):
            raise InvalidResponseError("call_cost.total_cost", "not a decimal number")
        return Decimal(total)

    def _keep(self, item: dict[str, Any]) -> None:
        """Keep the JSON that it was decoded from."""
        url: str | None = self.recording_url
        if url is not None:
            item[_WITHHELD] = url = RecordingUrl(url)
            setattr(self, _WITHHELD, url)
        self._json = item

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_json": self._json}

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(id={self.id!r}, call_type={str(self.call_type)!r}, "
            f"status={str(self.status)!r}, start_at={self.start_at!r})"
        )


@attrs.define(kw_only=True, field_transformer=_require_own_names)
class Page(raw.CallPage):
    """One page, as `.pages()` yields it.

    Attributes:
        items: The calls, in the order asked for. It may be empty before the end.
        total_count: How many calls matched at that moment. It changes while calls come in.
        next_cursor: The cursor of the next page; None on the last one.

    Example:
        for page in client.list_calls().pages():
            print(len(page.items), "of", page.total_count)
    """

    items: list[Call]  # type: ignore[assignment] # our own calls, in place of the generated ones


# Built while this module is imported, before any thread can use them.
_CALLS = decoder_of(Call)
_PAGES = decoder_of(Page)
_ENVELOPES = decoder_of(raw.ErrorEnvelope)


def read_page(body: object, unknown: UnknownValues) -> tuple[Page, list[Call | InvalidResponseError]]:
    """Decode the body of a response: the page without its calls, and for each item the call or its fault.

    Raises:
        InvalidResponseError: If it is not a page at all.
    """
    items = None
    if isinstance(body, dict):
        # An absent list is empty elsewhere. Here that would end an iteration early.
        if "items" not in body:
            raise InvalidResponseError("items", f"the field is missing{_error_in(body, unknown.redact)}")
        items = body["items"]
        if isinstance(items, list) and len(items) > _MOST_ITEMS:
            raise InvalidResponseError("items", f"{len(items):,} items, where at most 100 were asked for")
        if isinstance(items, list):
            body = {**body, "items": []}
    page = _PAGES.decode(body)
    items = cast("list[Any]", items or [])
    outcomes = _CALLS.decode_all(items, path="items", unknown=unknown)
    for outcome, item in zip(outcomes, items, strict=True):
        if isinstance(outcome, Call):
            outcome._keep(item)  # noqa: SLF001 - of this module
    return page, [*outcomes]


def _error_in(body: dict[str, Any], redact: Callable[[str], str]) -> str:
    try:
        error = _ENVELOPES.decode(body).error
    except InvalidResponseError:
        return ""
    return f"; the server sent an error instead: {redact(error.code)[:100]}: {redact(error.message)[:200]}"


def _instant(ms: int | None, field: str) -> datetime | None:
    try:
        return None if ms is None else from_unix_ms(ms)
    except InvalidQueryError:
        raise InvalidResponseError(field, "not unix milliseconds between 1970 and the end of 9999") from None
