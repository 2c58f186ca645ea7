/** The client against the gateway at BULLMQ_SERVER_URL, on which TEST_MESSAGE_ID names a message that is not sent yet. */

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";

import { ProblemError, TucoJobs, hasEnded, settingsFrom } from "../src/index.js";

const messageId = process.env["TEST_MESSAGE_ID"] ?? "";
const skip = messageId === "" ? "TEST_MESSAGE_ID is not set: there is no gateway to test against" : false;
const jobs = new TucoJobs();
const admin = new TucoJobs(settingsFrom(process.env, { admin: true }));
const sync = (number: number) => ({ integrationId: number.toString(16).padStart(24, "0"), workspaceId: "w1" });

test("an installation is created, and created again", { skip }, async () => {
  await admin.initialize();
  assert.deepEqual((await admin.initialize()).created.schedules, []);
});

test("a job is handed over once, however often, and cancelled while one waits for it", { skip }, async () => {
  const options = { idempotencyKey: randomUUID(), delayMs: 3_600_000 };
  const receipt = await jobs.enqueue("integration-sync", sync(1), options);
  const again = await jobs.enqueue("integration-sync", sync(1), options);
  assert.equal(again.jobId, receipt.jobId);
  assert.equal((await jobs.job(receipt.jobId)).state, "delayed");

  const seen: string[] = [];
  const job = await jobs.waitForJob(receipt.jobId, {
    timeoutMs: 30_000,
    onChange: (each) => {
      seen.push(each.state);
      if (!hasEnded(each)) void cancel(receipt.jobId);
    },
  });
  assert.equal(job.state, "cancelled");
  assert.equal(seen[0], "delayed");
});

test("many jobs are handed over at once, and each has its own answer", { skip }, async () => {
  const answers = await jobs.enqueueMany([
    { jobType: "integration-sync", data: sync(2), options: { delayMs: 3_600_000 } },
    { jobType: "integration-sync", data: { ...sync(3), integrationId: "" } },
  ]);

  assert.deepEqual(answers.map((each) => each.accepted), [true, false]);
  assert.equal(answers[1]?.problem?.status, 422);
});

test("a message is explained and cancelled", { skip }, async () => {
  assert.match((await jobs.explainMessage(messageId)).explanation, /\w/);
  assert.equal((await jobs.cancelMessage(messageId)).status, "cancelled");
});

test("numbers, health and troubles are told", { skip }, async () => {
  const stats = await jobs.stats();
  assert.ok(stats.queues.some((queue) => queue.queue === "integration-sync"));
  assert.equal((await jobs.health()).parts?.["redis"]?.status, "up");
  assert.equal(typeof (await jobs.troubles()).verdict, "string");
});

test("what may not be done is said", { skip }, async () => {
  await assert.rejects(jobs.initialize(), (error: unknown) => error instanceof ProblemError && error.isTokenRefused);
  await assert.rejects(jobs.job("nobody"), (error: unknown) => error instanceof ProblemError && error.status === 404);
});

async function cancel(jobId: string): Promise<void> {
  const { url, token } = settingsFrom(process.env, { admin: true });
  const headers = { Authorization: `Bearer ${token}` };
  await fetch(`${url}/api/bullmq/jobs/${jobId}`, { method: "DELETE", headers });
}
