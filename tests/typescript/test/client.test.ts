// What no case can say, since it is about this language or about several iterations at once.

import assert from "node:assert/strict";
import { test } from "node:test";
import { inspect } from "node:util";

import { Client, type World } from "../src/client.js";
import { Call } from "../src/decoding.js";
import { CallsError, InvalidQueryError } from "../src/errors.js";

const item = {
  id: "a",
  agent: { agent_id: "7c0a4c61-8a31-4f57-9f0e-2f1d4be0a4d2", agent_version: "v3" },
  call_type: "inbound",
  status: "ended",
};

test("an integer that JavaScript cannot hold is refused, not rounded", () => {
  const json = JSON.parse(JSON.stringify(item).replace("}", '},"start_at":9007199254740993'));
  assert.throws(
    () => new Call(json),
    (error) => error instanceof CallsError && error.kind === "invalid-response" && error.path === "start_at",
  );
});

test("an argument that there is not is refused, with the nearest that there is", () => {
  const client = new Client({ apiKey: "vox_conformance_key" });
  assert.throws(
    () => client.listCalls({ ["state"]: "vox_conformance_key" } as object),
    (error) => {
      assert(error instanceof InvalidQueryError);
      assert.deepEqual(
        error.problems.map(({ argument, nearest }) => [argument, nearest]),
        [["state", "status"]],
      );
      return !inspect(error).includes("vox_conformance_key");
    },
  );
});

test("a client shows no key, and takes none that no header can have", () => {
  const client = new Client({ apiKey: "vox_conformance_key" });
  assert(!inspect(client, { showHidden: true, depth: null }).includes("vox_conformance_key"));
  assert.throws(
    () => new Client({ apiKey: "vox_conformance_key\n" }),
    (error) => error instanceof TypeError && !error.message.includes("vox"),
  );
});

/** A clock that moves to the next thing that somebody waits for, once nothing else is left to do. */
function timeline(): Pick<World, "clock" | "now" | "sleep"> {
  let seconds = 0;
  const waiting: { readonly at: number; readonly wake: () => void }[] = [];
  const step = () => {
    waiting.sort((a, b) => a.at - b.at);
    const next = waiting.shift();
    if (next === undefined) return;
    seconds = next.at;
    next.wake();
  };
  return {
    clock: () => seconds,
    now: () => seconds * 1000,
    sleep: (wait) =>
      new Promise((resolve) => {
        waiting.push({ at: seconds + wait, wake: resolve });
        setTimeout(step, 5);
      }),
  };
}

test("iterations at the same time share the limit, and a 429 holds all of them", async () => {
  const times: number[] = [];
  const time = timeline();
  const answers = [new Response(null, { status: 429, headers: { "Retry-After": "10" } })];
  const client = new Client({
    apiKey: "k",
    rateLimit: { perSecond: 2, perMinute: 120 },
    world: {
      ...time,
      fetch: () => {
        times.push(time.clock());
        return Promise.resolve(answers.shift() ?? Response.json({ items: [item], total_count: 1 }));
      },
    },
  });
  const lists = Array.from({ length: 5 }, async () => {
    for await (const call of client.listCalls()) assert.equal(call.fields.id, "a");
  });
  await Promise.all(lists);
  assert.deepEqual(times, [0, 0, 10, 10, 11, 11]);
});
