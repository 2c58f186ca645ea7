/** What can go wrong between the app and the gateway, as errors that a program can tell apart. */

import type { components } from "./schema.js";

export type Problem = components["schemas"]["Problem"];

/** The gateway refused a call: its answer was a problem document (RFC 9457). */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(
    /** What the gateway says. */
    readonly problem: Problem,
    /** Seconds after which it asks to be called again; null where it does not say. */
    readonly retryAfterSeconds: number | null = null,
  ) {
    super(problem.detail || problem.title);
  }

  /** The HTTP status. */
  get status(): number {
    return this.problem.status;
  }

  /** The fields of the request that are wrong. */
  get fields(): NonNullable<Problem["errors"]> {
    return this.problem.errors ?? [];
  }

  /** Whether the token was refused. */
  get isTokenRefused(): boolean {
    return this.status === 401 || this.status === 403;
  }

  /** Whether the same call may succeed later. */
  get isTransient(): boolean {
    return this.status === 429 || this.status === 502 || this.status === 503 || this.status === 504;
  }
}

/** Nothing answers at the gateway's address, or something else than the gateway does. */
export class UnreachableError extends Error {
  override readonly name = "UnreachableError";
}

/** The error that a refused call ends with. */
export function errorOf(body: unknown, response: Response): ProblemError | UnreachableError {
  if (!isProblem(body)) {
    return new UnreachableError(
      `What answers at ${new URL(response.url).origin} is not the Tuco Jobs gateway (HTTP ${response.status}).`,
    );
  }
  return new ProblemError(body, retryAfter(response.headers, Date.now()));
}

/**
 * The seconds that a Retry-After header asks for, which may be a number or a date (RFC 9110, 10.2.3); null without one.
 */
export function retryAfter(headers: Headers, nowMs: number): number | null {
  const said = headers.get("Retry-After");
  if (said === null || said.trim() === "") return null;
  const seconds = Number(said);
  if (Number.isFinite(seconds)) return Math.max(0, seconds);
  const at = Date.parse(said);
  return Number.isNaN(at) ? null : Math.max(0, (at - nowMs) / 1000);
}

function isProblem(body: unknown): body is Problem {
  return typeof body === "object" && body !== null && "title" in body && "status" in body;
}
