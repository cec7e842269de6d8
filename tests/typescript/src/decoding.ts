// Reads what the server sends by the contract's own schemas, so that no field and no value of an enum is named here.

import { type Schema, type Schemas, type Shape, schemaOf, shapeOf } from "./contract.js";
import { CallsError, type Hide, Refused } from "./errors.js";
import { fromUnixMs } from "./instants.js";

/** A type of the contract whose enums may have values that it does not list. */
export type Open<T> = T extends string
  ? string extends T
    ? T
    : T | (string & {})
  : T extends readonly (infer Item)[]
    ? Open<Item>[]
    : T extends object
      ? { [Name in keyof T]: Open<T[Name]> }
      : T;

export interface UnknownValue {
  readonly path: string;
  readonly enum: string;
  readonly value: string;
}

/** What was met that the contract does not have. */
export class Notes {
  readonly fields = new Map<string, unknown>();
  readonly values: UnknownValue[] = [];
}

type JsonObject = { readonly [name: string]: unknown };

const uuid = /^[0-9a-f]{8}(-?)[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{4}\1[0-9a-f]{12}$/i;

export function isUuid(value: unknown): value is string {
  return typeof value === "string" && uuid.test(value);
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function fits(shape: Shape, value: unknown): boolean {
  switch (shape.type) {
    case "choice":
      return shape.choices.some((one) => fits(shapeOf(one), value));
    case "object":
      return isObject(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isSafeInteger(value);
    case "string":
      return shape.format === "uuid" ? isUuid(value) : typeof value === "string";
    default:
      return typeof value === shape.type;
  }
}

function invalid(path: string, reason: string): CallsError {
  return new CallsError("invalid-response", `${path || "the JSON"}: ${reason}`, { path });
}

function nameOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "an array" : `a ${typeof value}`;
}

function read(schema: Schema, value: unknown, path: string, notes: Notes): unknown {
  const shape = shapeOf(schema);
  if (value === null && shape.nullable) return null;
  if (!fits(shape, value)) {
    const wanted = `${shape.format ?? shape.type}${shape.nullable ? " or null" : ""}`;
    throw invalid(path, `expected ${wanted}, and it is ${nameOf(value)}`);
  }
  const choice = shape.choices.find((one) => fits(shapeOf(one), value));
  if (choice !== undefined) return read(choice, value, path, notes);
  if (shape.enum !== undefined && !shape.enum.includes(value as string)) {
    notes.values.push({ path, enum: shape.name, value: value as string });
  }
  if (shape.items !== undefined) {
    const { items } = shape;
    return (value as unknown[]).map((item, index) => read(items, item, `${path}[${index}]`, notes));
  }
  return shape.properties === undefined ? value : readObject(shape.properties, value as JsonObject, path, notes);
}

function readObject(properties: { readonly [name: string]: Schema }, value: JsonObject, path: string, notes: Notes) {
  const at = (name: string) => (path === "" ? name : `${path}.${name}`);
  const known = Object.entries(properties).map(([name, schema]) => [
    name,
    Object.hasOwn(value, name) ? read(schema, value[name], at(name), notes) : absent(schema, at(name)),
  ]);
  const unknown = Object.entries(value).filter(([name]) => !Object.hasOwn(properties, name));
  for (const [name, one] of unknown) notes.fields.set(at(name), one);
  return Object.fromEntries([...known, ...unknown]);
}

function absent(schema: Schema, path: string): unknown {
  const shape = shapeOf(schema);
  if (shape.nullable) return null;
  if (shape.type === "array") return [];
  if (shape.type === "object" && shape.additionalProperties === true) return {};
  throw invalid(path, "it is not there");
}

/** A value of the schema with that name. Raises `invalid-response`. */
export function decode<Name extends keyof Schemas>(
  name: Name,
  value: unknown,
  path = "",
  notes = new Notes(),
): Open<Schemas[Name]> {
  return read(schemaOf(name), value, path, notes) as Open<Schemas[Name]>;
}

type RawPage = Omit<Schemas["CallPage"], "items"> & { items: unknown[] };

/** A page whose items are yet to be decoded. Raises `invalid-response`. */
export function decodePage(json: unknown): RawPage {
  const { items, ...others } = schemaOf("CallPage").properties ?? {};
  if (!isObject(json)) throw invalid("", `expected a page, and it is ${nameOf(json)}`);
  if (!Array.isArray(json.items)) throw invalid("items", `expected an array, and it is ${nameOf(json.items)}`);
  const page = { ...(readObject(others, json, "", new Notes()) as Schemas["CallPage"]), items: json.items };
  const { next_cursor: cursor } = page;
  if (cursor === "") throw invalid("next_cursor", "it is empty, which is neither a cursor nor the end");
  if (cursor !== null && /[\p{Surrogate}\uFFFD]/u.test(cursor)) throw invalid("next_cursor", "it came damaged");
  return page;
}

/** The shortest decimal that means a number, without an exponent. */
function decimalOf(value: number): string {
  const [digits = "", exponent = "0"] = String(Math.abs(value)).split("e");
  const [whole = "", fraction = ""] = digits.split(".");
  const point = whole.length + Number(exponent);
  const places = (whole + fraction).padEnd(point, "0");
  const padded = "0".repeat(Math.max(0, 1 - point)) + places;
  const size = Math.max(1, point);
  const below = padded.slice(size);
  return (value < 0 ? "-" : "") + padded.slice(0, size) + (below === "" ? "" : `.${below}`);
}

/** One call: its `fields` as the contract names them, the JSON that came, and what follows from them. */
export class Call {
  readonly fields: Open<Schemas["Call"]>;
  readonly unknownFields: ReadonlyMap<string, unknown>;
  readonly unknownValues: readonly UnknownValue[];
  readonly #path: string;

  constructor(
    readonly json: unknown,
    { path = "", strict = false, hide = ((value) => value) as Hide } = {},
  ) {
    const notes = new Notes();
    this.fields = decode("Call", json, path, notes);
    this.unknownFields = notes.fields;
    this.unknownValues = notes.values;
    this.#path = path;
    const [first] = notes.values;
    if (strict && first !== undefined) {
      const message = `${first.path}: ${hide(JSON.stringify(first.value))} is no ${first.enum} of the contract`;
      throw new CallsError("unknown-enum-value", message, { path: first.path });
    }
  }

  get startedAt(): Date | null {
    return this.#instant("start_at");
  }

  get endedAt(): Date | null {
    return this.#instant("end_at");
  }

  /** Seconds between start and end, null until there are both. */
  get duration(): number | null {
    const { start_at, end_at } = this.fields;
    return start_at === null || end_at === null ? null : (end_at - start_at) / 1000;
  }

  /** Korean won as decimal digits, those that came in a string: JavaScript has no exact decimals of its own. */
  get cost(): string | null {
    const total = this.fields.call_cost?.total_cost ?? null;
    const cost = typeof total === "number" ? decimalOf(total) : total;
    if (cost !== null && !/^-?[0-9]+(\.[0-9]+)?$/.test(cost)) {
      throw invalid(this.#at("call_cost.total_cost"), "it is no amount");
    }
    return cost;
  }

  #instant(name: "start_at" | "end_at"): Date | null {
    const ms = this.fields[name];
    try {
      return ms === null ? null : fromUnixMs(ms);
    } catch (error) {
      throw error instanceof Refused ? invalid(this.#at(name), error.reason) : error;
    }
  }

  #at(name: string): string {
    return this.#path === "" ? name : `${this.#path}.${name}`;
  }
}
