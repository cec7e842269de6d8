"""First use of the package by eight threads at once, in a new process.

python tests/first_use.py FIRST LAST    one new process for each number, alternating the ways of use
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CALL = {
    "id": "f3b4f3c0-58be-4f6a-b8e5-6f5d1f0c7a11",
    "agent": {"agent_id": "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", "agent_version": "production"},
    "call_type": "inbound",
    "status": "ended",
    "metadata": {"order": 1},
    "call_analysis": {"summary": "s", "user_sentiment": "positive", "custom_analysis_data": [{"a": 1}]},
    "call_cost": {"total_cost": "150.00"},
}
PAGE = json.dumps({"items": [CALL], "total_count": 1, "next_cursor": None}).encode()
ENVELOPE = b'{"error": {"code": "INTERNAL_ERROR", "message": "m", "details": {}}}'

COMMON = """
import asyncio, sys, threading
import vox_calls
base_url, item = sys.argv[1], __import__("json").loads(sys.argv[2])
sys.setswitchinterval(1e-6)
barrier, wrong = threading.Barrier(8), []
def run():
    try:
        barrier.wait()
        use()
    except BaseException as error:
        wrong.append(repr(error))
def options(path=""):
    return dict(api_key="k", base_url=base_url + path, rate_limit=None, retries=0)
"""
END = """
threads = [threading.Thread(target=run) for _ in range(8)]
for thread in threads: thread.start()
for thread in threads: thread.join()
sys.exit("; ".join(wrong) or None)
"""
WAYS = {
    "client": """
client = vox_calls.Client(**options())
def use():
    assert [call.call_cost.total_cost for call in client.list_calls()] == ["150.00"]
""",
    "async_client": """
async def main():
    async with vox_calls.AsyncClient(**options()) as client:
        assert [call.status async for call in client.list_calls()] == ["ended"]
def use():
    asyncio.run(main())
""",
    "from_dict": """
def use():
    assert vox_calls.Call.from_dict(item).metadata == {"order": 1}
""",
    "envelope": """
client = vox_calls.Client(**options("/fail"))
def use():
    try:
        list(client.list_calls())
    except vox_calls.ServerError as error:
        assert error.code == "INTERNAL_ERROR"
    else:
        raise AssertionError("no error")
""",
}


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = ENVELOPE if self.path.startswith("/fail") else PAGE
        self.send_response(503 if body is ENVELOPE else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name that http.server gives it
        pass


@contextmanager
def serving() -> Iterator[str]:
    """Serve one page, and a 503 below `/fail`; yields the base URL."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def run(number: int, base_url: str) -> str:
    """Use the package for the first time in a new process; returns the error, if any."""
    way = [*WAYS][number % len(WAYS)]
    done = subprocess.run(
        [sys.executable, "-c", COMMON + WAYS[way] + END, base_url, json.dumps(CALL)],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={name: value for name, value in os.environ.items() if not name.startswith("COV_")},
    )
    return f"{way}: {done.returncode} {done.stderr.strip()[-300:]}" if done.returncode else ""


def main() -> int:
    """Run the processes; returns 1 if one fails."""
    first, last = map(int, sys.argv[1:])
    with serving() as base_url, ThreadPoolExecutor(os.cpu_count()) as pool:
        wrong = Counter(pool.map(lambda number: run(number, base_url), range(first, last + 1)))
    for reason, times in wrong.items():
        print(times, "processes:", reason or "all is well")
    return 0 if set(wrong) == {""} else 1


if __name__ == "__main__":
    sys.exit(main())
