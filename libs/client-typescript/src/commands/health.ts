#!/usr/bin/env node
/** `bullmq:health`: is everything up, and if not, which part? Exit status 1 if not. */

import { TucoJobs } from "../client.js";
import { runCommand, table } from "./program.js";

await runCommand("usage: bullmq-health [--json]   (BULLMQ_SERVER_URL, SERVICE_TOKEN)", async () => {
  const health = await new TucoJobs().health();
  const parts = Object.entries(health.parts ?? {});
  const rows = parts.map(([name, part]) => [name, part.status, part.reason ?? ""]);
  return {
    data: health,
    text: rows.length > 0 ? `${health.status}\n\n${table(["part", "status", "why"], rows)}` : health.status,
    ...(health.status === "ok" ? {} : { failure: "The system is not healthy." }),
  };
});
