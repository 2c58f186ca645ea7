#!/usr/bin/env node
/** `bullmq:init`: create what the installation needs, or restore it; doing it twice changes nothing. */

import { TucoJobs } from "../client.js";
import { settingsFrom } from "../settings.js";
import { plain, runCommand } from "./program.js";

await runCommand("usage: bullmq-init [--json]   (BULLMQ_SERVER_URL, ADMIN_TOKEN)", async () => {
  const answer = await new TucoJobs(settingsFrom(process.env, { admin: true })).initialize();
  const made = Object.entries(answer.created).filter(([, names]) => names.length > 0);
  const lines = made.map(([kind, names]) => `${kind} created: ${names.map(plain).join(", ")}`);
  return { data: answer, text: lines.join("\n") || "Everything was there already." };
});
