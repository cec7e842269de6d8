import assert from "node:assert/strict";
import { after, test } from "node:test";

import { isKnown } from "../src/contract.js";
import { Call } from "../src/decoding.js";
import { CallsError, InvalidQueryError, Refused } from "../src/errors.js";
import { fromUnixMs, toUnixMs } from "../src/instants.js";
import { Pacer } from "../src/pacing.js";
import { Walk } from "../src/paging.js";
import { readArguments } from "../src/query.js";
import { readRetryAfter } from "../src/retrying.js";
import { type Json, type JsonObject, type ValueCase, held, heldArguments, leftOut, valueCases } from "./cases.js";

type Operation = (input: JsonObject, expect: JsonObject) => unknown;

const same = <T>(value: T): T => value;

function query({ arguments: given }: JsonObject, expect: JsonObject): unknown {
  try {
    const listing = readArguments(heldArguments(given as JsonObject), same);
    const reading = { strict: false, hide: same, onUnknownValue: () => undefined, onInvalid: undefined };
    const { search } = new Walk(listing, reading);
    return { query: Object.fromEntries([...search.keys()].map((name) => [name, search.getAll(name)])) };
  } catch (error) {
    assert(error instanceof InvalidQueryError, String(error));
    const expected = (expect.refused ?? []) as JsonObject[];
    return {
      refused: error.problems.map(({ argument, nearest }, index) =>
        expected[index]?.nearest === undefined ? { argument } : { argument, nearest },
      ),
    };
  }
}

function refusing(read: () => unknown): unknown {
  try {
    return read();
  } catch (error) {
    assert(error instanceof Refused, String(error));
    return { refused: true };
  }
}

function decode({ item, text, strict = false, ask = [] }: JsonObject, expect: JsonObject): unknown {
  const body = text === undefined ? JSON.stringify(item) : new TextDecoder().decode(Buffer.from(String(text), "base64"));
  try {
    const call = new Call(JSON.parse(body), { strict: strict === true });
    if (text === undefined) assert.equal(JSON.stringify(call.json), body);
    for (const { enum: name, value } of call.unknownValues) assert(!isKnown(name as "CallStatus", value));
    const derived: { [name: string]: () => unknown } = {
      started_at: () => call.startedAt?.toISOString() ?? null,
      ended_at: () => call.endedAt?.toISOString() ?? null,
      duration: () => call.duration,
      cost: () => call.cost,
    };
    return {
      fields: only(call.fields, expect.fields),
      unknown_fields: only(Object.fromEntries(call.unknownFields), expect.unknown_fields),
      unknown_values: call.unknownValues.map(({ path }) => path),
      derived: Object.fromEntries((ask as string[]).map((name) => [name, derived[name]?.()])),
    };
  } catch (error) {
    assert(error instanceof CallsError, String(error));
    return { error: { name: error.kind, path: error.path } };
  }
}

/** Those of the values that a case names: a call has more. */
function only(values: object, expected: Json | undefined): object {
  const names = Object.keys(expected ?? {});
  return Object.fromEntries(Object.entries(values).filter(([name]) => names.includes(name)));
}

interface Request {
  readonly ready: number;
  readonly takes?: number;
  readonly refuses?: number;
}

function pace({ rate_limit, requests }: JsonObject): unknown {
  const limit = rate_limit as { per_second: number; per_minute: number } | null;
  const pacer = new Pacer(limit && { perSecond: limit.per_second, perMinute: limit.per_minute });
  const coming: { readonly at: number; readonly answer: () => void }[] = [];
  let now = 0;

  function answerUntil(time: number): boolean {
    coming.sort((a, b) => a.at - b.at);
    if (coming[0] === undefined || coming[0].at > time) return false;
    const [{ at, answer }] = coming.splice(0, 1) as [(typeof coming)[0]];
    now = Math.max(now, at);
    answer();
    return true;
  }

  const starts = (requests as unknown as Request[]).map(({ ready, takes = 0, refuses }) => {
    // What is ready at the time of an answer comes before it.
    while (coming.some(({ at }) => at < ready)) answerUntil(ready);
    now = Math.max(now, ready);
    for (let wait = pacer.wait(now); wait > 0; wait = pacer.wait(now)) {
      if (!answerUntil(now + wait)) now += wait;
    }
    const answered = pacer.send(now);
    const at = now + takes;
    const answer = () => {
      answered(at);
      if (refuses !== undefined) pacer.hold(at + refuses);
    };
    coming.push({ at, answer });
    return now;
  });
  return { starts };
}

const operations: { readonly [name: string]: Operation } = {
  query,
  to_unix_ms: ({ value, round }) => refusing(() => ({ unix_ms: toUnixMs(held(value as Json), round as "up") })),
  from_unix_ms: ({ unix_ms }) => refusing(() => ({ instant: fromUnixMs(held(unix_ms as Json)).toISOString() })),
  decode,
  retry_after: ({ header, now }) => ({ seconds: readRetryAfter(header as string | null, Date.parse(String(now))) }),
  pace,
};

function check({ operation, input, expect }: ValueCase): void {
  const operate = operations[operation];
  assert(operate !== undefined, `there is no ${operation}`);
  const got = operate(input, expect) as { [name: string]: unknown };
  const decoded = operation === "decode" && !("error" in got);
  const names = decoded ? Object.keys(expect) : Object.keys(got);
  assert.deepEqual(Object.fromEntries(names.map((name) => [name, got[name]])), expect);
}

for (const one of valueCases) test(one.id, () => check(one));

after(() => {
  console.log(`${valueCases.length} value cases run, ${leftOut.length} left out:`);
  for (const { id, requires = [] } of leftOut) console.log(`  ${id} requires ${requires.join(", ")}`);
});
