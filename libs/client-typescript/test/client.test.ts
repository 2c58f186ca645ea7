/** The client against a server that fails on demand. */

import assert from "node:assert/strict";
import { test } from "node:test";

import { Webhook } from "standardwebhooks";

import { ProblemError, TucoJobs, UnreachableError, WebhookVerificationError, settingsFrom, verifyWebhook } from "../src/index.js";
import { withStub, type Planned } from "./stub.js";

const RECEIPT = { jobId: "j1", queue: "integration-sync", status: "waiting" };
const DATA = { integrationId: "665f00000000000000000001", workspaceId: "w1" };
const problem = (status: number, more: object = {}): Planned => ({
  status,
  headers: { "Retry-After": "0" },
  body: { status, title: "Problem", detail: "It is so.", ...more },
});
const QUICK = { firstPauseMs: 1, longestPauseMs: 1_000 };

test("a refusal that names a time is repeated, with the same idempotency key and body", async () => {
  await withStub([problem(503), problem(429), { status: 202, body: RECEIPT }], async ({ url, asked }) => {
    const receipt = await new TucoJobs({ url, token: "t", retries: QUICK }).enqueue("integration-sync", DATA);

    assert.equal(receipt.jobId, "j1");
    assert.equal(asked.length, 3);
    assert.equal(new Set(asked.map((each) => each.headers["idempotency-key"])).size, 1);
    assert.deepEqual(JSON.parse(asked[2]?.body ?? ""), { jobType: "integration-sync", data: DATA });
    assert.equal(asked[0]?.headers["authorization"], "Bearer t");
  });
});

test("two calls have two idempotency keys, unless the caller names one", async () => {
  await withStub([{ status: 202, body: RECEIPT }], async ({ url, asked }) => {
    const jobs = new TucoJobs({ url, token: "" });
    await jobs.enqueue("integration-sync", DATA);
    await jobs.enqueue("integration-sync", DATA);
    await jobs.enqueue("integration-sync", DATA, { idempotencyKey: "mine", delayMs: 5 });

    const keys = asked.map((each) => each.headers["idempotency-key"]);
    assert.equal(new Set(keys).size, 3);
    assert.equal(keys[2], "mine");
    assert.deepEqual(JSON.parse(asked[2]?.body ?? "").options, { delayMs: 5 });
    assert.equal(asked[0]?.headers["authorization"], undefined);
  });
});

test("a broken connection is repeated where that is safe", async () => {
  await withStub([{ status: 0 }, { status: 202, body: RECEIPT }], async ({ url, asked }) => {
    await new TucoJobs({ url, retries: QUICK }).enqueue("integration-sync", DATA);
    assert.equal(asked.length, 2);
  });
});

test("a broken connection is not repeated where it may have done something", async () => {
  await withStub([{ status: 0 }], async ({ url, asked }) => {
    await assert.rejects(new TucoJobs({ url, retries: QUICK }).cancelMessage("m1"), UnreachableError);
    assert.equal(asked.length, 1);
  });
});

test("a gateway that asks for too long a pause is not waited for", async () => {
  await withStub([{ ...problem(503), headers: { "Retry-After": "3600" } }], async ({ url, asked }) => {
    await assert.rejects(new TucoJobs({ url, retries: QUICK }).stats(), (error: unknown) => {
      assert.ok(error instanceof ProblemError);
      assert.equal(error.retryAfterSeconds, 3600);
      return error.isTransient;
    });
    assert.equal(asked.length, 1);
  });
});

test("a problem is an error with its status and the fields that are wrong", async () => {
  const errors = [{ field: "data.leadIds", problem: "is required" }];
  await withStub([problem(422, { errors })], async ({ url }) => {
    await assert.rejects(new TucoJobs({ url }).stats(), (error: unknown) => {
      assert.ok(error instanceof ProblemError);
      assert.deepEqual([error.status, error.message, error.fields], [422, "It is so.", errors]);
      return !error.isTransient && !error.isTokenRefused;
    });
  });
});

const UNHEALTHY: Planned = { status: 503, headers: { "Content-Type": "application/json" }, body: { status: "unavailable" } };

test("an unhealthy system is an answer, which is not asked for again", async () => {
  await withStub([UNHEALTHY], async ({ url, asked }) => {
    assert.equal((await new TucoJobs({ url, retries: QUICK }).health()).status, "unavailable");
    assert.equal(asked.length, 1);
  });
});

test("health is asked for again where the gateway is too busy or the connection breaks", async () => {
  await withStub([problem(429), { status: 0 }, UNHEALTHY], async ({ url, asked }) => {
    assert.equal((await new TucoJobs({ url, retries: QUICK }).health()).status, "unavailable");
    assert.equal(asked.length, 3);
  });
});

test("a job is waited for over broken streams, from where one was", async () => {
  const event = (id: string, state: string) => `id: ${id}\ndata: ${JSON.stringify({ jobId: "j1", state })}\n\n`;
  const first = { status: 200, text: `retry: 2000\n\n${event("a", "waiting")}: beat\n\n` };
  const second = { status: 200, text: `${event("b", "completed")}event: end\ndata: {}\n\n` };
  await withStub([first, second], async ({ url, asked }) => {
    const states: string[] = [];
    const job = await new TucoJobs({ url }).waitForJob("j1", { timeoutMs: 20_000, onChange: (each) => states.push(each.state) });

    assert.equal(job.state, "completed");
    assert.deepEqual(states, ["waiting", "completed"]);
    assert.deepEqual(asked.map((each) => each.headers["last-event-id"]), [undefined, "a"]);
  });
});

test("waiting for a job ends when its time is up", async () => {
  await withStub([{ status: 200, text: "retry: 2000\n\n" }], async ({ url }) => {
    await assert.rejects(new TucoJobs({ url }).waitForJob("j1", { timeoutMs: 50 }));
  });
});

test("a webhook is believed by its signature only", () => {
  const secret = `whsec_${Buffer.from("0123456789abcdef0123456789abcdef").toString("base64")}`;
  const body = JSON.stringify({ type: "job.completed" });
  const at = new Date();
  const headers = new Headers({
    "webhook-id": "w1",
    "webhook-timestamp": String(Math.floor(at.getTime() / 1000)),
    "webhook-signature": new Webhook(secret).sign("w1", at, body),
  });
  const other = `whsec_${Buffer.from("another").toString("base64")}`;

  assert.deepEqual(verifyWebhook(body, headers, secret), { type: "job.completed" });
  assert.deepEqual(verifyWebhook(body, headers, [other, secret]), { type: "job.completed" });
  assert.throws(() => verifyWebhook(`${body} `, headers, secret), WebhookVerificationError);
  assert.throws(() => verifyWebhook(body, headers, other), WebhookVerificationError);
  assert.throws(() => verifyWebhook(body, headers, []), WebhookVerificationError);
});

test("settings come from the environment, of two tokens the first", () => {
  const environ = { BULLMQ_SERVER_URL: "http://g", SERVICE_TOKEN: "new, old", ADMIN_TOKEN: "a" };

  assert.deepEqual(settingsFrom(environ), { url: "http://g", token: "new" });
  assert.deepEqual(settingsFrom(environ, { admin: true }), { url: "http://g", token: "a" });
  assert.deepEqual(settingsFrom({}), { url: "http://localhost:3001", token: "" });
});
