/** Where the gateway is and what it wants to see, from the environment that the app has anyway. */

export interface Settings {
  /** The gateway's address, such as `http://localhost:3001`. */
  readonly url: string;
  /** Sent as the bearer token; none is sent where it is empty. */
  readonly token: string;
}

export const DEFAULT_URL = "http://localhost:3001";

/**
 * BULLMQ_SERVER_URL, and the first token of SERVICE_TOKEN, or of ADMIN_TOKEN where `admin`; each may hold two while one
 * is rotated out.
 */
export function settingsFrom(environ: NodeJS.ProcessEnv, { admin = false } = {}): Settings {
  const tokens = (admin ? environ["ADMIN_TOKEN"] : environ["SERVICE_TOKEN"]) ?? "";
  return { url: environ["BULLMQ_SERVER_URL"] || DEFAULT_URL, token: tokens.split(",")[0]?.trim() ?? "" };
}
