import { Refused } from "./errors.js";

export type Round = "up" | "down";

/** What a clock on a wall shows. `second` asks for the second one where clocks are set back. */
export interface LocalTime {
  readonly local: string;
  readonly zone?: string;
  readonly offset?: string;
  readonly second?: boolean;
}

export type Instant = number | bigint | string | Date | LocalTime;

/** Whole milliseconds, and whether there is something below them. */
interface Exact {
  readonly ms: number;
  readonly more: boolean;
}

const last = Date.UTC(9999, 11, 31, 23, 59, 59, 999);
const day = 86_400_000;

const iso = new RegExp(
  [
    /^(\d{4})(?:-(\d\d)-(\d\d)|(\d\d)(\d\d))[Tt ]/,
    /(\d\d)(?::(\d\d)(?::(\d\d)(?:[.,](\d+))?)?|(\d\d)(?:(\d\d)(?:[.,](\d+))?)?)?/,
    /([Zz]|[+-]\d\d(?::?\d\d)?)?$/,
  ]
    .map(({ source }) => source)
    .join(""),
);

/**
 * The unix milliseconds of an instant, a part below them rounded.
 *
 * An integer of 10 or 11 digits is seconds, one of 12 or 13 milliseconds; a number with a fraction is seconds; a string
 * is ISO 8601 with an offset. Raises `Refused` for anything else.
 */
export function toUnixMs(value: unknown, round: Round): number {
  const { ms, more } = exactOf(value);
  const rounded = more && round === "up" ? ms + 1 : ms;
  if (rounded < 0 || rounded > last) throw new Refused("it is before 1970 or after the year 9999");
  return rounded;
}

/** The instant of unix milliseconds. Raises `Refused` for what is none from 1970 to the end of 9999. */
export function fromUnixMs(value: unknown): Date {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 0 || value > last) {
    throw new Refused("expected unix milliseconds from 1970 to 9999");
  }
  return new Date(value);
}

function exactOf(value: unknown): Exact {
  if (typeof value === "bigint" || Number.isInteger(value)) return ofInteger(BigInt(value as bigint | number));
  if (typeof value === "number") return ofSeconds(value);
  if (typeof value === "string") return ofText(value);
  if (value instanceof Date && !Number.isNaN(value.getTime())) return { ms: value.getTime(), more: false };
  if (typeof value === "object" && value !== null && typeof (value as LocalTime).local === "string") {
    return ofLocal(value as LocalTime);
  }
  throw new Refused("pass a Date, ISO 8601 with an offset, unix seconds or unix milliseconds");
}

function ofInteger(value: bigint): Exact {
  const { length } = value.toString();
  if (value < 0n || length < 10 || length > 13) {
    throw new Refused("pass unix seconds of 10 or 11 digits, or unix milliseconds of 12 or 13");
  }
  return { ms: Number(value) * (length < 12 ? 1000 : 1), more: false };
}

/** By the decimal that is printed for the number, since that is the one that was meant. */
function ofSeconds(value: number): Exact {
  if (Math.abs(value) >= 1e11 || !Number.isFinite(value)) {
    throw new Refused("pass seconds of at most 11 digits before the point");
  }
  const [digits = "", exponent = "0"] = Math.abs(value).toString().split("e");
  const [whole = "", fraction = ""] = digits.split(".");
  const places = "0".repeat(Math.max(0, -Number(exponent))) + whole;
  const point = places.length + Number(exponent);
  const size = ofFraction(Number(places.slice(0, point)) * 1000, places.slice(point) + fraction);
  if (value > 0) return size;
  return { ms: -size.ms - (size.more ? 1 : 0), more: size.more };
}

function ofFraction(ms: number, digits: string): Exact {
  return { ms: ms + Number(digits.slice(0, 3).padEnd(3, "0")), more: /[1-9]/.test(digits.slice(3)) };
}

function ofText(text: string): Exact {
  const { exact, offset } = fieldsOf(text);
  if (offset === undefined) throw new Refused("nobody can tell its time zone: write an offset, such as +09:00 or Z");
  return { ...exact, ms: exact.ms - offset };
}

/** The time as if it were UTC, and the milliseconds that its offset is ahead, where it has one. */
function fieldsOf(text: string): { exact: Exact; offset: number | undefined } {
  const found = iso.exec(text);
  if (found === null) throw new Refused("it is no ISO 8601 date and time, such as 2026-11-01T09:00:00+09:00");
  const [, year, m1, d1, m2, d2, hour, min1, s1, f1, min2, s2, f2, zone] = found;
  const numbers = [year, m1 ?? m2, d1 ?? d2, hour, min1 ?? min2 ?? 0, s1 ?? s2 ?? 0].map(Number);
  const [y = 0, month = 0, date = 0, h = 0, min = 0, s = 0] = numbers;
  const fraction = f1 ?? f2 ?? "";
  const midnight = h === 24 && min === 0 && s === 0 && !/[1-9]/.test(fraction);
  const start = new Date(Date.UTC(2000, 0));
  start.setUTCFullYear(y, month - 1, date);
  if (start.getUTCMonth() !== month - 1 || start.getUTCDate() !== date || min > 59 || s > 59 || (h > 23 && !midnight)) {
    throw new Refused("there is no such date and time");
  }
  const exact = ofFraction(start.getTime() + ((h * 60 + min) * 60 + s) * 1000, fraction);
  return { exact, offset: zone === undefined ? undefined : offsetOf(zone) };
}

function offsetOf(text: string): number {
  if (text.toUpperCase() === "Z") return 0;
  const hours = Number(text.slice(1, 3));
  const minutes = Number(text.slice(3).replace(":", ""));
  if (hours > 23 || minutes > 59) throw new Refused("there is no such offset");
  return (text.startsWith("-") ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}

function ofLocal({ local, zone, offset = "", second = false }: LocalTime): Exact {
  if (zone === undefined) return ofText(local + offset);
  const { exact } = fieldsOf(local);
  const before = aheadIn(zone, exact.ms - day);
  const after = aheadIn(zone, exact.ms + day);
  const instants = [before, after].map((ahead) => exact.ms - ahead).sort((a, b) => a - b);
  const real = instants.filter((ms) => ms + aheadIn(zone, ms) === exact.ms);
  return { ...exact, ms: (second ? real.at(-1) : real[0]) ?? exact.ms - before };
}

/** How many milliseconds the clocks of a zone are ahead of UTC at an instant. */
function aheadIn(zone: string, ms: number): number {
  const parts = clockOf(zone).formatToParts(ms);
  const [year = 0, month = 0, date, hour, minute, second] = (
    ["year", "month", "day", "hour", "minute", "second"] as const
  ).map((type) => Number(parts.find((part) => part.type === type)?.value));
  return Date.UTC(year, month - 1, date, hour, minute, second) - Math.floor(ms / 1000) * 1000;
}

function clockOf(zone: string): Intl.DateTimeFormat {
  const two = "2-digit";
  const fields = { year: "numeric", month: two, day: two, hour: two, minute: two, second: two, hourCycle: "h23" } as const;
  try {
    return new Intl.DateTimeFormat("en-u-ca-iso8601-nu-latn", { ...fields, timeZone: zone });
  } catch {
    throw new Refused("there is no such time zone");
  }
}
