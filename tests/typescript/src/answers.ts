import { decode } from "./decoding.js";
import { CallsError, type ErrorKind, type Hide } from "./errors.js";

/** The error that an answer with another status than 200 is. */
export function errorOf(status: number, body: string, retryAfter: number | null, hide: Hide): CallsError {
  const envelope = envelopeOf(body);
  const said = envelope === null ? excerptOf(hide(body)) : hide(envelope.message);
  const code = envelope === null ? null : hide(envelope.code);
  const details = hide(envelope?.details ?? {});
  const words = [`${status}`, code, said].filter((word) => word !== null).join(" ");
  return new CallsError(kindOf(status), words, { status, code, said, details, retryAfter });
}

function kindOf(status: number): ErrorKind {
  const kinds: { readonly [status: number]: ErrorKind } = {
    400: "bad-request",
    401: "authentication",
    403: "permission-denied",
    404: "not-found",
    429: "rate-limit",
  };
  return kinds[status] ?? (status >= 500 ? "server" : "api");
}

function envelopeOf(body: string) {
  try {
    return decode("ErrorEnvelope", JSON.parse(body)).error;
  } catch {
    return null;
  }
}

export function excerptOf(text: string): string {
  const words = text.replace(/\s+/gu, " ").trim();
  return Array.from(words).slice(0, 200).join("") || "an empty body";
}
