// Every exchange, met over HTTP at `vox-calls sandbox --exchanges`, as openapi/conformance/README.md says.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { inspect } from "node:util";

import { Client, type World } from "../src/client.js";
import { CallsError } from "../src/errors.js";
import type { Arguments } from "../src/query.js";
import { type ExchangeCase, type Json, type JsonObject, canRun, heldArguments } from "./cases.js";

interface Exchange {
  readonly base_url: string;
  readonly case: ExchangeCase & { readonly server: readonly { readonly fault?: string }[] };
}

interface Verdict {
  readonly passed: boolean;
  readonly failures: readonly string[];
  readonly requests: Json;
}

const { VOX_BASE_URL: sandbox, VOX_API_KEY: apiKey = "" } = process.env;
const begin = Date.parse("2026-11-01T00:00:00Z");
const chances = [0, 0.5, 0.999999999];

/** A clock that nothing but waits and the server moves, and chance that always gives the same number. */
function worldOf(chance: number): World {
  let seconds = 0;
  return {
    clock: () => seconds,
    now: () => begin + seconds * 1000,
    random: () => chance,
    sleep: (wait) => {
      seconds += wait;
      return Promise.resolve();
    },
    fetch: async (url, init) => {
      const headers = new Headers(init?.headers);
      headers.set("Vox-Clock", String(seconds));
      const response = await fetch(url, { ...init, headers });
      seconds += Number(response.headers.get("Vox-Takes") ?? 0);
      return response;
    },
  };
}

/** What comes of the listing that a case asks for, in the form of what it expects. */
async function run({ base_url: baseUrl, case: wanted }: Exchange, chance: number): Promise<JsonObject> {
  const { arguments: given, by = "call", skip_invalid = false, take = Infinity, times = 1 } = wanted.list ?? {};
  const items: string[] = [];
  const pages: string[][] = [];
  const skipped: string[] = [];
  const reported: string[] = [];
  const limit = wanted.client?.rate_limit ?? null;
  const client = new Client({
    apiKey,
    baseUrl,
    retries: wanted.client?.retries ?? 4,
    rateLimit: limit && { perSecond: limit.per_second, perMinute: limit.per_minute },
    strict: wanted.client?.strict ?? false,
    timeout: wanted.server.some(({ fault }) => fault === "timeout") ? 0.5 : 30,
    onUnknownValue: ({ value }) => reported.push(value),
    world: worldOf(chance),
  });
  const onInvalid = (error: CallsError) => skipped.push(error.path ?? "");
  const list = client.listCalls(heldArguments(given) as Arguments, skip_invalid ? { onInvalid } : {});

  async function iterate(): Promise<void> {
    let taken = 0;
    if (by === "page") {
      for await (const page of list.pages()) {
        pages.push(page.items.map(({ fields }) => fields.id));
        taken += 1;
        if (taken === take) return;
      }
    } else {
      for await (const { fields } of list) {
        items.push(fields.id);
        taken += 1;
        if (taken === take) return;
      }
    }
  }

  let error: JsonObject | undefined;
  try {
    for (let time = 0; time < times; time += 1) await iterate();
  } catch (thrown) {
    assert(thrown instanceof CallsError, inspect(thrown));
    error = told(thrown, wanted.expect.error);
  }
  const { cursor, finished } = list;
  const all: JsonObject = { items, pages, skipped, reported, cursor, finished };
  const expected = Object.entries(all).filter(([name]) => name in wanted.expect);
  return { ...Object.fromEntries(expected), ...(error === undefined ? {} : { error }) };
}

function told(error: CallsError, expected: JsonObject = {}): JsonObject {
  const all = {
    name: error.kind,
    path: error.path,
    status: error.status,
    code: error.code,
    message: error.said,
    details: error.details,
    request_id: error.requestId,
    retry_after: error.retryAfter,
    attempts: error.attempts,
    cursor: error.cursor,
  } as JsonObject;
  const asked = Object.entries(all).filter(([name]) => name === "name" || name in expected);
  return { ...Object.fromEntries(asked), text: `${String(error)}\n${inspect(error, { depth: null, showHidden: true })}` };
}

async function judge(exchange: Exchange, outcome: JsonObject, chance: number): Promise<Verdict> {
  const body = JSON.stringify({ ...outcome, chance });
  const headers = { "Content-Type": "application/json", Authorization: `Bearer ${apiKey}` };
  const response = await fetch(`${exchange.base_url}/verdict`, { method: "POST", headers, body });
  assert.equal(response.status, 200, `no verdict: ${response.status}`);
  return (await response.json()) as Verdict;
}

async function exchangesOf(url: string): Promise<readonly Exchange[]> {
  const response = await fetch(`${url}/exchanges`);
  const { exchanges } = (await response.json()) as { exchanges: Exchange[] };
  return exchanges.filter((one) => canRun(one.case));
}

if (sandbox === undefined) {
  test("exchanges", { skip: "VOX_BASE_URL names no sandbox" }, () => undefined);
} else {
  const exchanges = await exchangesOf(sandbox);
  console.log(`${exchanges.length} exchanges run, each with a chance of ${chances.join(", ")}`);
  describe("exchanges", { concurrency: 8 }, () => {
    for (const exchange of exchanges) {
      test(exchange.case.id, async () => {
        for (const chance of chances) {
          const outcome = await run(exchange, chance);
          const { passed, failures, requests } = await judge(exchange, outcome, chance);
          assert(passed, `with chance ${chance}: ${failures.join("; ")}\n${inspect({ outcome, requests }, { depth: 9 })}`);
        }
      });
    }
  });
}
