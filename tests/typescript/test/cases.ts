// The cases of openapi/conformance/, as its README.md describes them.

import { readFileSync, readdirSync } from "node:fs";
import { fileURLToPath } from "node:url";

export type Json = null | boolean | number | string | Json[] | { [name: string]: Json };
export type JsonObject = { [name: string]: Json };

export interface Case {
  readonly id: string;
  readonly rules: readonly string[];
  readonly requires?: readonly string[];
}

export interface ValueCase extends Case {
  readonly operation: string;
  readonly input: JsonObject;
  readonly expect: JsonObject;
}

export interface ExchangeCase extends Case {
  readonly client?: {
    readonly retries?: number;
    readonly rate_limit?: { readonly per_second: number; readonly per_minute: number } | null;
    readonly strict?: boolean;
  };
  readonly list?: {
    readonly arguments?: JsonObject;
    readonly by?: "call" | "page";
    readonly skip_invalid?: boolean;
    readonly take?: number;
    readonly times?: number;
  };
  readonly expect: JsonObject & { readonly error?: JsonObject };
}

/**
 * What JavaScript lacks: a type for numbers with a fraction, JSON whose integers are exact beyond 2^53, and durations.
 * It has the zones of the IANA database, and strings that may hold half a surrogate pair.
 */
const missing = new Set(["float", "integers", "durations"]);

/** The repository: five folders up from where this is compiled to, unless that was copied elsewhere. */
const root = process.env.VOX_CALLS_ROOT ?? fileURLToPath(new URL("../../../../../", import.meta.url));

export const folder = `${root}/openapi/conformance/`;

const all = readdirSync(folder)
  .filter((name) => name.endsWith(".json") && name !== "cases.schema.json")
  .flatMap((name) => JSON.parse(readFileSync(folder + name, "utf8")).cases as Case[])
  .filter((one): one is ValueCase => "operation" in one);

export const valueCases = all.filter(canRun);
export const leftOut = all.filter((one) => !canRun(one));

export function canRun({ requires = [] }: Case): boolean {
  return !requires.some((what) => missing.has(what));
}

/** A value of the language for one that JSON cannot tell apart. */
export function held(value: Json): unknown {
  if (Array.isArray(value)) return value.map(held);
  if (typeof value !== "object" || value === null) return value;
  if (typeof value.integer === "string") return integer(value.integer);
  if (typeof value.float === "string") return Number(value.float.replace("nan", "NaN").replace("inf", "Infinity"));
  if (typeof value.text === "string") return value.text;
  if (typeof value.object === "object" && value.object !== null) return heldArguments(value.object as JsonObject);
  if (typeof value.surrogate === "string") return String.fromCharCode(parseInt(value.surrogate, 16));
  return value;
}

function integer(digits: string): number | bigint {
  return Number.isSafeInteger(Number(digits)) ? Number(digits) : BigInt(digits);
}

export function heldArguments(given: JsonObject = {}): { [name: string]: unknown } {
  return Object.fromEntries(Object.entries(given).map(([name, value]) => [name, held(value)]));
}
