import { type Query, type Schema, parameters, shapeOf } from "./contract.js";
import { isUuid } from "./decoding.js";
import { type Hide, InvalidQueryError, type Problem, Refused } from "./errors.js";
import { type Instant, toUnixMs } from "./instants.js";

type Bound = "start_at_after" | "start_at_before";
type Paired = "metadata" | "dynamic_variables";
type Filter<T> = T extends readonly (infer Value)[] ? Value | Iterable<Value> : T;

/** What a key has to have: a text, a whole number, or one of several. */
export type Pairs = { readonly [key: string]: string | number | readonly (string | number)[] };

/** What a listing can be asked for. A filter that is left out, or is null, is none. */
export type Arguments = {
  readonly [Name in Exclude<keyof Query, Bound | Paired | "campaign_id" | "limit">]?: Filter<Query[Name]> | null;
} & { readonly [Name in Bound]?: Instant | null } & { readonly [Name in Paired]?: Pairs | Filter<string[]> | null } & {
  readonly campaign_id?: string | number | bigint | null;
  /** How many calls are asked for at once: 1 to 100, and 100 unless told otherwise. */
  readonly page_size?: number;
  /** How many calls are handed out at most. */
  readonly max_items?: number | null;
};

/** A listing that can be sent: the parameters of every request of it, and where it begins and ends. */
export interface Listing {
  readonly search: URLSearchParams;
  readonly cursor: string | null;
  readonly maxItems: number;
}

type Reader = (value: unknown, schema: Schema) => string;

/** How each parameter is read. A parameter that the contract gains does not compile until it is here. */
const readers: { readonly [Name in Exclude<keyof Query, "limit">]: Reader } = {
  agent_id: readUuid,
  agent_version: readMatch(/^(?:current|v[0-9]+)$/, "expected current, or v and a number"),
  status: readListed,
  call_type: readListed,
  disconnection_reason: readListed,
  call_from: readPhone,
  call_to: readPhone,
  customer_id: readUuid,
  campaign_id: (value) => (typeof value === "string" ? readDigits(value) : readInteger(value)),
  metadata: readPair,
  dynamic_variables: readPair,
  duration_ms_min: readInteger,
  duration_ms_max: readInteger,
  start_at_after: (value) => readBound(value, "up"),
  start_at_before: (value) => readBound(value, "down"),
  sort_order: readListed,
  cursor: readCursor,
};

const ranges = [
  ["start_at_after", "start_at_before"],
  ["duration_ms_min", "duration_ms_max"],
] as const;

/** Reads the arguments of a listing. Raises `InvalidQueryError` with everything that is wrong. */
export function readArguments(given: object, hide: Hide): Listing {
  const values = new Map<string, unknown>(Object.entries(given));
  const search = new URLSearchParams();
  const problems: Problem[] = [];

  function attempt<T>(argument: string, read: (value: unknown) => T): T | undefined {
    const value = values.get(argument);
    values.delete(argument);
    try {
      return read(value);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const reason = hide(`${error.reason}, and it is ${shown(value)}`);
      problems.push({ argument, reason, nearest: error.nearest });
      return undefined;
    }
  }

  let limit: number | undefined;
  for (const { name, schema } of parameters) {
    if (name === "limit") {
      limit = attempt("page_size", (value) => readSize(value, schema));
      continue;
    }
    for (const value of attempt(name, (one) => readFilter(one, readers[name], schema)) ?? []) search.append(name, value);
  }
  for (const [least, most] of ranges) {
    const [low, high] = [search.get(least), search.get(most)];
    if (low === null || high === null || BigInt(high) >= BigInt(low)) continue;
    problems.push({ argument: most, reason: `it is below ${least}, so no call can match`, nearest: undefined });
  }
  const invalidAgent = problems.some(({ argument }) => argument === "agent_id");
  if (search.has("agent_version") && search.getAll("agent_id").length !== 1 && !invalidAgent) {
    problems.push({ argument: "agent_version", reason: "it needs exactly one agent_id", nearest: undefined });
  }
  const maxItems = attempt("max_items", readMaxItems) ?? Infinity;
  for (const [argument, value] of values) {
    const names = [...Object.keys(readers), "page_size", "max_items"];
    const reason = hide(`there is no such argument, and it is ${shown(value)}`);
    problems.push({ argument: hide(argument), reason, nearest: nearestOf(argument, names) });
  }
  if (problems.length > 0) throw new InvalidQueryError(problems);

  search.set("limit", String(Math.max(1, Math.min(limit ?? 1, maxItems))));
  const cursor = search.get("cursor");
  search.delete("cursor");
  return { search, cursor, maxItems };
}

function readFilter(value: unknown, read: Reader, schema: Schema): string[] {
  if (value === undefined || value === null) return [];
  const shape = shapeOf(schema);
  if (shape.items === undefined) return [read(value, shape)];
  const { items, maxItems = Infinity } = shape;
  const values = read === readPair && isPlainObject(value) ? pairsOf(value) : sequenceOf(value);
  const sent = [...new Set(values.map((one) => read(one, shapeOf(items))))];
  if (sent.length > maxItems) throw new Refused(`pass ${maxItems} values at most`);
  return sent;
}

/** The values of a list, or a value alone. */
function sequenceOf(value: unknown): unknown[] {
  const values = isSequence(value) ? [...value] : [value];
  if (values.length === 0) throw new Refused("pass one value at least, or leave it out");
  return values;
}

function isPlainObject(value: unknown): value is { readonly [key: string]: unknown } {
  return typeof value === "object" && value !== null && !isSequence(value);
}

function pairsOf(value: { readonly [key: string]: unknown }): string[] {
  const pairs = Object.entries(value).flatMap(([key, held]) => sequenceOf(held).map((one) => pairOf(key, one)));
  if (pairs.length === 0) throw new Refused("pass one pair at least, or leave it out");
  return pairs;
}

function pairOf(key: string, value: unknown): string {
  if (key === "" || key.includes(":")) throw new Refused("expected keys that are neither empty nor have a colon");
  if (typeof value !== "string" && typeof value !== "bigint" && !Number.isSafeInteger(value)) {
    throw new Refused("expected texts or whole numbers as values");
  }
  return `${key}:${String(value)}`;
}

function isSequence(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function readListed(value: unknown, { enum: listed = [] }: Schema): string {
  if (typeof value === "string" && listed.includes(value)) return value;
  const nearest = typeof value === "string" ? nearestOf(value, listed) : undefined;
  const hint = nearest === undefined ? "" : ` (nearest is ${nearest})`;
  throw new Refused(`expected ${listed.join(", ")}${hint}`, nearest);
}

function readMatch(wanted: RegExp, hint: string): Reader {
  return (value) => {
    if (typeof value !== "string" || !wanted.test(value)) throw new Refused(hint);
    return value;
  };
}

function readDigits(value: string): string {
  if (!/^[0-9]+$/.test(value)) throw new Refused("expected digits");
  return value;
}

function readInteger(value: unknown): string {
  const whole = typeof value === "bigint" || Number.isSafeInteger(value);
  if (!whole || BigInt(value as number) < 0n || BigInt(value as number) >= 2n ** 63n) {
    throw new Refused("expected a whole number from 0 to 2^63-1");
  }
  return String(value);
}

function readPair(value: unknown): string {
  if (typeof value !== "string" || value.indexOf(":") < 1 || /\p{Surrogate}/u.test(value)) {
    throw new Refused("expected texts such as source:crm, or an object");
  }
  return value;
}

function readUuid(value: unknown): string {
  if (!isUuid(value)) throw new Refused("expected a UUID");
  return value.toLowerCase().replaceAll("-", "").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function readPhone(value: unknown): string {
  if (typeof value !== "string") throw new Refused("expected a phone number as a string");
  const number = value.replace(/[\p{Zs}\p{Pd}\p{Cf}.()[\]{}]/gu, "").replace(/^\+820?/, "0");
  if (number.startsWith("+")) throw new Refused("expected a Korean number, of no other country code than +82");
  if (!/^[0-9]{3,12}$/.test(number)) throw new Refused("expected a phone number of 3 to 12 digits");
  return number;
}

function readBound(value: unknown, round: "up" | "down"): string {
  const sent = String(toUnixMs(value, round));
  if (sent.length === 10 || sent.length === 11) {
    throw new Refused("the API would take its milliseconds for seconds: pass none from 1970-01-12 to 1973-03-03");
  }
  return sent;
}

function readCursor(value: unknown): string {
  if (typeof value !== "string" || value === "" || /\p{Surrogate}/u.test(value)) {
    throw new Refused("expected the cursor of a page");
  }
  return value;
}

function readSize(value: unknown, { minimum = 1, maximum = 1 }: Schema): number {
  const size = value === undefined ? maximum : value;
  if (typeof size === "number" && Number.isInteger(size) && size >= minimum && size <= maximum) return size;
  throw new Refused(`expected an integer from ${minimum} to ${maximum}`);
}

function readMaxItems(value: unknown): number {
  if (value === undefined || value === null) return Infinity;
  if ((typeof value === "bigint" || Number.isInteger(value)) && Number(value) >= 0) return Number(value);
  throw new Refused("expected an integer of at least 0");
}

function shown(value: unknown): string {
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "an array" : "an object";
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 60 ? `${text.slice(0, 60)}...` : text;
}

function nearestOf(value: string, names: readonly string[]): string | undefined {
  const near = names.map((name) => ({ name, edits: editsBetween(value.toLowerCase(), name) }));
  near.sort((a, b) => a.edits - b.edits);
  const [first] = near;
  return first !== undefined && first.edits < Math.max(value.length, first.name.length) ? first.name : undefined;
}

function editsBetween(one: string, other: string): number {
  let row = Array.from({ length: other.length + 1 }, (_, index) => index);
  for (const [above, letter] of Array.from(one).entries()) {
    const next = [above + 1];
    for (const [index, wanted] of Array.from(other).entries()) {
      const [left = 0, up = 0, diagonal = 0] = [next[index], row[index + 1], row[index]];
      next.push(Math.min(left + 1, up + 1, diagonal + (letter === wanted ? 0 : 1)));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
