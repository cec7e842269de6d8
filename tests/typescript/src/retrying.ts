const longestAsked = 120;
const longestInAll = 300;

/** How often and how soon one request is tried again. */
export class Tries {
  /** How many tries there were. */
  made = 0;
  readonly #retries: number;
  readonly #random: () => number;
  #waited = 0;

  constructor(retries: number, random: () => number) {
    this.#retries = retries;
    this.#random = random;
  }

  /** Seconds to wait after a try that failed and might succeed, or null where it is the last. */
  wait(retryAfter: number | null): number | null {
    if (this.made > this.#retries || (retryAfter ?? 0) > longestAsked) return null;
    const ceiling = Math.min(30, 0.5 * 2 ** (this.made - 1));
    const wait = Math.max(this.#random() * ceiling, retryAfter ?? 0);
    if (this.#waited + wait > longestInAll) return null;
    this.#waited += wait;
    return wait;
  }
}

export function canSucceedLater(status: number): boolean {
  return status === 408 || status === 429 || status >= 500;
}

const weekday = /^(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?$/i;
const fixed = /^(\d\d)[ -]([a-z]{3})[ -](\d{4}|\d\d) (\d\d):(\d\d):(\d\d) (GMT|UTC|[+-]\d{4})$/i;
const asctime = /^[a-z]{3} ([a-z]{3}) ([ \d]\d) (\d\d):(\d\d):(\d\d) (\d{4})$/i;
const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Seconds that the header asks to wait, by what unix milliseconds it is now; null where it asks for nothing. */
export function readRetryAfter(header: string | null, now: number): number | null {
  const values = (header ?? "")
    .replaceAll('"', "")
    .split(",")
    .map((value) => value.trim())
    .filter((value) => !weekday.test(value))
    .map((value) => (/^[+-]?\d+(?:\.\d*)?$/.test(value) ? Number(value) : (dateOf(value, now) - now) / 1000))
    .filter((seconds) => !Number.isNaN(seconds));
  return values.length === 0 ? null : Math.max(0, ...values);
}

/** The unix milliseconds of an HTTP date without the comma that its weekday may have, or NaN. */
function dateOf(text: string, now: number): number {
  const [, date, month, year, ...time] = fixed.exec(text) ?? [];
  if (year !== undefined) return instantOf(yearOf(year, now), month, date, time);
  const [, month2, date2, hour, minute, second, year2] = asctime.exec(text) ?? [];
  return instantOf(Number(year2), month2, date2, [hour, minute, second]);
}

/** Two digits are of the year that is nearest, at most 50 years ahead. */
function yearOf(text: string, now: number): number {
  if (text.length === 4) return Number(text);
  const latest = new Date(now).getUTCFullYear() + 50;
  return latest - ((((latest - Number(text)) % 100) + 100) % 100);
}

function instantOf(
  year: number,
  month: string | undefined,
  date: string | undefined,
  [hour, minute, second, zone = "GMT"]: readonly (string | undefined)[],
): number {
  const numbers = [months.indexOf(month?.toLowerCase() ?? ""), date, hour, minute, second].map(Number);
  const [m = NaN, d = NaN, h = NaN, min = NaN, s = NaN] = numbers;
  const midnight = new Date(Date.UTC(year, m, d));
  if (midnight.getUTCMonth() !== m || midnight.getUTCDate() !== d || h > 23 || min > 59 || s > 59) return NaN;
  const [, sign, hours = 0, minutes = 0] = /^([+-])(\d\d)(\d\d)$/.exec(zone) ?? [];
  const ahead = (sign === "-" ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000;
  return midnight.getTime() + ((h * 60 + min) * 60 + s) * 1000 - ahead;
}
