// Writes build/contract/ from the contract: its types, and the contract itself as a module.

import { mkdir, readFile, writeFile } from "node:fs/promises";
import openapiTS, { astToString } from "openapi-typescript";
import { parse } from "yaml";

const contract = new URL("../../openapi/calls.yaml", import.meta.url);
const built = new URL("build/contract/", import.meta.url);

await mkdir(built, { recursive: true });
await writeFile(new URL("types.ts", built), astToString(await openapiTS(contract)));
const document = JSON.stringify(parse(await readFile(contract, "utf8")), null, 2);
await writeFile(new URL("document.ts", built), `export const document = ${document} as const;\n`);
