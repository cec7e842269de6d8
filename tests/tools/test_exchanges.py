"""The exchanges over a socket: this client passes each, and a broken one gets a reason."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import httpx
import msgspec
import pytest

import virtual
import vox_calls
from conformance import FOLDER, JITTERS, cases, options, outcome_of
from contract import validate
from virtual import Clock
from vox_calls_tools.sandbox import ExchangesSandbox
from vox_calls_tools.sandbox.exchanges import moved, read_exchanges
from vox_calls_tools.sandbox.verdicts import KEY, Outcome, ToldError

COMMAND = Path(sys.executable).with_name("vox-calls")
TIMEOUT = 0.3
EXCHANGES = [name for name, case in cases().items() if "server" in case]

Json = dict[str, Any]
Change = Callable[[httpx.Request], object]


@attrs.frozen
class Served:
    """The running sandbox, seen with plain HTTP."""

    url: str
    http: httpx.Client

    def of(self, name: str) -> str:
        return f"{self.url}/exchanges/{name}"

    def ask(self, name: str, **headers: str) -> httpx.Response:
        """Send the first request of most cases."""
        return self.http.get(
            f"{self.of(name)}/v3/calls?limit=100", headers={"Authorization": f"Bearer {KEY}"} | headers
        )

    def verdict(self, name: str, outcome: Outcome | Json) -> Json:
        answer = self.http.post(f"{self.of(name)}/verdict", content=msgspec.json.encode(outcome))
        told: Json = answer.raise_for_status().json()
        assert told["passed"] is (told["failures"] == [])
        return told


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with ExchangesSandbox() as sandbox, httpx.Client() as http:
        assert sandbox.api_key == KEY
        yield Served(sandbox.base_url, http)


@attrs.define
class ByVirtualTime(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport over sockets with a clock that each response moves; `change` alters requests."""

    clock: Clock
    change: Change = lambda _: None
    blocking: httpx.HTTPTransport = attrs.field(factory=partial(httpx.HTTPTransport, verify=False))
    awaiting: httpx.AsyncHTTPTransport = attrs.field(factory=partial(httpx.AsyncHTTPTransport, verify=False))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self.after(self.blocking.handle_request(self.before(request)))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return self.after(await self.awaiting.handle_async_request(self.before(request)))

    def before(self, request: httpx.Request) -> httpx.Request:
        request.headers["Vox-Clock"] = str(self.clock.time)
        self.change(request)
        case = cases()[request.url.path.split("/")[2]]
        if any(step.get("fault") == "timeout" for step in case["server"]):
            request.extensions["timeout"] = {"read": TIMEOUT}
        return request

    def after(self, answer: httpx.Response) -> httpx.Response:
        self.clock.time += float(answer.headers["Vox-Takes"])
        return answer

    def close(self) -> None:
        self.blocking.close()


def met(
    served: Served,
    name: str,
    *,
    make: Callable[..., Any] = virtual.blocking,
    jitter: float = 0.5,
    change: Change = lambda _: None,
    **other: Any,
) -> Outcome:
    """Run an exchange with this client in virtual time."""
    clock = Clock(partial(float, jitter))
    case = cases()[name]
    sockets = ByVirtualTime(clock, change)
    outcome = outcome_of(case, make(clock, sockets, KEY, base_url=served.of(name), **options(case) | other))
    sockets.close()
    outcome.chance = jitter
    return outcome


def test_every_exchange_is_listed_as_in_the_files(served: Served) -> None:
    listed = served.http.get(f"{served.url}/exchanges").json()["exchanges"]
    assert listed == [{"base_url": served.of(name), "case": cases()[name]} for name in EXCHANGES]
    assert len(listed) >= 200


@pytest.mark.parametrize("make", [virtual.blocking, virtual.awaiting])
@pytest.mark.parametrize("name", EXCHANGES)
def test_this_client_passes(served: Served, name: str, make: Callable[..., Any]) -> None:
    for jitter in JITTERS:
        told = served.verdict(name, met(served, name, make=make, jitter=jitter))
        assert told["failures"] == []
        assert told["requests"]["expected"] == cases()[name]["expect"].get("requests")


@pytest.mark.parametrize(
    "name",
    [
        "retry-500",
        "retry-after-fraction",
        "retry-after-date-past",
        "retry-fault-refuse",
        "retry-fault-reset",
        "retry-fault-cut",
        "retry-fault-timeout",
        "page-bad-items-all-skipped",
        "pace-iteration-answers",
        "error-key-in-code",
    ],
)
@pytest.mark.parametrize("kind", [vox_calls.Client, vox_calls.AsyncClient])
def test_this_client_passes_in_real_time(served: Served, name: str, kind: Callable[..., Any]) -> None:
    case = cases()[name]
    client = kind(KEY, base_url=served.of(name), timeout=1.0, **options(case))
    assert served.verdict(name, outcome_of(case, client))["failures"] == []


def test_waits_in_real_time_are_those_of_the_case(served: Served) -> None:
    assert [served.ask("retry-after-fraction").status_code for _ in range(2)] == [429, 200]
    told = served.verdict("retry-after-fraction", {"items": ["a"]})
    assert [failure.partition("sent")[0] for failure in told["failures"]] == ["request 2: "]
    assert told["failures"][0].endswith("instead of 0.25 to 0.5 s")


def test_a_date_is_moved_to_the_day_of_the_run(served: Served) -> None:
    answer = served.ask("retry-after-date")
    wait = parsedate_to_datetime(answer.headers["Retry-After"]) - datetime.now(UTC)
    assert timedelta(seconds=8) < wait <= timedelta(seconds=9)
    served.verdict("retry-after-date", {})


def test_a_date_is_moved_by_the_elapsed_time() -> None:
    headers = {"retry-after": "Sun, 01 Nov 2026 00:00:09 GMT", "Date": "Sun, 01 Nov 2026 00:00:09 GMT"}
    assert moved(headers, timedelta(hours=1, seconds=0.4)) == headers | {"retry-after": "Sun, 01 Nov 2026 01:00:09 GMT"}
    assert moved({"Retry-After": "9"}, timedelta(hours=1)) == {"Retry-After": "9"}
    assert moved({"Retry-After": "soon"}, timedelta(hours=1)) == {"Retry-After": "soon"}


def on_the_way(name: str, value: str | None = None, **parameters: str | None) -> Change:
    """Replace a header or parameters of the client's requests; None removes them."""

    def change(request: httpx.Request) -> None:
        for parameter, other in parameters.items():
            if parameter in request.url.params:
                kept = request.url.copy_remove_param(parameter)
                request.url = kept if other is None else kept.copy_set_param(parameter, other)
        if name:
            request.headers.pop(name, None)
            if value is not None:
                request.headers[name] = value

    return change


def to(path: str) -> Change:
    def change(request: httpx.Request) -> None:
        request.url = request.url.copy_with(path=request.url.path.replace("/v3/calls", path))

    return change


def by(method: str) -> Change:
    def change(request: httpx.Request) -> None:
        request.method = method

    return change


@pytest.mark.parametrize(
    ("name", "change", "failure"),
    [
        ("page-filters-of-every-kind", on_the_way("", call_type=None), "request 1: its query is"),
        ("page-filters-of-every-kind", on_the_way("", cursor="other"), "request 2: its query is"),
        ("retry-500", on_the_way("Authorization"), "request 1: its Authorization header is not 'Bearer"),
        ("retry-500", on_the_way("Authorization", KEY), "request 1: its Authorization header is not 'Bearer"),
        (
            "retry-500",
            on_the_way("Authorization", "Bearer other"),
            "request 1: its Authorization header is not 'Bearer",
        ),
        (
            "retry-500",
            on_the_way("Vox-Clock", "0"),
            "request 2: sent 0 s after the previous response instead of 0.25 s",
        ),
        ("retry-500", on_the_way("Vox-Clock", "now"), "invalid Vox-Clock 'now'"),
        ("retry-500", on_the_way("Vox-Clock", "-1"), "invalid Vox-Clock '-1'"),
        ("retry-500", on_the_way("Vox-Clock", "inf"), "invalid Vox-Clock 'inf'"),
        ("retry-500", by("DELETE"), "unexpected request: DELETE /exchanges/retry-500/v3/calls"),
        ("retry-500", by("HEAD"), "unexpected request: HEAD /exchanges/retry-500/v3/calls"),
        ("retry-500", to("/v2/calls"), "unexpected request: GET /exchanges/retry-500/v2/calls"),
        ("retry-500", to("/v3/calls/"), "unexpected request: GET /exchanges/retry-500/v3/calls/"),
    ],
)
def test_a_wrong_request_fails(served: Served, name: str, change: Change, failure: str) -> None:
    told = served.verdict(name, met(served, name, change=change))
    assert failure in "\n".join(told["failures"])


@pytest.mark.parametrize(
    ("name", "other", "failure"),
    [
        ("retry-500", {"retries": 0}, "requests: received 1 instead of 2"),
        ("retry-none", {"retries": 9}, "request 2: unexpected, the server has only 1 steps"),
        ("pace-iteration", {"rate_limit": None}, "request 6: sent 0 s after the previous response instead of 1 s"),
        ("page-unknown-value-strict", {"strict_enums": False}, "error: none reported"),
    ],
)
def test_a_deviating_client_fails(served: Served, name: str, other: Json, failure: str) -> None:
    told = served.verdict(name, met(served, name, **other))
    assert failure in "\n".join(told["failures"])


def test_waits_may_be_anywhere_within_the_jitter(served: Served) -> None:
    for at, passed in [("0", True), ("0.5", True), ("0.502", False)]:
        served.ask("retry-500", **{"Vox-Clock": "0"})
        served.ask("retry-500", **{"Vox-Clock": at})
        told = served.verdict("retry-500", {"items": ["a"]})
        assert told["passed"] is passed, told
    assert told["failures"] == ["request 2: sent 0.502 s after the previous response instead of 0 to 0.5 s"]
    assert told["requests"]["seen"][1] == {"query": {"limit": ["100"]}, "wait": 0.502}


def test_vox_clock_comes_with_all_requests_or_none(served: Served) -> None:
    for first, second in [({"Vox-Clock": "0"}, {}), ({}, {"Vox-Clock": "0"})]:
        served.ask("retry-500", **first)
        assert served.ask("retry-500", **second).status_code == 400
        told = served.verdict("retry-500", {"items": ["a"]})
        assert "only some requests have Vox-Clock" in told["failures"][0]


def told_of(name: str, change: Callable[[Json], object]) -> Json:
    """What this client reports for a case, with a change."""
    expected = json.loads(json.dumps(cases()[name]["expect"]))
    expected.pop("requests", None)
    if "error" in expected:
        expected["error"]["text"] = "It failed."
    change(expected)
    return dict(expected)


@pytest.mark.parametrize(
    ("name", "change", "failure"),
    [
        ("retry-500", lambda told: told.update(items=["b"]), 'items: is ["b"] instead of ["a"]'),
        ("retry-500", lambda told: told.clear(), 'items: not reported instead of ["a"]'),
        ("retry-500", lambda told: told.update(error={"name": "server", "text": "No."}), "error: expected none"),
        ("retry-not-301", lambda told: told.pop("error"), "error: none reported instead of"),
        ("retry-not-301", lambda told: told.update(error=None), "error: none reported instead of"),
        ("retry-not-301", lambda told: told["error"].update(name="server"), 'error.name: is "server" instead of "api"'),
        ("error-key-in-code", lambda told: told["error"].pop("code"), 'error.code: not reported instead of "***"'),
        ("error-key-in-code", lambda told: told["error"].update(text=f"{KEY} is wrong"), "error: contains the API key"),
        ("error-key-in-code", lambda told: told["error"].update(details={"a": [KEY]}), "error: contains the API key"),
        ("page-taken-all", lambda told: told.update(finished=not told["finished"]), "finished: is"),
        ("page-taken-all", lambda told: told.update(cursor="x"), "cursor: is"),
        ("page-taken-by-page", lambda told: told["pages"][0].clear(), "pages: is"),
        ("page-bad-items-all-skipped", lambda told: told["skipped"].pop(), "skipped: is"),
        ("page-unknown-value", lambda told: told["reported"].append("x"), "reported: is"),
    ],
)
def test_a_wrong_outcome_fails(served: Served, name: str, change: Callable[[Json], object], failure: str) -> None:
    met(served, name)
    assert served.verdict(name, told_of(name, lambda _: None))["failures"] == []
    met(served, name)
    told = served.verdict(name, told_of(name, change))
    assert [failure in one for one in told["failures"]] == [True]


@pytest.mark.parametrize("name", EXCHANGES)
def test_missing_requests_or_outcome_fail_the_case(served: Served, name: str) -> None:
    whole = served.verdict(name, told_of(name, lambda _: None))
    # Some cases are about a client that sends nothing.
    assert whole["passed"] is (cases()[name]["expect"].get("requests") == [])
    met(served, name)
    # Some cases are about the requests alone, which were seen.
    assert served.verdict(name, {})["passed"] is (cases()[name]["expect"].keys() == {"requests"})


def test_an_exchange_restarts_after_its_verdict(served: Served) -> None:
    for _ in range(2):
        assert served.ask("retry-500", **{"Vox-Clock": "0"}).status_code == 500
        assert len(served.verdict("retry-500", {})["requests"]["seen"]) == 1


def test_an_unfinished_exchange_can_be_deleted(served: Served) -> None:
    name = "retry-500"
    for _ in range(2):
        assert served.ask(name, **{"Vox-Clock": "0"}).status_code == 500
        ended = served.http.delete(served.of(name))
        assert (ended.status_code, ended.content) == (204, b"")
    assert served.verdict(name, {})["requests"]["seen"] == []
    assert served.http.delete(served.of("no-such-case")).status_code == 404


def test_responses_close_the_connection_and_have_no_date(served: Served) -> None:
    answer = served.ask("retry-500", **{"Vox-Clock": "0"})
    assert answer.headers["connection"] == "close"
    assert "date" not in answer.headers
    served.verdict("retry-500", {})


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "message"),
    [
        ("GET", "/exchanges/none/v3/calls", None, 404, "Unknown exchange 'none'; GET /exchanges lists all."),
        ("POST", "/exchanges/none/verdict", "{}", 404, "Unknown exchange 'none'"),
        ("GET", "/v3/calls", None, 404, "GET /exchanges lists the exchanges and their base URLs"),
        ("POST", "/exchanges", "{}", 404, "No route for POST /exchanges"),
        ("GET", "/exchanges/retry-500/verdict", None, 405, "Use POST to get the verdict."),
        ("POST", "/exchanges/retry-500/verdict", "", 400, "the body is not JSON"),
        ("POST", "/exchanges/retry-500/verdict", "[]", 400, "Expected `object`, got `array`"),
        ("POST", "/exchanges/retry-500/verdict", '{"item": []}', 400, "unknown field `item`"),
        ("POST", "/exchanges/retry-500/verdict", '{"items": null}', 400, "got `null` - at `$.items`"),
        (
            "POST",
            "/exchanges/retry-500/verdict",
            '{"finished": 1}',
            400,
            "Expected `bool`, got `int` - at `$.finished`",
        ),
        ("POST", "/exchanges/retry-500/verdict", '{"chance": 1}', 400, "at `$.chance`"),
        ("POST", "/exchanges/retry-500/verdict", '{"error": {"name": "api"}}', 400, "missing required field `text`"),
        ("POST", "/exchanges/retry-500/verdict", '{"error": {"name": "api", "text": ""}}', 400, "at `$.error.text`"),
        ("POST", "/exchanges/retry-500/verdict", '{"error": {"name": "api", "text": "a", "x": 1}}', 400, "`x`"),
    ],
)
def test_invalid_requests_are_reported(  # noqa: PLR0917 - a row of the table
    served: Served, method: str, path: str, body: str | None, status: int, message: str
) -> None:
    answer = served.http.request(method, served.url + path, content=body)
    assert answer.status_code == status
    validate(answer.json(), "ErrorEnvelope")
    assert message in answer.json()["error"]["message"]
    if path.endswith("retry-500/verdict"):
        assert served.verdict("retry-500", {})["requests"]["seen"] == [], "it counted as a request"


def test_a_verdict_accepts_what_the_cases_expect() -> None:
    schema = json.loads((FOLDER / "cases.schema.json").read_text(encoding="utf-8"))
    expected = schema["$defs"]["exchange"]["properties"]["expect"]["properties"]
    assert {*Outcome.__struct_fields__} == {*expected} - {"requests"} | {"chance"}
    assert {*ToldError.__struct_fields__} == {*expected["error"]["properties"]} | {"text"}


def test_the_command_serves_the_exchanges() -> None:
    with subprocess.Popen([COMMAND, "sandbox", "--exchanges"], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        settings = dict(process.stdout.readline().strip().split("=", 1) for _ in range(2))
        listed = httpx.get(f"{settings['VOX_BASE_URL']}/exchanges").json()["exchanges"]
        process.send_signal(signal.SIGINT)
    assert settings["VOX_API_KEY"] == KEY
    assert len(listed) == len(EXCHANGES)


def test_ineffective_options_are_rejected() -> None:
    done = subprocess.run(
        [COMMAND, "sandbox", "--exchanges", "--no-rate-limit"], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "--exchanges" in done.stderr
    assert "--rate-limit" in done.stderr


def test_an_installation_without_cases_is_reported(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("_INSTALLED", "_CHECKOUT"):
        monkeypatch.setattr(f"vox_calls_tools.sandbox.exchanges.{name}", tmp_path)
    with pytest.raises(vox_calls.ConfigurationError, match="reinstall vox-calls"):
        read_exchanges()
