/** What the commands share: `--json`, tables, and exit statuses as `tuco-jobs` has them. */

import { ProblemError, UnreachableError } from "../problems.js";

/** What was asked for ran, and failed. */
export class CommandFailed extends Error {}

export interface Answer {
  /** For programs. */
  readonly data: unknown;
  /** For people. */
  readonly text: string;
  /** What is wrong, where the exit status must say so too. */
  readonly failure?: string;
}

/** Run a command: its answer on standard output, what went wrong on standard error, and the exit status. */
export async function runCommand(usage: string, command: () => Promise<Answer>): Promise<void> {
  const words = process.argv.slice(2);
  if (words.some((word) => word !== "--json")) {
    process.stderr.write(`${usage}\n`);
    process.exitCode = words.includes("--help") || words.includes("-h") ? 0 : 2;
    return;
  }
  try {
    const answer = await command();
    process.stdout.write(`${words.includes("--json") ? JSON.stringify(answer.data, null, 2) : answer.text}\n`);
    if (answer.failure !== undefined) throw new CommandFailed(answer.failure);
  } catch (error) {
    process.stderr.write(`error: ${error instanceof Error ? plain(error.message) : plain(error)}\n`);
    process.exitCode = exitStatusOf(error);
  }
}

/** 1: it ran and failed; 2: it cannot be done as given; 3: the gateway does not answer, or cannot serve now. */
export function exitStatusOf(error: unknown): number {
  if (error instanceof UnreachableError) return 3;
  if (error instanceof ProblemError) return error.isTransient ? 3 : error.status >= 500 ? 1 : 2;
  return 1;
}

/** Rows below their headings, numbers to the right. */
export function table(headings: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const texts = rows.map((row) => row.map((cell) => (typeof cell === "number" ? cell.toLocaleString("en") : plain(cell))));
  const widths = headings.map((name, at) => Math.max(name.length, ...texts.map((row) => row[at]?.length ?? 0)));
  const isNumber = headings.map((_, at) => rows.length > 0 && rows.every((row) => typeof row[at] === "number"));
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, at) => (isNumber[at] ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0)))
      .join("  ")
      .trimEnd();
  return [line(headings), ...texts.map(line)].join("\n");
}

/** A text from elsewhere without control characters, which could steer the terminal. */
export function plain(value: unknown): string {
  return String(value).replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
