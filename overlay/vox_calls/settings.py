"""Which key and which server, from the arguments, else the environment, else the vendor's; and the way there."""

from __future__ import annotations

import ipaddress
import math
import os
import traceback
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from http.cookiejar import DefaultCookiePolicy
from typing import Any, TypeVar

import httpx

from vox_calls._version import __version__
from vox_calls.errors import ConfigurationError

Http = TypeVar("Http", httpx.Client, httpx.AsyncClient)

API_KEY_VARIABLE = "VOX_API_KEY"
BASE_URL_VARIABLE = "VOX_BASE_URL"
DEFAULT_BASE_URL = "https://client-api.tryvox.co"

_VERSION_PREFIX = "/v3"


HEADERS = {"Accept": "application/json", "User-Agent": f"vox-calls/{__version__}"}
"""What goes with each request, beside the key."""


class Bearer(httpx.Auth):
    """Puts the organisation's key on each request, and shows it to nobody else."""

    def __init__(self, api_key: str) -> None:
        self.key = api_key

    def redact(self, text: str) -> str:
        """The text without the key, for some servers say which key they do not like."""
        return text.replace(self.key, "***")

    def clean(self, error: BaseException, outer: BaseException | None = None) -> None:
        """Remove secrets from an error, and from those that it comes from.

        The frames below hold the key and whole pages in their locals, which tools for tracebacks like to show: they
        stay, without their locals. Messages may quote a server, and lose the key.

        Args:
            error: What is about to leave.
            outer: What the caller was handling when it called: that, and what it comes from, is the caller's own.
        """
        todo, seen = [error], {id(outer), id(None)}
        for each in todo:
            seen.add(id(each))
            traceback.clear_frames(each.__traceback__)
            self.clean_message(each)
            below = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
            todo += [
                one for one in (each.__cause__, each.__context__, *below) if one is not None and id(one) not in seen
            ]

    def clean_message(self, error: BaseException) -> None:
        """Remove the key from the message of an error."""
        error.args = tuple(self.redact(part) if isinstance(part, str) else part for part in error.args)

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Httpx's way to change a request before it is sent."""
        request.headers["Authorization"] = f"Bearer {self.key}"
        yield request

    def __repr__(self) -> str:
        return "Bearer(***)"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled; make the client where it is used")


def resolve_api_key(api_key: str | None) -> str:
    """The key that was passed, else the environment's.

    Raises:
        ConfigurationError: Where there is none, or it cannot be part of a header. The message does not contain it.
    """
    key = os.environ.get(API_KEY_VARIABLE, "") if api_key is None else api_key
    if wrong := _wrong_with(key):
        del key, api_key  # a traceback may show the locals of its frames
        raise ConfigurationError(wrong)
    return key.strip()


def _wrong_with(key: object) -> str:
    if not isinstance(key, str):
        return "the API key is not a string"
    key = key.strip()
    if not key:
        return f"there is no API key: set {API_KEY_VARIABLE}, or in Python pass api_key"
    if not (key.isascii() and key.isprintable() and " " not in key):
        return "the API key has a space or a character that no key has; copy it again"
    return ""


def resolve_base_url(base_url: str | None) -> str:
    """The server that was passed, else the environment's, else the vendor's; with or without `/v3` at its end.

    Raises:
        ConfigurationError: For anything but an https URL, or http to this very machine.
    """
    text = base_url or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL
    try:
        url = httpx.URL(text.strip())
        host = url.host
    except (httpx.InvalidURL, TypeError, AttributeError, UnicodeError):
        raise ConfigurationError("the base URL is not a URL; pass one like https://client-api.tryvox.co") from None
    if url.userinfo or "?" in text or "#" in text:
        raise ConfigurationError("the base URL has a user, a query or a fragment; pass scheme, host and path alone")
    if not host or not (url.scheme == "https" or (url.scheme == "http" and is_loopback(host))):
        where = f"{url.scheme}://{host}" if url.scheme and host else "an address without https:// in front"
        raise ConfigurationError(f"the key is sent over https only (or http to this machine), not to {where}")
    return str(url).rstrip("/").removesuffix(_VERSION_PREFIX).rstrip("/")


def connect(
    kind: type[Http],
    base_url: str,
    *,
    timeout: float | httpx.Timeout,
    event_hooks: Mapping[str, list[Callable[..., Any]]] | None = None,
) -> Http:
    """An httpx client for a server, with httpx's own time-outs and event hooks.

    Raises:
        ConfigurationError: Where the environment's proxies or certificates cannot be used, or the time-out is none.
    """
    if not isinstance(timeout, httpx.Timeout) and not (type(timeout) in {int, float} and 0 < timeout < math.inf):
        raise ConfigurationError("timeout takes seconds, more than 0, or an httpx.Timeout")
    # A proxy of the environment would get the key of a plain http request, and could not reach this machine.
    leaves_machine = not is_loopback(httpx.URL(base_url).host)
    with setting_up():
        http = kind(timeout=timeout, trust_env=leaves_machine, event_hooks=event_hooks)
    http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # a retry is the same request
    return http


@contextmanager
def setting_up() -> Iterator[None]:
    """Tell of a failure to read the environment's proxies and certificates.

    Raises:
        ConfigurationError: Where they cannot be used.
    """
    try:
        yield
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        # httpx reads proxies and certificates from the environment, where anything may stand, passwords included.
        raise ConfigurationError(
            f"the environment's settings of proxies or certificates (such as HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE) "
            f"cannot be used: {type(error).__name__}"
        ) from None


def is_loopback(host: str) -> bool:
    """Whether a host is this very machine."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
