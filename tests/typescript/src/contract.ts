// What openapi/calls.yaml says, as types and as values. No other module knows how the document is laid out.

import { document } from "../build/contract/document.js";
import type { components, operations } from "../build/contract/types.js";

export type Schemas = components["schemas"];
export type Query = Required<NonNullable<operations["list_calls"]["parameters"]["query"]>>;

/** The part of JSON Schema that the contract is written in. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly oneOf?: readonly Schema[];
  readonly properties?: { readonly [name: string]: Schema };
  readonly additionalProperties?: boolean;
  readonly items?: Schema;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly maxItems?: number;
}

/** A schema without references, and whether null is one of its values. */
export interface Shape extends Schema {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  /** What it may be, where that is a choice. */
  readonly choices: readonly Schema[];
}

export const [server] = document.servers;
export const [path] = Object.keys(document.paths) as [string];

const schemas: { readonly [name: string]: Schema } = document.components.schemas;

export const parameters: readonly { readonly name: keyof Query; readonly schema: Schema }[] = Object.values(
  document.components.parameters,
);

export function schemaOf(name: keyof Schemas): Schema {
  return schemas[name] as Schema;
}

export function shapeOf(schema: Schema): Shape {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").pop() as keyof Schemas;
    return { ...shapeOf(schemaOf(name)), name };
  }
  const choices = (schema.oneOf ?? []).filter((choice) => choice.type !== "null");
  const nullable = (schema.oneOf ?? []).length > choices.length;
  if (choices[0] !== undefined && choices.length === 1) return { ...shapeOf(choices[0]), nullable };
  if (choices.length > 1) return { name: "", type: "choice", nullable, choices };
  const types = [schema.type ?? []].flat();
  const kinds = types.filter((one) => one !== "null");
  const [type] = kinds;
  if (type === undefined) throw new Error(`no shape for ${JSON.stringify(schema)}`);
  const each = kinds.length > 1 ? kinds.map((kind) => ({ ...schema, type: kind })) : [];
  return { ...schema, name: "", type: each.length > 0 ? "choice" : type, nullable: types.includes("null"), choices: each };
}

/** Whether a value of a response is one that the contract lists. */
export function isKnown<Name extends keyof Schemas>(name: Name, value: unknown): value is Schemas[Name] {
  return schemaOf(name).enum?.some((one) => one === value) ?? false;
}
