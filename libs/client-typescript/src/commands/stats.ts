#!/usr/bin/env node
/** `bullmq:stats`: how many jobs are where. */

import { TucoJobs } from "../client.js";
import { runCommand, table } from "./program.js";

const STATES = ["waiting", "prioritized", "delayed", "active", "completed", "failed", "paused", "waiting-children"];

await runCommand("usage: bullmq-stats [--json]   (BULLMQ_SERVER_URL, SERVICE_TOKEN)", async () => {
  const stats = await new TucoJobs().stats();
  const rows = stats.queues.map((queue) => [
    queue.paused ? `${queue.queue} (paused)` : queue.queue,
    ...STATES.map((state) => queue.counts[state] ?? 0),
    queue.rates.workers ?? 0,
  ]);
  return { data: stats, text: table(["queue", ...STATES, "workers"], rows) };
});
