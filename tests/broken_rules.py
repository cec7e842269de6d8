"""For each rule of openapi/conformance/, an edit of this client that breaks it: module, what is there, what instead.

python tests/broken_rules.py FOLDER    for each rule, break a copy of the client in FOLDER, and run its cases there
"""

from __future__ import annotations

import importlib
import os
import shutil
import sys
import traceback
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]

BREAKS: dict[str, tuple[str, str, str]] = {
    "QUERY-1": (
        "query.py",
        "for field, value in filters.items() if value is not None",
        "for field, value in filters.items()",
    ),
    "QUERY-2": ("query.py", "values = list(dict.fromkeys(one(item) for item in value))", "values = [*map(one, value)]"),
    "QUERY-3": ("query.py", "    if not values:\n", "    if False:\n"),
    "QUERY-4": ("query.py", "        return UUID(value)\n", "        return value\n"),
    "QUERY-5": (
        "query.py",
        "if isinstance(value, bool) or not isinstance(value, int) or",
        "if not isinstance(value, int) or",
    ),
    "QUERY-6": ("query.py", "min(self.page_size, max(self.max_items, 1))", "min(self.page_size, self.max_items)"),
    "QUERY-7": ("query.py", "if not isinstance(value, str) or not value:", "if not isinstance(value, str):"),
    "QUERY-8": ("query.py", "raise InvalidQueryError.combine(errors)", "raise errors[0]"),
    "PHONE-1": ("query.py", '{"Zs", "Pd", "Cf"}', '{"Zs", "Pd"}'),
    "PHONE-2": ("query.py", '.removeprefix("+82").removeprefix("0")', '.removeprefix("+82")'),
    "PHONE-3": (
        "query.py",
        'elif digits.startswith("+"):',
        'elif digits.startswith("+") and not (digits := digits[1:]):',
    ),
    "PHONE-4": ("query.py", 'r"[0-9]{3,12}"', 'r"[0-9]{2,12}"'),
    "TIME-1": ("timestamps.py", "_SECONDS_DIGITS = (10, 11)", "_SECONDS_DIGITS = (10,)"),
    "TIME-2": ("timestamps.py", "_MILLISECONDS_DIGITS = (12, 13)", "_MILLISECONDS_DIGITS = (13,)"),
    "TIME-3": ("timestamps.py", "_MILLISECONDS_DIGITS = (12, 13)", "_MILLISECONDS_DIGITS = (12, 13, 14, 15)"),
    "TIME-4": ("timestamps.py", "Decimal(repr(float(seconds)))", "Decimal(float(seconds))"),
    "TIME-5": ("timestamps.py", "[.,]", "[.]"),
    "TIME-6": (
        "timestamps.py",
        'raise ValueError("the time has no offset, so nobody can tell which instant it is; add Z or one like +09:00")',
        'return _from_iso(text + "Z", round_up=round_up)',
    ),
    "TIME-7": (
        "timestamps.py",
        'raise ValueError("a date is not an instant; pass an aware datetime, which says at what time and where")',
        "return _from_datetime(datetime(value.year, value.month, value.day, tzinfo=UTC), round_up=round_up)",
    ),
    "TIME-8": (
        "timestamps.py",
        "        number = index(value)  #",
        "        number = index(value or 1_793_491_200)  #",
    ),
    "TIME-9": ("timestamps.py", "return -(-number // by) if round_up else number // by", "return number // by"),
    "TIME-10": ("timestamps.py", "if not 0 <= milliseconds <= LATEST:", "if not 0 <= milliseconds:"),
    "TIME-11": (
        "timestamps.py",
        'whole = isoparse((found["whole"] + found["offset"]).upper())',
        'whole = datetime.fromisoformat((found["whole"] + found["offset"]).upper().replace("T24", "T23"))',
    ),
    "TIME-12": ("timestamps.py", "since = value - EPOCH\n", "since = value.replace(fold=0) - EPOCH\n"),
    "TIME-13": ("query.py", "if milliseconds in READ_AS_SECONDS:", "if milliseconds in READ_AS_SECONDS[1:]:"),
    "TIME-14": (
        "timestamps.py",
        "return EPOCH + ms * MILLISECOND",
        "return datetime.fromtimestamp(ms / 1_000, UTC)",
    ),
    "ENUM-1": ("query.py", "if plain in known:", "if (plain := plain.strip()) in known:"),
    "ENUM-2": ("query.py", "plain.strip().lower(), known, n=1", "plain, known, n=1"),
    "ENUM-3": (
        "decoding.py",
        "for where, kind, value in self._shape.unknown_enum_values(raw):",
        "for where, kind, value in [*self._shape.unknown_enum_values(raw)][:1]:",
    ),
    "ENUM-4": ("decoding.py", "self._seen.add((kind.__name__, value))", "pass"),
    "ENUM-5": ("decoding.py", "if self._strict:", "if False:"),
    "DEC-1": ("decoding.py", 'f"{path}.{where}" if path and where', 'f"{path}{where}" if path and where'),
    "DEC-2": ("shapes.py", "    if types.NoneType in kinds:\n        return None\n", ""),
    "DEC-3": ("shapes.py", "            return {}\n", "            return attrs.NOTHING\n"),
    "DEC-4": ("decoding.py", "where, reason = f\"{where}.{missing['name']}\", ", "reason = "),
    "DEC-5": (
        "shapes.py",
        "value = raw.get(field.wire_name, field.absent)",
        "value = raw.get(field.wire_name) or field.absent",
    ),
    "DEC-6": (
        "shapes.py",
        "if self.keeps_unknown and (len(raw) != len(self.fields) or",
        "if self.keeps_unknown and (len(raw) > len(self.fields) and",
    ),
    "DEC-7": (
        "decoding.py",
        "return _maker(kind)(value)",
        "return _maker(kind)(dict(sorted(value.items())[1:]))",
    ),
    "DEC-8": (
        "shapes.py",
        "{name: _without_unset(resolved[name]) for name in own}",
        "{n: str if 'UUID' in repr(resolved[n]) else _without_unset(resolved[n]) for n in own}",
    ),
    "DEC-9": ("shapes.py", "if field.is_integer and isinstance(value, float) and value.is_integer():", "if False:"),
    "DEC-10": (
        "models.py",
        "item = super().to_dict() if self._json is None else dict(self._json)",
        "item = super().to_dict()",
    ),
    "DEC-11": ("decoding.py", 'body.decode("utf-8", "replace")', 'body.decode("utf-8")'),
    "DEC-12": (
        "models.py",
        "return Decimal(total)",
        "return Decimal(float(total))",
    ),
    "DEC-13": (
        "reading.py",
        'raise InvalidResponseError("items", "the field is missing")',
        'body = {**body, "items": []}',
    ),
    "PAGE-1": (
        "query.py",
        'parameters = {**self.filters, "limit": limit}',
        'parameters = {**({} if cursor else self.filters), "limit": limit}',
    ),
    "PAGE-2": ("query.py", 'parameters["cursor"] = cursor', 'parameters["cursor"] = cursor.strip()'),
    "PAGE-3": (
        "paging.py",
        "self.finished = page.next_cursor is None",
        "self.finished = page.next_cursor is None and page.total_count < 1_000",
    ),
    "PAGE-4": (
        "reading.py",
        "        del fetched  # a page goes",
        "        if not fetched.items:\n            return\n        del fetched  # a page goes",
    ),
    "PAGE-5": ("reading.py", 'if following == "":', 'if following == "never":'),
    "PAGE-6": (
        "reading.py",
        "following is not None and following in seen:",
        "following is not None and following in [*seen][-1:]:",
    ),
    "PAGE-7": (
        "reading.py",
        "        put(error, place(cursor), received)\n",
        "        put(error, place(page.next_cursor if received else cursor), received)\n",
    ),
    "PAGE-8": (
        "reading.py",
        "        cursor = fetched.page.next_cursor\n",
        "        cursor = fetched.page.next_cursor if fetched.page.total_count else None\n",
    ),
    "PAGE-9": (
        "reading.py",
        "        left -= sum(isinstance(item, Call) for item in fetched.items)\n",
        "        left -= sum(isinstance(item, Call) for item in fetched.items[1:])\n",
    ),
    "PAGE-10": (
        "paging.py",
        "for run in _runs(fetched.items):",
        "for run in _runs(sorted(fetched.items, key=lambda item: type(item) is Call)):",
    ),
    "PAGE-11": ("paging.py", "        self.on_invalid(error)\n", "        raise error\n"),
    "PAGE-12": ("paging.py", "if run[-1] is fetched.items[-1]:", "if run[0] is fetched.items[0]:"),
    "PAGE-13": (
        "paging.py",
        "                if len(page.items) > self._left:\n",
        "                if len(page.items) < 0:\n",
    ),
    "PAGE-14": ("reading.py", "    error.cursor = cursor\n", ""),
    "PAGE-15": (
        "calls.py",
        "        self._listing = self._begin()\n",
        """\
        last, self._listing = self._listing, self._begin()
        self._listing.query = __import__("attrs").evolve(last.query, cursor=last.cursor)
""",
    ),
    "PAGE-16": ("reading.py", "if following is not None and _DAMAGED.search(following):", "if False:"),
    "RETRY-1": ("retrying.py", "status_code >= _FIRST_SERVER_ERROR", "_FIRST_SERVER_ERROR <= status_code < 505"),
    "RETRY-2": ("retrying.py", "_RETRIED = frozenset({408, 429})", "_RETRIED = frozenset({408, 429, 409})"),
    "RETRY-3": (
        "exchange.py",
        "may_pass=not isinstance(answer, _HOPELESS)",
        "may_pass=isinstance(answer, httpx.ConnectError)",
    ),
    "RETRY-4": ("exchange.py", "return _Failure(not_json, may_pass=True)", "return _Failure(not_json, may_pass=False)"),
    "RETRY-5": ("retrying.py", "if attempt > self.retries or", "if attempt >= self.retries or"),
    "RETRY-6": ("retrying.py", "self.base * 2.0 **", "self.base * 3.0 **"),
    "RETRY-7": ("retrying.py", "max(retry_after or 0.0, ceiling * jitter())", "ceiling * jitter()"),
    "RETRY-8": ("retrying.py", "max(0.0, *waits)", "waits[0]"),
    "RETRY-9": ("retrying.py", "retry_after <= self.patience", "retry_after <= 10 * self.patience"),
    "RETRY-10": (
        "exchange.py",
        "            answer = yield Send(request)\n",
        "            answer = yield Send(request)\n            request['params'].pop('limit', None)\n",
    ),
    "PACE-1": ("pacing.py", "_SECOND = 1.0", "_SECOND = 0.9"),
    "PACE-2": ("pacing.py", "_MINUTE = 60.0", "_MINUTE = 30.0"),
    "PACE-3": ("pacing.py", "free = most - running", "free = most - running - 1"),
    "PACE-4": ("pacing.py", "self._answered.append(now)", "self._answered.append(now - 0.1)"),
    "PACE-5": (
        "exchange.py",
        "            world.pacer.release(world.clock())\n",
        "            world.pacer.release(world.clock() if attempt == 1 else -100.0)\n",
    ),
    "PACE-6": ("pacing.py", "self._held_until = max(self._held_until, now + seconds)", "self._held_until = 0.0"),
    "PACE-7": ("pacing.py", "limit.windows if limit is not None else ()", "limit.windows if limit else [(1.0, 5)]"),
    "ERR-1": ("errors.py", "    403: PermissionDeniedError,\n", ""),
    "ERR-2": ("exchange.py", "body.error.details or {}", "{}"),
    "ERR-3": ("exchange.py", '" ".join(redact(text).split())', "redact(text)"),
    "ERR-4": ("exchange.py", '"x-request-id"', '"x-trace-id"'),
    "ERR-5": ("exchange.py", "{change(key): _each_text(item, change)", "{key: _each_text(item, change)"),
    "ERR-6": (
        "client.py",
        "            return self._http.send(request, auth=self._auth, follow_redirects=False)",
        "            return self._http.send(request, auth=self._auth, follow_redirects=True)",
    ),
}


def break_copy(rule: str, folder: Path) -> Path:
    """A copy of the client that breaks the rule."""
    return edited_copy(folder / rule, *BREAKS[rule])


def edited_copy(overlay: Path, name: str, old: str, new: str) -> Path:
    """A copy of the client in which one of its modules is changed."""
    shutil.copytree(ROOT / "overlay", overlay, ignore=shutil.ignore_patterns("__pycache__"))
    module = overlay / "vox_calls" / name
    source = module.read_text(encoding="utf-8")
    if source.count(old) != 1:
        raise ValueError(f"{overlay.name}: {name} does not have this once: {old}")
    module.write_text(source.replace(old, new), encoding="utf-8")
    return overlay


def run_cases(rule: str, folder: Path) -> None:
    """Run the cases of a rule against the copy that breaks it; what they say is in a file beside that."""
    sys.dont_write_bytecode = True
    with (folder / f"{rule}.txt").open("w", encoding="utf-8") as told:
        sys.stdout = told
        sys.stderr = told
        try:
            sys.path[:0] = [str(break_copy(rule, folder)), str(ROOT / "generated"), str(ROOT / "tests")]
            import conformance  # noqa: PLC0415 - imports the client, and it has to be the broken one

            conformance.main([rule])
        except Exception:  # noqa: BLE001 - whoever reads the file sees it
            traceback.print_exc()


def main(folder: Path) -> None:
    """Each rule in a process of its own, forked when all but the client is imported, so that each begins at once."""
    for name in (
        "asyncio",
        "zoneinfo",
        "anyio",
        "dateutil.parser",
        "httpx",
        "msgspec",
        "yaml",
        "starlette.applications",
        "uvicorn",
    ):
        importlib.import_module(name)

    running = 0
    for rule in BREAKS:
        if running == (os.cpu_count() or 1):
            os.wait()
            running -= 1
        if os.fork() == 0:
            run_cases(rule, folder)
            os._exit(0)
        running += 1
    for _ in range(running):
        os.wait()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
