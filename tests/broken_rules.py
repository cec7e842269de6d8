"""For each rule of openapi/conformance/, an edit of this client that breaks it.

python tests/broken_rules.py FOLDER    for each rule, break a copy of the client in FOLDER and run its cases
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
        "NORMALISERS[field]) for field, value in filters.items() if value is not None",
        "NORMALISERS[field]) for field, value in filters.items()",
    ),
    "QUERY-2": ("query.py", "values = list(dict.fromkeys(one(item) for item in value))", "values = [*map(one, value)]"),
    "QUERY-3": ("query.py", "    if not values:\n", "    if False:\n"),
    "QUERY-4": ("query.py", "        return UUID(value)\n", "        return value\n"),
    "QUERY-5": ("query.py", "least - 1 if isinstance(value, bool) else index(value)", "index(value)"),
    "QUERY-6": ("query.py", "min(self.page_size, max(self.max_items, 1))", "min(self.page_size, self.max_items)"),
    "QUERY-7": ("query.py", "if not isinstance(value, str) or not value:", "if not isinstance(value, str):"),
    "QUERY-8": ("query.py", "raise InvalidQueryError.combine(errors)", "raise errors[0]"),
    "QUERY-9": (
        "query.py",
        "and filters[most] < filters[least]:",
        "and filters[most] + 1 < filters[least]:",
    ),
    "QUERY-10": ("query.py", "agents is not None and len(agents) != 1", "agents is not None and not agents"),
    "QUERY-11": ("query.py", '"campaign_id": _campaign,', '"campaign_id": lambda value: str(int(_campaign(value))),'),
    "QUERY-12": (
        "query.py",
        "_integer(value, least=0, most=_LARGEST)\n\n\ndef _pairs",
        "_integer(value, least=0)\n\n\ndef _pairs",
    ),
    "QUERY-13": ("query.py", 'value.partition(":")', 'value.rpartition(":")'),
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
        'raise ValueError("the time has no offset, so its instant is ambiguous; add Z or one like +09:00")',
        'return _from_iso(text + "Z", round_up=round_up)',
    ),
    "TIME-7": (
        "timestamps.py",
        'raise ValueError("a date is not an instant; pass an aware datetime")',
        "return _from_datetime(datetime(value.year, value.month, value.day, tzinfo=UTC), round_up=round_up)",
    ),
    "TIME-8": (
        "timestamps.py",
        "        number = index(value)  #",
        "        number = index(value or 1_793_491_200)  #",
    ),
    "TIME-9": ("timestamps.py", "return -(-number // by) if round_up else number // by", "return number // by"),
    "TIME-10": ("timestamps.py", "if not 0 <= milliseconds <= LATEST_MS:", "if not 0 <= milliseconds:"),
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
    "ENUM-1": ("enums.py", "if plain in known:", "if (plain := plain.strip()) in known:"),
    "ENUM-2": ("enums.py", "plain.strip().lower(), known, n=1", "plain, known, n=1"),
    "ENUM-3": (
        "_decoding.py",
        "for field, enum in self._enums:\n            for where",
        "for field, enum in self._enums[:1]:\n            for where",
    ),
    "ENUM-4": ("enums.py", "self._seen.add((kind.__name__, value))", "pass"),
    "ENUM-5": ("enums.py", "if self._strict:", "if False:"),
    "DEC-1": ("_decoding.py", 'f"{path}.{where}" if path and where', 'f"{path}{where}" if path and where'),
    "DEC-2": ("_fields.py", "    if types.NoneType in kinds:\n        return None\n", ""),
    "DEC-3": ("_fields.py", "if issubclass(base, list | dict):", "if issubclass(base, list):"),
    "DEC-4": ("_decoding.py", "where, reason = f\"{where}.{missing['name']}\", ", "reason = "),
    "DEC-5": (
        "_decoding.py",
        "value = raw.get(field.wire_name, field.absent)",
        "value = raw.get(field.wire_name) or field.absent",
    ),
    "DEC-6": (
        "_decoding.py",
        "if self._keeps_unknown and not self._wire_names.issuperset(raw):",
        "if self._keeps_unknown and len(raw) > len(self._fields):",
    ),
    "DEC-7": (
        "_decoding.py",
        "path, unknown)\n        except",
        "path, unknown)\n            getattr(decoded, 'metadata', {}).pop('id', 0)\n        except",
    ),
    "DEC-8": (
        "_fields.py",
        "cls.__annotations__ = typing.get_type_hints(cls, localns=names)",
        "cls.__annotations__ = typing.get_type_hints(cls, localns={**names, 'UUID': str})",
    ),
    "DEC-9": ("_decoding.py", "if field.is_integer and isinstance(value, float) and value.is_integer():", "if False:"),
    "DEC-10": (
        "models.py",
        "item = super().to_dict() if self._json is None else dict(self._json)",
        "item = super().to_dict()",
    ),
    "DEC-11": ("_decoding.py", 'body.decode("utf-8", "replace")', 'body.decode("utf-8")'),
    "DEC-12": (
        "models.py",
        "return Decimal(total)",
        "return Decimal(float(total))",
    ),
    "DEC-13": (
        "models.py",
        'raise InvalidResponseError("items", f"the field is missing{_error_in(body, unknown.redact)}")',
        'body = {**body, "items": []}',
    ),
    "DEC-14": ("models.py", '.removesuffix(".0")', ""),
    "PAGE-1": (
        "query.py",
        "parameters = {**self.filters,",
        "parameters = {**({} if cursor else self.filters),",
    ),
    "PAGE-2": ("query.py", 'parameters["cursor"] = cursor', 'parameters["cursor"] = cursor.strip()'),
    "PAGE-3": (
        "pagination.py",
        "self.finished = page.next_cursor is None",
        "self.finished = page.next_cursor is None and page.total_count < 1_000",
    ),
    "PAGE-4": (
        "pagination.py",
        "            del fetched  # the page is freed",
        "            if not fetched.items:\n                return\n            del fetched  # the page is freed",
    ),
    "PAGE-5": ("pagination.py", 'if cursor == "":', 'if cursor == "never":'),
    "PAGE-6": (
        "pagination.py",
        "cursor is not None and cursor in seen:",
        "cursor is not None and cursor in [*seen][-1:]:",
    ),
    "PAGE-7": (
        "pagination.py",
        "            _attach(error, cursor, received)\n",
        "            _attach(error, page.next_cursor if received else cursor, received)\n",
    ),
    "PAGE-8": (
        "pagination.py",
        "            cursor = fetched.page.next_cursor\n",
        "            cursor = fetched.page.next_cursor if fetched.page.total_count else None\n",
    ),
    "PAGE-9": (
        "pagination.py",
        "            left -= sum(isinstance(item, Call) for item in fetched.items)\n",
        "            left -= sum(isinstance(item, Call) for item in fetched.items[1:])\n",
    ),
    "PAGE-10": (
        "pagination.py",
        "        items = fetched.items\n",
        "        items = sorted(fetched.items, key=lambda item: type(item) is Call)\n",
    ),
    "PAGE-11": ("pagination.py", "        self.on_invalid(error)\n", "        raise error\n"),
    "PAGE-12": ("pagination.py", "if item is items[-1]:", "if item is items[0]:"),
    "PAGE-13": (
        "pagination.py",
        "        if len(page.items) > self._left:\n",
        "        if len(page.items) < 0:\n",
    ),
    "PAGE-14": ("pagination.py", "    error.cursor = cursor\n    if source", "    if source"),
    "PAGE-15": (
        "pagination.py",
        "Iteration(self.query, self.runtime,",
        "Iteration(attrs.evolve(self.query, cursor=self.cursor), self.runtime,",
    ),
    "PAGE-16": ("pagination.py", "if cursor is not None and _DAMAGED.search(cursor):", "if False:"),
    "RETRY-1": ("_retry.py", "status_code >= _FIRST_SERVER_ERROR", "_FIRST_SERVER_ERROR <= status_code < 505"),
    "RETRY-2": ("_retry.py", "_RETRIED = frozenset({408, 429})", "_RETRIED = frozenset({408, 429, 409})"),
    "RETRY-3": (
        "_exchange.py",
        "return text, not isinstance(error, _NOT_RETRYABLE)",
        "return text, isinstance(error, httpx.ConnectError)",
    ),
    "RETRY-4": (
        "_exchange.py",
        "failure = _Failure(invalid, may_retry=True)",
        "failure = _Failure(invalid, may_retry=False)",
    ),
    "RETRY-5": ("_retry.py", "if attempt > self.retries or", "if attempt >= self.retries or"),
    "RETRY-6": ("_retry.py", "self.base * 2.0 **", "self.base * 3.0 **"),
    "RETRY-7": ("_retry.py", "max(retry_after or 0.0, ceiling * jitter())", "ceiling * jitter()"),
    "RETRY-8": ("_retry.py", "max(0.0, *waits)", "waits[0]"),
    "RETRY-9": ("_retry.py", "retry_after <= self.patience", "retry_after <= 10 * self.patience"),
    "RETRY-10": (
        "_exchange.py",
        "            answer = yield Send(request)\n",
        "            answer = yield Send(request)\n            request['params'].pop('limit', None)\n",
    ),
    "PACE-1": ("rate_limit.py", "_SECOND = 1.0", "_SECOND = 0.9"),
    "PACE-2": ("rate_limit.py", "_MINUTE = 60.0", "_MINUTE = 30.0"),
    "PACE-3": ("rate_limit.py", "free = most - in_flight", "free = most - in_flight - 1"),
    "PACE-4": ("rate_limit.py", "self._answered.append(now)", "self._answered.append(now - 0.1)"),
    "PACE-5": (
        "_exchange.py",
        "            runtime.limiter.release(runtime.clock())\n",
        "            runtime.limiter.release(runtime.clock() if attempt == 1 else -100.0)\n",
    ),
    "PACE-6": ("rate_limit.py", "self._held_until = max(self._held_until, now + seconds)", "self._held_until = 0.0"),
    "PACE-7": ("rate_limit.py", "_SlidingWindows(()) if", "_SlidingWindows(((1.0, 5),)) if"),
    "ERR-1": ("errors.py", "    403: PermissionDeniedError,\n", ""),
    "ERR-2": ("_exchange.py", "decoded.details or {}", "{}"),
    "ERR-3": ("_exchange.py", 'return " ".join(words)', "return redact(text)"),
    "ERR-4": ("_exchange.py", '"x-request-id"', '"x-trace-id"'),
    "ERR-5": ("_exchange.py", "{redact(key): _redact_all(item, redact)", "{key: _redact_all(item, redact)"),
    "ERR-6": (
        "_connection.py",
        '"follow_redirects": False',
        '"follow_redirects": True',
    ),
}


def break_copy(rule: str, folder: Path) -> Path:
    """Copy the client and break the rule."""
    return edited_copy(folder / rule, *BREAKS[rule])


def edited_copy(overlay: Path, name: str, old: str, new: str) -> Path:
    """Copy the client with one module changed."""
    shutil.copytree(ROOT / "overlay", overlay, ignore=shutil.ignore_patterns("__pycache__"))
    module = overlay / "vox_calls" / name
    source = module.read_text(encoding="utf-8")
    if source.count(old) != 1:
        raise ValueError(f"{overlay.name}: {name} does not have this once: {old}")
    module.write_text(source.replace(old, new), encoding="utf-8")
    return overlay


def run_cases(rule: str, folder: Path) -> None:
    """Run the cases of a rule against the copy that breaks it; write their output beside the copy."""
    sys.dont_write_bytecode = True
    with (folder / f"{rule}.txt").open("w", encoding="utf-8") as told:
        sys.stdout = told
        sys.stderr = told
        try:
            sys.path[:0] = [str(break_copy(rule, folder)), str(ROOT / "generated"), str(ROOT / "tests")]
            import conformance  # noqa: PLC0415 - imports the client, and it has to be the broken one

            conformance.main([rule])
        except Exception:  # noqa: BLE001 - the file shows it
            traceback.print_exc()


def main(folder: Path) -> None:
    """Run each rule in a forked process, after all imports but the client's."""
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
