export type ErrorKind =
  | "bad-request"
  | "authentication"
  | "permission-denied"
  | "not-found"
  | "rate-limit"
  | "server"
  | "api"
  | "transport"
  | "invalid-response"
  | "unknown-enum-value"
  | "pagination";

/** Replaces the key by `***`, in a string and in whatever holds strings. */
export type Hide = <T>(value: T) => T;

/** A request that failed, or an answer that is of no use. `kind` says which. */
export class CallsError extends Error {
  override readonly name = "CallsError";
  readonly kind: ErrorKind;
  /** Where in the answer it is, such as `items[3].start_at`, of what could not be decoded. */
  readonly path: string | undefined;
  readonly status: number | undefined;
  readonly code: string | null;
  /** The words of the server alone, or an excerpt of what it sent instead. */
  readonly said: string | undefined;
  readonly details: { readonly [name: string]: unknown };
  /** Seconds that the server asked to wait, or null where it did not. */
  readonly retryAfter: number | null;
  requestId: string | null = null;
  attempts: number | undefined;
  /** Where to read on: the cursor of the first page that was not handed out whole. */
  cursor: string | null = null;

  constructor(
    kind: ErrorKind,
    message: string,
    parts: Partial<Pick<CallsError, "path" | "status" | "code" | "said" | "details" | "retryAfter">> = {},
  ) {
    super(message);
    this.kind = kind;
    this.path = parts.path;
    this.status = parts.status;
    this.code = parts.code ?? null;
    this.said = parts.said;
    this.details = parts.details ?? {};
    this.retryAfter = parts.retryAfter ?? null;
  }
}

export interface Problem {
  readonly argument: string;
  readonly reason: string;
  readonly nearest: string | undefined;
}

/** Arguments that no request is sent for, all of them at once. */
export class InvalidQueryError extends Error {
  override readonly name = "InvalidQueryError";

  constructor(readonly problems: readonly Problem[]) {
    super(problems.map(({ argument, reason }) => `${argument}: ${reason}`).join("; "));
  }
}

/** A value that is not taken, with the words that say what to pass instead. */
export class Refused extends RangeError {
  constructor(
    readonly reason: string,
    readonly nearest?: string,
  ) {
    super(reason);
  }
}

export function hiding(key: string): Hide {
  function hide(value: unknown): unknown {
    if (typeof value === "string") return value.replaceAll(key, "***");
    if (Array.isArray(value)) return value.map(hide);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, one]) => [hide(name), hide(one)]));
  }
  return hide as Hide;
}
