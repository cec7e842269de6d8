"""Everybody who reads the same history over the same kind of connection, and everybody who decodes the same page."""

from __future__ import annotations

import enum
import importlib
import json
import typing
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import version
from operator import attrgetter, itemgetter
from typing import Any
from uuid import UUID

import attrs
import httpx
import msgspec
import pydantic
import retell
import vapi.core.client_wrapper
from retell._models import construct_type as stainless_construct
from vapi.core.pydantic_utilities import parse_obj_as as fern_parse
from vapi.core.unchecked_base_model import UncheckedBaseModel
from vapi.core.unchecked_base_model import construct_type as fern_construct

import vox_calls
import vox_calls_raw
from bench import generated
from bench.models import ROOT, Flavour, choice, literal, page_class
from bench.pages import PAGE_SIZE
from bench.reading import reader_of
from vox_calls.enums import UnknownValues
from vox_calls.models import read_page
from vox_calls.toolkit import parse_json
from vox_calls_raw.api.calls import list_calls
from vox_calls_raw.models import CallPage, ErrorEnvelope
from vox_calls_raw.types import UNSET

KEY = "a-key-that-nobody-checks"
PATH = "/v3/calls"
STAINLESS = f"Stainless (the runtime of retell-sdk {version('retell-sdk')})"
FERN = f"Fern (the runtime of vapi-server-sdk {version('vapi-server-sdk')})"
GENERATOR = f"OpenAPI Generator {version(generated.GENERATOR)}"

Open = Callable[[str], Callable[[], Iterable[Any]]]
"""Connects to a base URL; what it gives reads the whole history there, each time anew."""


@attrs.frozen
class Loop:
    """A way to read a history, what is read of each call, and how many times the bare loop it may take."""

    name: str
    open: Open
    read: Callable[[Any], object] = attrgetter("id")
    at_most: float | None = None
    peer: bool = False


@attrs.frozen
class Decoding:
    """A way to make calls of the bytes of a page, and how many times pydantic-core's it may take."""

    name: str
    calls: Callable[[bytes], list[Any]]
    at_most: float | None = None


def loops() -> list[Loop]:
    """The bare loop first, then ours, then the peers."""
    found = [
        Loop("httpx and json.loads, no more", bare, itemgetter("id")),
        Loop("vox_calls", ours, at_most=1.25),
        Loop("vox_calls, started_at, ended_at, duration and cost of each call read", ours, derived, 1.4),
        Loop("vox_calls, every value of each call read", ours, reader_of(vox_calls.Call)),
        Loop(f"the raw client (openapi-python-client {_raw_version()})", raw, peer=True),
        Loop(STAINLESS, stainless, peer=True),
        Loop(FERN, fern, peer=True),
    ]
    if generated.why_not() is None:
        found.insert(-2, Loop(GENERATOR, openapi_generator, peer=True))
    return found


def decodings() -> list[Decoding]:
    """pydantic-core first, then ours, then the others. All begin with the bytes."""
    plain, structs = page_class(PYDANTIC), msgspec.json.Decoder(page_class(MSGSPEC))
    of_stainless, of_fern = page_class(STAINLESS_RUNTIME), page_class(FERN_RUNTIME)
    read = reader_of(vox_calls.Call)

    def every_value(page: bytes) -> list[Any]:
        calls = our_calls(page)
        for call in calls:
            read(call)
        return calls

    return [
        Decoding("pydantic-core, model_validate_json", lambda page: _items(plain.model_validate_json(page))),
        Decoding("vox_calls, every value of each call read", every_value, 1.5),
        Decoding("vox_calls, no value read", our_calls),
        Decoding("json.loads, no classes", lambda page: list(json.loads(page)["items"])),
        Decoding("msgspec, straight into Structs", lambda page: _items(structs.decode(page))),
        Decoding("the raw client, from_dict", lambda page: _items(CallPage.from_dict(json.loads(page)))),
        Decoding(
            "Stainless, construct", lambda page: _items(stainless_construct(type_=of_stainless, value=json.loads(page)))
        ),
        Decoding("Fern, construct", lambda page: _items(fern_construct(type_=of_fern, object_=json.loads(page)))),
        Decoding("Fern, parse", lambda page: _items(fern_parse(of_fern, json.loads(page)))),
    ]


def derived(call: vox_calls.Call) -> object:
    """What a call has over the wire's fields."""
    return call.started_at, call.ended_at, call.duration, call.cost


def bare(base_url: str) -> Callable[[], Iterable[Any]]:
    """What nobody can do without: the request and the parser."""
    http = httpx.Client(headers={"Authorization": f"Bearer {KEY}"})

    def fetch(parameters: dict[str, Any]) -> tuple[list[Any], str | None]:
        page = json.loads(http.get(base_url + PATH, params=parameters).content)
        return page["items"], page["next_cursor"]

    return _by_page(fetch)


def ours(base_url: str) -> Callable[[], Iterable[Any]]:
    """Our own client, without pacing."""
    client = vox_calls.Client(KEY, base_url=base_url, rate_limit=None)
    return lambda: client.list_calls(page_size=PAGE_SIZE)


def raw(base_url: str) -> Callable[[], Iterable[Any]]:
    """The generated client below ours, used alone."""
    client = vox_calls_raw.AuthenticatedClient(base_url=base_url, token=KEY)

    def fetch(parameters: dict[str, Any]) -> tuple[list[Any], str | None]:
        page = list_calls.sync(client=client, limit=PAGE_SIZE, cursor=parameters.get("cursor", UNSET))
        if page is None or isinstance(page, ErrorEnvelope):
            raise TypeError("the server answered with no page")
        return page.items, page.next_cursor

    return _by_page(fetch)


def openapi_generator(base_url: str) -> Callable[[], Iterable[Any]]:
    """The client that OpenAPI Generator makes of the same contract."""
    generated.make_importable()
    made = importlib.import_module(generated.PACKAGE)
    api = made.CallsApi(made.ApiClient(made.Configuration(host=base_url, access_token=KEY)))
    return _by_page(lambda parameters: _page(api.list_calls(**parameters)))


def stainless(base_url: str) -> Callable[[], Iterable[Any]]:
    """A client that Stainless built, asked for a path of our own as its documentation says."""
    client = retell.Retell(api_key=KEY, base_url=base_url, max_retries=0)
    page = page_class(STAINLESS_RUNTIME)
    return _by_page(lambda parameters: _page(client.get(PATH, cast_to=page, options={"params": parameters})))


def fern(base_url: str) -> Callable[[], Iterable[Any]]:
    """What the methods of a client that Fern built do, with a path and a class of our own."""
    wrapper = vapi.core.client_wrapper.SyncClientWrapper(token=KEY, base_url=base_url, httpx_client=httpx.Client())
    page = page_class(FERN_RUNTIME)

    def fetch(parameters: dict[str, Any]) -> tuple[list[Any], str | None]:
        answer = wrapper.httpx_client.request(PATH.removeprefix("/"), method="GET", params=parameters)
        return _page(fern_construct(type_=page, object_=answer.json()))

    return _by_page(fetch)


def our_calls(page: bytes) -> list[Any]:
    """The calls of a page, as iterating decodes them."""
    return list(read_page(parse_json(page), UnknownValues())[1])


def _by_page(fetch: Callable[[dict[str, Any]], tuple[list[Any], str | None]]) -> Callable[[], Iterator[Any]]:
    def calls() -> Iterator[Any]:
        parameters: dict[str, Any] = {"limit": PAGE_SIZE}
        cursor: str | None = ""
        while cursor is not None:
            items, cursor = fetch(parameters)
            yield from items
            parameters = {"limit": PAGE_SIZE, "cursor": cursor}

    return calls


def _page(page: Any) -> tuple[list[Any], str | None]:  # noqa: ANN401 - a class of anybody's
    return page.items, page.next_cursor


def _items(page: Any) -> list[Any]:  # noqa: ANN401 - a class of anybody's
    return list(page.items)


def _enum(name: str, values: list[str]) -> type[enum.Enum]:
    return enum.Enum(name, [(value, value) for value in values], type=str)  # type: ignore[return-value] # a class


def _model(base: type[Any], *, nulls_are_default: bool) -> Callable[[str, dict[str, Any]], type[Any]]:
    def make(name: str, fields: dict[str, Any]) -> type[Any]:
        definitions: dict[str, Any] = {
            key: (kind, None if nulls_are_default and type(None) in typing.get_args(kind) else ...)
            for key, kind in fields.items()
        }
        return pydantic.create_model(name, __base__=base, **definitions)

    return make


# Enums and UUIDs where ours have them. Stainless and Fern write neither into their models: it costs them nothing.
PYDANTIC = Flavour(_model(pydantic.BaseModel, nulls_are_default=False), _enum, {"uuid": UUID})
MSGSPEC = Flavour(lambda name, fields: msgspec.defstruct(name, list(fields.items())), _enum, {"uuid": UUID})
STAINLESS_RUNTIME = Flavour(
    _model(retell.BaseModel, nulls_are_default=True), lambda _, values: literal(values), anything=object
)
FERN_RUNTIME = Flavour(
    _model(UncheckedBaseModel, nulls_are_default=True), lambda _, values: choice(literal(values), Any)
)


def _raw_version() -> str:
    record = json.loads((ROOT / "generated" / "inputs.json").read_text(encoding="utf-8"))
    return str(record["tools"]["openapi-python-client"])
