"""`vox-calls doctor` in a terminal: key, server, clock and contract, with advice."""

from __future__ import annotations

import copy
import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from contract import spec
from terminal import Seen, in_terminal
from vox_calls_tools.cli.examination import clock, examine
from vox_calls_tools.sandbox import Sandbox

KEY = "vox_live_0123456789abcdef"
ASKED = datetime(2026, 11, 1, 9, 0, 0, tzinfo=UTC)


def doctor(base_url: str, key: str, *arguments: str, **environment: str) -> Seen:
    return in_terminal(
        *("doctor", *arguments),
        environment={"VOX_BASE_URL": base_url, "VOX_API_KEY": key, **environment},
        columns=160,
    )


def marks(seen: Seen) -> list[tuple[str, str]]:
    lines = [line.split() for line in seen.lines]
    return [(words[0], words[1]) for words in lines if words[0] in {"✓", "✗"}]


def test_a_passed_check_has_a_tick(sandbox: Sandbox) -> None:
    seen = doctor(sandbox.base_url, sandbox.api_key)
    assert seen.status == 0
    assert marks(seen) == [("✓", "key"), ("✓", "server"), ("✓", "clock"), ("✓", "contract")]
    assert len(seen.lines) == 4
    assert seen.colour(0, "✓") == "green"
    assert sandbox.api_key not in seen.raw


def test_a_difference_is_listed_above_its_cross(sandbox: Sandbox, tmp_path: Path) -> None:
    document = copy.deepcopy(spec())
    document["components"]["schemas"]["Call"]["properties"]["unheard_of"] = {"type": "string"}
    (tmp_path / "openapi.json").write_text(json.dumps(document), encoding="utf-8")
    seen = doctor(sandbox.base_url, sandbox.api_key, "--document", str(tmp_path / "openapi.json"))
    assert seen.status == 1
    assert seen.lines[3].startswith("document: compatible  field items[].unheard_of: added")
    assert seen.lines[4].startswith("✗ contract The API differs, see above.")


def test_an_ascii_terminal_gets_words_for_marks(sandbox: Sandbox) -> None:
    seen = doctor(sandbox.base_url, sandbox.api_key, PYTHONIOENCODING="ascii", NO_COLOR="1")
    assert [line.split()[0] for line in seen.lines] == ["ok"] * 4
    assert "\x1b" not in seen.raw


def test_a_rejected_key_has_a_cross_and_advice(sandbox: Sandbox) -> None:
    seen = doctor(sandbox.base_url, KEY)
    assert seen.status == 2
    assert marks(seen) == [("✗", "key"), ("✓", "server"), ("✓", "clock"), ("✗", "contract")]
    assert "401" in seen.lines[0]
    assert "VOX_API_KEY" in seen.lines[0]
    assert seen.colour(0, "✗") == "red"
    assert KEY not in seen.raw


@pytest.mark.parametrize(
    ("base_url", "key", "what", "told"),
    [
        ("http://127.0.0.1:9", KEY, "server", "VOX_BASE_URL"),
        ("http://example.com", KEY, "server", "https"),
        ("http://127.0.0.1:9", "", "key", "set VOX_API_KEY"),
    ],
)
def test_an_unreachable_server_has_a_cross_and_advice(base_url: str, key: str, what: str, told: str) -> None:
    seen = doctor(base_url, key)
    assert seen.status == 2
    assert marks(seen) == [("✗", what), ("✗", "contract")]
    assert told in seen.lines[0]


class Hour(BaseHTTPRequestHandler):
    """A server whose clock is an hour behind and that answers 503."""

    def do_GET(self) -> None:
        self.send_response(503)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def date_time_string(self, timestamp: float | None = None) -> str:
        return format_datetime(datetime.now(UTC) - timedelta(hours=1, seconds=timestamp or 0), usegmt=True)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def behind() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Hour) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_wrong_clock_and_a_failing_server_are_reported(behind: str) -> None:
    seen = doctor(behind, KEY)
    assert seen.status == 2
    assert marks(seen) == [("✗", "key"), ("✗", "server"), ("✗", "clock"), ("✗", "contract")]
    assert "503" in seen.lines[1]
    assert "3,600 s ahead of the server. Set it" in seen.lines[2]


@pytest.mark.parametrize(
    ("seconds", "took", "told"),
    [
        (0, 0, "agrees"),
        (-4, 0, "agrees"),
        (4, 0, "agrees"),
        (7, 0, " 8 s behind "),
        (-7, 0, " 6 s ahead of "),
        (20, 40, "agrees"),
        (-20, 20, " 30 s ahead of "),
    ],
)
def test_the_clock_check_allows_for_the_response_time(seconds: int, took: int, told: str) -> None:
    date = format_datetime(ASKED + timedelta(seconds=seconds), usegmt=True)
    result = clock(date, ASKED, timedelta(seconds=took))
    assert told in result.told
    assert result.well == (told == "agrees")


@pytest.mark.parametrize("date", [None, "", "yesterday", "Sun, 99 Nov 2026 09:00:00 GMT"])
def test_a_server_without_a_date_is_reported(date: str | None) -> None:
    result = clock(date, ASKED, timedelta())
    assert (result.well, "Not checked" in result.told) == (False, True)


def test_invalid_settings_are_a_failed_check(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VOX_API_KEY", KEY)
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    (result,) = examine("https://client-api.example")
    assert (result.what, result.well) == ("server", False)
    assert "SSL_CERT_FILE" in result.told
