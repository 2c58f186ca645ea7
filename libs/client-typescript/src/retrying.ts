/** A `fetch` that asks again where that is safe: the gateway said when, or the request can be repeated unharmed. */

import { setTimeout as pause } from "node:timers/promises";

import { UnreachableError, retryAfter } from "./problems.js";

export type Fetch = (request: Request) => Promise<Response>;

export interface Retries {
  /** How often a call is made before its last answer counts. */
  readonly attempts: number;
  /** The first pause where the gateway names none, in milliseconds; it doubles, with jitter. */
  readonly firstPauseMs: number;
  /** No pause is longer; a gateway that asks for more is not waited for. In milliseconds. */
  readonly longestPauseMs: number;
}

export const DEFAULT_RETRIES: Retries = { attempts: 4, firstPauseMs: 250, longestPauseMs: 10_000 };

/** Statuses of an answer that did nothing and asks to be asked again. */
export const REFUSED: ReadonlySet<number> = new Set([429, 503]);

const UNHARMED = new Set(["GET", "HEAD", "PUT", "DELETE"]);

/**
 * `send`, repeated.
 *
 * The body and the headers are the same each time, the Idempotency-Key with them, so that a request whose answer was
 * lost meets the job that it made. An answer whose status is one of `refused` did nothing and is always repeated. A broken
 * connection may have done something, so only a request that can be repeated unharmed is.
 */
export function retrying(send: Fetch, retries: Retries, refused: ReadonlySet<number> = REFUSED): Fetch {
  return async (request) => {
    const isSafe = UNHARMED.has(request.method) || request.headers.has("Idempotency-Key");
    for (let attempt = 1; ; attempt++) {
      const backoffMs = Math.min(retries.longestPauseMs, retries.firstPauseMs * 2 ** (attempt - 1)) * (0.5 + Math.random() / 2);
      const isLast = attempt >= retries.attempts;
      let pauseMs: number;
      try {
        const response = await send(request.clone());
        if (isLast || !refused.has(response.status)) return response;
        const asked = retryAfter(response.headers, Date.now());
        pauseMs = asked === null ? backoffMs : asked * 1000;
        if (pauseMs > retries.longestPauseMs) return response;
        await response.body?.cancel();
      } catch (error) {
        if (request.signal.aborted) throw error;
        if (isLast || !isSafe) throw unreachable(request, error);
        pauseMs = backoffMs;
      }
      await pause(pauseMs, undefined, { signal: request.signal });
    }
  };
}

function unreachable(request: Request, error: unknown): UnreachableError {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  const code = cause instanceof Error && "code" in cause ? String(cause.code) : String(cause);
  return new UnreachableError(`Nothing answers at ${new URL(request.url).origin}: ${code}.`, { cause: error });
}
