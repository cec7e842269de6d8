export interface RateLimit {
  readonly perSecond: number;
  readonly perMinute: number;
}

interface Sent {
  answered: number | null;
}

const nanosecond = 1e-9;

/** When requests may be sent, so that the limits hold wherever between sending and answer the server counts them. */
export class Pacer {
  readonly #limits: readonly { readonly most: number; readonly seconds: number }[];
  #sent: Sent[] = [];
  #heldUntil = -Infinity;

  constructor(limit: RateLimit | null) {
    this.#limits =
      limit === null
        ? []
        : [
            { most: limit.perSecond, seconds: 1 },
            { most: limit.perMinute, seconds: 60 },
          ];
  }

  /** Seconds until a request may be sent: 0 for now, Infinity for after one of those on their way is answered. */
  wait(now: number): number {
    const free = this.#limits.map(({ most, seconds }) => {
      const ends = this.#sent
        .map(({ answered }) => (answered === null ? Infinity : answered + seconds))
        .filter((end) => end > now)
        .sort((a, b) => (a < b ? -1 : 1));
      return ends[ends.length - most] ?? -Infinity;
    });
    const wait = Math.max(this.#heldUntil, ...free) - now;
    // Seconds are floating point: what is left after a wait may be too little to move a clock.
    return wait > nanosecond ? wait : 0;
  }

  /** Counts a request from now on, until some time after the function that this gives is told of its answer. */
  send(now: number): (answered: number) => void {
    const sent: Sent = { answered: null };
    this.#sent = this.#sent.filter(({ answered }) => answered === null || answered + 60 > now);
    this.#sent.push(sent);
    return (answered) => {
      sent.answered = answered;
    };
  }

  /** Holds every request back, for a 429 that is waited for. */
  hold(until: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, until);
  }
}
