"""The key, the server and the connections to it: from the arguments, else the environment, else the vendor's."""

from __future__ import annotations

import asyncio
import ipaddress
import os
import sys
import traceback
import urllib.request
from collections.abc import Callable, Generator, Mapping
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Generic, TypeVar

import httpx

from vox_calls._exchange import REUSED, Send
from vox_calls._version import __version__
from vox_calls.errors import ClientClosedError, ConfigurationError, VoxCallsError

Http = TypeVar("Http", httpx.Client, httpx.AsyncClient)
Hooks = Mapping[str, list[Callable[..., Any]]]

API_KEY_VARIABLE = "VOX_API_KEY"
BASE_URL_VARIABLE = "VOX_BASE_URL"
DEFAULT_BASE_URL = "https://client-api.tryvox.co"
DEFAULT_TIMEOUT = httpx.Timeout(30.0, connect=10.0)

_LONGEST_TIMEOUT = 1_000_000
_PORTS = 2**16
_VERSION_PREFIX = "/v3"
_HEADERS = {"Accept": "application/json", "User-Agent": f"vox-calls/{__version__}"}


class Bearer(httpx.Auth):
    """Puts the API key on each request, and keeps it out of everything else."""

    def __init__(self, api_key: str) -> None:
        self._key = api_key

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authorise a request, as httpx asks."""
        request.headers["Authorization"] = f"Bearer {self._key}"
        yield request

    def redact(self, text: str) -> str:
        """Remove the key from a text: some servers quote it."""
        return text.replace(self._key, "***")

    def redact_message(self, error: BaseException) -> None:
        """Remove the key from the message of an error."""
        error.args = tuple(self.redact(part) if isinstance(part, str) else part for part in error.args)

    def withhold(self, error: BaseException, handled: BaseException | None) -> None:
        """Remove secrets from an error that is about to leave, and from those that it comes from.

        Frames keep their lines but lose their locals, which tools for tracebacks show: below a client these hold the
        key and whole pages. What the caller was handling before is left alone.
        """
        todo, seen = [error], {id(handled), id(None)}
        for each in todo:
            seen.add(id(each))
            traceback.clear_frames(each.__traceback__)
            self.redact_message(each)
            grouped = each.exceptions if isinstance(each, BaseExceptionGroup) else ()
            causes = (each.__cause__, each.__context__, *grouped)
            todo += [cause for cause in causes if cause is not None and id(cause) not in seen]

    def __repr__(self) -> str:
        return "Bearer(***)"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled; make the client where it is used")


class Connection(Generic[Http]):
    """The key, the server and the httpx clients that talk to it. Sends nothing by itself."""

    def __init__(
        self,
        kind: type[Http],
        api_key: str | None,
        base_url: str | None,
        *,
        timeout: float | httpx.Timeout,
        http: Http | None = None,
    ) -> None:
        try:
            self.auth = Bearer(resolve_api_key(api_key))
        finally:
            del api_key  # tracebacks may show the locals of frames
        self.base_url = resolve_base_url(base_url)
        if http is not None and not isinstance(http, kind):
            raise ConfigurationError(f"http_client takes an httpx.{kind.__name__}")
        self.is_own = http is None
        self.is_closed = False
        self._is_async = kind is httpx.AsyncClient
        self._open: Callable[[], Http] = partial(open_http, kind, self.base_url, timeout=timeout)
        self._process = os.getpid()
        # Of our own there is one for each process and event loop; the first to send takes the one that is opened here.
        self._given: Http | None = http
        self._spare: list[Http] = [self._open()] if http is None else []
        self._each: dict[tuple[int, object], Http] = {}

    @property
    def http(self) -> Http:
        """The httpx client for the present process and event loop: neither can use the connections of another."""
        if self._given is not None:
            return self._given
        owner = (os.getpid(), _event_loop() if self._is_async else None)
        if owner not in self._each:
            for over in [each for each in list(self._each) if _is_over(each)]:
                self._each.pop(over, None)
            try:
                opened = self._spare.pop()
            except IndexError:
                opened = self._open()
            self._each.setdefault(owner, opened)  # another thread may have been first
        return self._each[owner]

    def request(self, step: Send) -> dict[str, Any]:
        """Build the request of a step: the arguments of `send` of an httpx client."""
        if self.is_closed or self.http.is_closed:
            raise ClientClosedError("the client is closed; make a new one")
        if self._process != os.getpid() and not self.is_own:
            raise ConfigurationError("http_client belongs to the process before the fork; make one in each")
        method, url, params = (step.request[part] for part in ("method", "url", "params"))
        try:
            request = self.http.build_request(method, self.base_url + url, params=params, headers=_HEADERS)
        except (httpx.InvalidURL, UnicodeError) as error:
            # A cursor comes from the server, and may be too long for a URL.
            reason = f"the request cannot be written: {error}"
            raise httpx.LocalProtocolError(reason, request=httpx.Request(method, self.base_url)) from None
        trace = _Trace(request)
        request.extensions["trace"] = trace.note_async if self._is_async else trace.note
        return {"request": request, "auth": self.auth, "follow_redirects": False, "stream": True}

    def failure(self, error: Exception) -> httpx.RequestError | VoxCallsError:
        """Map a send error to an answer; raise any other error again."""
        if isinstance(error, httpx.RequestError | VoxCallsError):
            self.auth.redact_message(error)
            return error
        if isinstance(error, httpx.StreamConsumed):
            return ConfigurationError("a hook of http_client consumes bodies; let it call response.read() instead")
        if self.is_closed or self.http.is_closed:
            return ClientClosedError("the client was closed while it was in use; make a new one")
        raise error


class _Trace:
    """Notes whether a request waits for an answer on a connection that was open before: httpcore's trace extension."""

    def __init__(self, request: httpx.Request) -> None:
        self._request = request
        self._is_new = False

    def note(self, event: str, _: object) -> None:
        if event == "connection.connect_tcp.started":
            self._is_new = True
        elif event.endswith("send_request_headers.started"):
            self._request.extensions[REUSED] = not self._is_new
        elif event.endswith("receive_response_headers.complete"):
            self._request.extensions[REUSED] = False

    async def note_async(self, event: str, _: object) -> None:
        self.note(event, _)


def _event_loop() -> object:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        trio = sys.modules.get("trio")
    try:
        return trio and trio.lowlevel.current_trio_token()
    except RuntimeError:
        return None


def _is_over(owner: tuple[int, object]) -> bool:
    process, loop = owner
    return process == os.getpid() and isinstance(loop, asyncio.AbstractEventLoop) and loop.is_closed()


def resolve_api_key(api_key: str | None) -> str:
    """Return the key that was passed, else the environment's. ConfigurationError for an invalid one, without it."""
    key = os.environ.get(API_KEY_VARIABLE, "") if api_key is None else api_key
    if fault := _fault_of_key(key):
        del key, api_key  # tracebacks may show the locals of frames
        raise ConfigurationError(fault)
    return key.strip()


def _fault_of_key(key: object) -> str:
    if not isinstance(key, str):
        return "the API key is not a string"
    key = key.strip()
    if not key:
        return f"there is no API key: set {API_KEY_VARIABLE}, or in Python pass api_key"
    if key[0] in "\"'" or key.startswith(("$", "%", "{", "<")):
        return "the API key is in quotes, or the name of a variable in its place; pass the key itself"
    if not (key.isascii() and key.isprintable() and " " not in key):
        return "the API key has a space or an invalid character; copy it again"
    return ""


def resolve_base_url(base_url: str | None) -> str:
    """Return the server that was passed, else the environment's, else the vendor's; without `/v3` at its end.

    Raises:
        ConfigurationError: For anything but an https URL, or http to this machine.
    """
    text = os.environ.get(BASE_URL_VARIABLE) or DEFAULT_BASE_URL if base_url is None else base_url
    try:
        url = httpx.URL(text.strip())
        host = url.host
    except (httpx.InvalidURL, TypeError, AttributeError, UnicodeError):
        raise ConfigurationError("the base URL is not a URL; pass one like https://client-api.tryvox.co") from None
    if url.userinfo or "?" in text or "#" in text:
        raise ConfigurationError("the base URL has a user, a query or a fragment; pass scheme, host and path alone")
    if {" ", "%"} & {*host} or not (url.port is None or 0 < url.port < _PORTS):
        raise ConfigurationError("the base URL has an invalid host or port; pass one like https://client-api.tryvox.co")
    if not host or not (url.scheme == "https" or (url.scheme == "http" and _is_loopback(host))):
        where = f"{url.scheme}://{host}" if url.scheme and host else "an address without https:// in front"
        raise ConfigurationError(f"the key is sent over https only (or http to this machine), not to {where}")
    return str(url).rstrip("/").removesuffix(_VERSION_PREFIX).rstrip("/")


def open_http(kind: type[Http], base_url: str, *, timeout: float | httpx.Timeout, hooks: Hooks | None = None) -> Http:
    """Open an httpx client for a server.

    Raises:
        ConfigurationError: For proxies or certificates of the environment that cannot be used, or an invalid timeout.
    """
    chosen = timeout.as_dict().values() if isinstance(timeout, httpx.Timeout) else (timeout,)
    if not isinstance(timeout, httpx.Timeout) and type(timeout) not in {int, float}:
        raise ConfigurationError("timeout takes seconds, or an httpx.Timeout")
    if not all(
        seconds is None or (type(seconds) in {int, float} and 0 < seconds <= _LONGEST_TIMEOUT) for seconds in chosen
    ):
        raise ConfigurationError(f"timeout takes seconds, more than 0 and at most {_LONGEST_TIMEOUT:,}")
    try:
        # With trust_env, httpx fails at entries of NO_PROXY that container tools write.
        certificates = httpx.create_ssl_context(trust_env=True)
        proxy = _proxy_for(httpx.URL(base_url))
        http = kind(timeout=timeout, trust_env=False, verify=certificates, proxy=proxy, event_hooks=hooks)
    except (ImportError, OSError, ValueError, httpx.InvalidURL) as error:
        # Not its message: these variables may hold passwords.
        raise ConfigurationError(
            f"the environment's settings of proxies or certificates (such as HTTPS_PROXY, ALL_PROXY, SSL_CERT_FILE) "
            f"cannot be used: {type(error).__name__}"
        ) from None
    http.cookies.jar.set_policy(DefaultCookiePolicy(allowed_domains=()))  # a retry is the same request
    return http


def _proxy_for(url: httpx.URL) -> str | None:
    # A proxy would see the key of a plain http request, and could not reach this machine.
    proxies = urllib.request.getproxies()
    if _is_loopback(url.host) or any(_covers(entry.strip(), url.host) for entry in proxies.get("no", "").split(",")):
        return None
    proxy = proxies.get(url.scheme) or proxies.get("all")
    return f"http://{proxy}" if proxy and "://" not in proxy else proxy


def _covers(entry: str, host: str) -> bool:
    """Whether an entry of NO_PROXY covers a host: an address, a network, a domain with those below it, or `*`."""
    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(entry.strip("[]"), strict=False)
    except ValueError:
        domain = entry.partition(":")[0].removeprefix("*").removeprefix(".").lower()
        return entry == "*" or (bool(domain) and (host == domain or host.endswith(f".{domain}")))


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
