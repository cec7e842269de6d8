// The driver: the only module that sends anything or waits for anything.

import { errorOf, excerptOf } from "./answers.js";
import { path, server } from "./contract.js";
import type { Call, UnknownValue } from "./decoding.js";
import { CallsError, type Hide, hiding } from "./errors.js";
import { Pacer, type RateLimit } from "./pacing.js";
import { type Answer, type Page, Walk } from "./paging.js";
import { type Arguments, readArguments } from "./query.js";
import { Tries, canSucceedLater, readRetryAfter } from "./retrying.js";

/** Time and chance, which a test puts others in place of. */
export interface World {
  readonly fetch: typeof fetch;
  /** Seconds since any moment, never going back. */
  readonly clock: () => number;
  /** What time it is, in unix milliseconds. */
  readonly now: () => number;
  readonly sleep: (seconds: number) => Promise<void>;
  /** A number from 0 to below 1. */
  readonly random: () => number;
}

export interface Options {
  readonly apiKey: string;
  readonly baseUrl?: string;
  /** How many times one request is tried again. */
  readonly retries?: number;
  /** Null for none. */
  readonly rateLimit?: RateLimit | null;
  /** Whether an unknown value of an enum is an error. */
  readonly strict?: boolean;
  /** Seconds until an answer has to be there whole. */
  readonly timeout?: number;
  /** Gets each unknown value of an enum once. */
  readonly onUnknownValue?: (value: UnknownValue) => void;
  readonly world?: Partial<World>;
}

export interface ListOptions {
  /** Gets each item that cannot be decoded; without it, such an item ends the iteration. */
  readonly onInvalid?: (error: CallsError) => void;
}

type Outcome =
  | { readonly json: unknown; readonly requestId: string | null }
  | { readonly error: CallsError; readonly again: boolean };

const world: World = {
  fetch: (...request) => fetch(...request),
  clock: () => performance.now() / 1000,
  now: () => Date.now(),
  // A timer drops fractions of a millisecond, and no request may come too soon.
  sleep: (seconds) => new Promise((resolve) => setTimeout(resolve, Math.ceil(seconds * 1000) + 1)),
  random: () => Math.random(),
};

/**
 * Reads an organisation's calls.
 *
 *     const client = new Client({ apiKey });
 *     for await (const call of client.listCalls({ status: "ended" })) console.log(call.fields.id, call.startedAt);
 */
export class Client {
  readonly #key: string;
  readonly #hide: Hide;
  readonly #url: string;
  readonly #retries: number;
  readonly #strict: boolean;
  readonly #timeout: number;
  readonly #onUnknownValue: (value: UnknownValue) => void;
  readonly #reported = new Set<string>();
  readonly #world: World;
  readonly #pacer: Pacer;
  #turn: Promise<void> = Promise.resolve();
  #answered: () => void = () => undefined;

  constructor(options: Options) {
    // The words of fetch about a header that it does not take have the header in them.
    if (!/^[\x21-\x7e]+$/.test(options.apiKey)) throw new TypeError("an API key is of visible ASCII characters alone");
    this.#key = options.apiKey;
    this.#hide = hiding(options.apiKey);
    this.#url = new URL((options.baseUrl ?? server.url).replace(/\/+$/, "") + path).href;
    this.#retries = options.retries ?? 4;
    this.#strict = options.strict ?? false;
    this.#timeout = options.timeout ?? 30;
    this.#onUnknownValue = options.onUnknownValue ?? (({ path, value }) => console.warn(`unknown ${path}: ${value}`));
    this.#world = { ...world, ...options.world };
    this.#pacer = new Pacer(options.rateLimit === undefined ? { perSecond: 5, perMinute: 120 } : options.rateLimit);
  }

  /** The calls that match. Raises `InvalidQueryError` at once; nothing is sent before the first call is asked for. */
  listCalls(given: Arguments = {}, { onInvalid }: ListOptions = {}): CallList {
    const listing = readArguments(given, this.#hide);
    const onUnknownValue = (value: UnknownValue) => this.#report(value);
    const reading = { strict: this.#strict, hide: this.#hide, onUnknownValue, onInvalid };
    return new CallList(
      () => new Walk(listing, reading),
      (search) => this.#get(search),
    );
  }

  #report(unknown: UnknownValue): void {
    const value = `${unknown.enum} ${unknown.value}`;
    if (this.#reported.has(value)) return;
    this.#reported.add(value);
    this.#onUnknownValue(this.#hide(unknown));
  }

  /** The JSON of an answer, tried for as often as that makes sense. */
  async #get(search: URLSearchParams): Promise<Answer> {
    const tries = new Tries(this.#retries, this.#world.random);
    for (;;) {
      tries.made += 1;
      const outcome = await this.#try(search);
      if ("json" in outcome) return { ...outcome, attempts: tries.made };
      const { error, again } = outcome;
      const wait = again ? tries.wait(error.retryAfter) : null;
      if (wait === null) {
        error.attempts = tries.made;
        throw error;
      }
      if (error.kind === "rate-limit") this.#pacer.hold(this.#world.clock() + wait);
      await this.#world.sleep(wait);
    }
  }

  async #try(search: URLSearchParams): Promise<Outcome> {
    const answered = await this.#paced();
    let response: Response;
    let body: string;
    try {
      response = await this.#world.fetch(`${this.#url}?${search}`, {
        headers: { Accept: "application/json", Authorization: `Bearer ${this.#key}` },
        redirect: "manual",
        signal: AbortSignal.timeout(this.#timeout * 1000),
      });
      body = new TextDecoder().decode(await response.arrayBuffer());
    } catch (error) {
      return { error: new CallsError("transport", this.#hide(`no answer: ${wordsOf(error)}`)), again: true };
    } finally {
      answered(this.#world.clock());
      this.#answered();
    }
    const outcome = this.#outcome(response, body);
    if ("error" in outcome) outcome.error.requestId = this.#hide(response.headers.get("x-request-id"));
    return outcome;
  }

  #outcome({ status, headers }: Response, body: string): Outcome {
    if (status !== 200) {
      const retryAfter = readRetryAfter(headers.get("retry-after"), this.#world.now());
      return { error: errorOf(status, body, retryAfter, this.#hide), again: canSucceedLater(status) };
    }
    try {
      return { json: JSON.parse(body), requestId: this.#hide(headers.get("x-request-id")) };
    } catch {
      const message = `the answer is no JSON: ${excerptOf(this.#hide(body))}`;
      return { error: new CallsError("invalid-response", message, { path: "" }), again: true };
    }
  }

  /** Waits until a request may be sent. Whoever asks first is first. */
  async #paced(): Promise<(answered: number) => void> {
    const before = this.#turn;
    let leave: () => void = () => undefined;
    this.#turn = new Promise((resolve) => {
      leave = resolve;
    });
    await before;
    for (;;) {
      const wait = this.#pacer.wait(this.#world.clock());
      if (wait === 0) break;
      if (wait < Infinity) await this.#world.sleep(wait);
      else await new Promise<void>((resolve) => (this.#answered = resolve));
    }
    leave();
    return this.#pacer.send(this.#world.clock());
  }
}

/** The calls of a listing, call by call or by `pages()`. Iterating again begins anew. */
export class CallList implements AsyncIterable<Call> {
  readonly #begin: () => Walk;
  readonly #get: (search: URLSearchParams) => Promise<Answer>;
  #walk: Walk;

  constructor(begin: () => Walk, get: (search: URLSearchParams) => Promise<Answer>) {
    this.#begin = begin;
    this.#get = get;
    this.#walk = begin();
  }

  /** Where to read on: the cursor of the first page that was not handed out whole, null for the first of all. */
  get cursor(): string | null {
    return this.#walk.cursor;
  }

  /** Whether everything was handed out. */
  get finished(): boolean {
    return this.#walk.finished;
  }

  [Symbol.asyncIterator](): AsyncGenerator<Call> {
    return this.#iterate((walk, answer) => walk.calls(answer));
  }

  pages(): AsyncGenerator<Page> {
    return this.#iterate((walk, answer) => [walk.page(answer)]);
  }

  async *#iterate<T>(handOut: (walk: Walk, answer: Answer) => Iterable<T>): AsyncGenerator<T> {
    const walk = this.#begin();
    this.#walk = walk;
    while (walk.goesOn) {
      let answer: Answer | undefined;
      try {
        answer = await this.#get(walk.search);
        yield* handOut(walk, answer);
      } catch (error) {
        if (error instanceof CallsError) walk.mark(error, answer);
        throw error;
      }
    }
  }
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${wordsOf(error.cause)}`;
}
