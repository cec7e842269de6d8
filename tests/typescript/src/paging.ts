import { Call, type UnknownValue, decodePage } from "./decoding.js";
import { CallsError, type Hide } from "./errors.js";
import type { Listing } from "./query.js";

export interface Page {
  readonly items: Call[];
  readonly total_count: number;
  readonly next_cursor: string | null;
}

/** The JSON of an answer, which of the tries it came of, and the id that the server gave it. */
export interface Answer {
  readonly json: unknown;
  readonly requestId: string | null;
  readonly attempts: number;
}

export interface Reading {
  readonly strict: boolean;
  readonly hide: Hide;
  readonly onUnknownValue: (value: UnknownValue) => void;
  /** Gets each item that cannot be decoded; without it, such an item ends the iteration. */
  readonly onInvalid: ((error: CallsError) => void) | undefined;
}

/** One iteration through the pages of a listing: what to ask for next, and what of an answer is handed out. */
export class Walk {
  /** Of the first page that was not handed out whole, null for the first of all. */
  cursor: string | null;
  /** Whether everything was handed out. */
  finished = false;
  readonly #listing: Listing;
  readonly #reading: Reading;
  readonly #seen: Set<string>;
  #left: number;

  constructor(listing: Listing, reading: Reading) {
    this.#listing = listing;
    this.#reading = reading;
    this.#left = listing.maxItems;
    this.cursor = listing.cursor;
    this.#seen = new Set(listing.cursor === null ? [] : [listing.cursor]);
  }

  /** Whether another page is needed. */
  get goesOn(): boolean {
    return !this.finished && this.#left > 0;
  }

  /** The parameters of the next request. */
  get search(): URLSearchParams {
    const search = new URLSearchParams(this.#listing.search);
    if (this.cursor !== null) search.set("cursor", this.cursor);
    return search;
  }

  /** The calls of the page that was asked for, one by one. Raises where it is no page or its cursor is wrong. */
  *calls(answer: Answer): Generator<Call> {
    const { items, next_cursor: next } = decodePage(answer.json);
    if (next !== null && this.#seen.has(next)) {
      throw new CallsError("pagination", "the server gave a cursor that it had given before");
    }
    const whole = () => {
      this.cursor = next;
      this.finished = next === null;
      if (next !== null) this.#seen.add(next);
    };
    for (const [index, item] of items.entries()) {
      if (this.#left === 0) return;
      const call = this.#decode(item, `items[${index}]`, answer);
      if (call === undefined) continue;
      this.#left -= 1;
      // Whoever takes the last call may never ask for another.
      if (index === items.length - 1) whole();
      yield call;
    }
    whole();
  }

  /** The same page at once. */
  page(answer: Answer): Page {
    const items = [...this.calls(answer)];
    return { ...decodePage(answer.json), items };
  }

  /** Tells an error where to read on, and of which answer it is. */
  mark(error: CallsError, answer: Answer | undefined): void {
    error.cursor = this.cursor;
    error.requestId = answer?.requestId ?? error.requestId;
    error.attempts = answer?.attempts ?? error.attempts;
  }

  #decode(item: unknown, path: string, answer: Answer): Call | undefined {
    const { strict, hide, onUnknownValue, onInvalid } = this.#reading;
    try {
      const call = new Call(item, { path, strict, hide });
      for (const value of call.unknownValues) onUnknownValue(value);
      return call;
    } catch (error) {
      if (!(error instanceof CallsError) || onInvalid === undefined) throw error;
      this.mark(error, answer);
      onInvalid(error);
      return undefined;
    }
  }
}
