/** The client: what the app asks of the gateway, typed, and repeated where that is safe. */

import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";

import createClient, { type Client } from "openapi-fetch";

import { eventsOf } from "./events.js";
import { ProblemError, UnreachableError, errorOf } from "./problems.js";
import { DEFAULT_RETRIES, retrying, type Fetch, type Retries } from "./retrying.js";
import type { components, paths } from "./schema.js";
import { settingsFrom, type Settings } from "./settings.js";

type Schemas = components["schemas"];

export type BatchItem = Schemas["BatchItem"];
export type BatchItemAnswer = Schemas["BatchItemAnswer"];
export type Explanation = Schemas["Explanation"];
export type Health = Schemas["Health"];
export type InitializeAnswer = Schemas["InitializeAnswer"];
export type Job = Schemas["JobAnswer"];
export type JobType = Schemas["JobRequest"]["jobType"];
export type Message = Schemas["ShownMessage"];
export type Options = Schemas["RequestedOptions"];
export type Receipt = Schemas["Receipt"];
export type Stats = Schemas["StatsAnswer"];
export type Troubles = Schemas["TroublesAnswer"];

/** The payload of each job type; one that is not named here takes any of them, and the gateway checks it. */
interface Payloads {
  readonly "bulk-availability-check": Schemas["BulkAvailability"];
  readonly "integration-sync": Schemas["IntegrationSync"];
  readonly "message-processing": Schemas["MessageProcessing"];
}

export type Payload<T extends JobType> = T extends keyof Payloads ? Payloads[T] : Schemas["JobRequest"]["data"];

export interface EnqueueOptions extends Options {
  /**
   * A second request with this key meets the first one's job. A new one is made up for each call where it is left out,
   * which makes the call's own repetitions safe; name one to make the caller's safe too.
   */
  readonly idempotencyKey?: string;
}

export interface WaitOptions {
  /** Milliseconds after which one gives up; the job goes on. */
  readonly timeoutMs?: number;
  /** Ends the waiting; the job goes on. */
  readonly signal?: AbortSignal;
  /** Told each time that something about the job has changed. */
  readonly onChange?: (job: Job) => void;
}

export interface ClientOptions extends Partial<Settings> {
  /** How often and when calls are repeated. */
  readonly retries?: Partial<Retries>;
  /** How requests travel; by Node's own fetch. */
  readonly fetch?: Fetch;
}

/** What a question about health is refused with: its 503 is the answer that something is down. */
const REFUSED_HEALTH: ReadonlySet<number> = new Set([429]);
const FINAL: ReadonlySet<string> = new Set(["completed", "failed", "cancelled"]);
const RECONNECT_MS = 1_000;

/** Whether a job has come to an end, one way or the other. */
export function hasEnded(job: Pick<Job, "state">): boolean {
  return FINAL.has(job.state);
}

/**
 * One gateway.
 *
 * Every method throws {@link ProblemError} where the gateway refuses, and {@link UnreachableError} where nothing, or
 * something else, answers.
 */
export class TucoJobs {
  readonly #api: Client<paths>;
  readonly #askHealth: Fetch;

  constructor(options: ClientOptions = {}) {
    const { url, token } = { ...settingsFrom(process.env), ...options };
    const send = options.fetch ?? fetch;
    const retries = { ...DEFAULT_RETRIES, ...options.retries };
    this.#askHealth = retrying(send, retries, REFUSED_HEALTH);
    this.#api = createClient<paths>({
      baseUrl: url.replace(/\/+$/, ""),
      headers: token ? { Authorization: `Bearer ${token}` } : {},
      fetch: retrying(send, retries),
    });
  }

  /** Hand over a job. A small one may have run at once: then the receipt holds its result. */
  async enqueue<T extends JobType>(jobType: T, data: Payload<T>, options: EnqueueOptions = {}): Promise<Receipt> {
    const { idempotencyKey = randomUUID(), ...chosen } = options;
    return found(
      await this.#api.POST("/api/bullmq/jobs", {
        body: { jobType, data, ...(Object.keys(chosen).length > 0 ? { options: chosen } : {}) },
        params: { header: { "Idempotency-Key": idempotencyKey } },
      }),
    );
  }

  /** Hand over up to 1,000 jobs; one answer per job, in their order. Jobs without a key are given one. */
  async enqueueMany(jobs: readonly BatchItem[]): Promise<readonly BatchItemAnswer[]> {
    const keyed = jobs.map((job) => ({ ...job, idempotencyKey: job.idempotencyKey ?? randomUUID() }));
    return found(await this.#api.POST("/api/bullmq/jobs/batch", { body: { jobs: keyed } })).jobs;
  }

  /** A job as it is now. */
  async job(jobId: string): Promise<Job> {
    return found(await this.#api.GET("/api/bullmq/jobs/{jobId}", { params: { path: { jobId } } }));
  }

  /** A job each time that something about it has changed, until it has ended; lost connections are made again. */
  async *follow(jobId: string, signal?: AbortSignal): AsyncGenerator<Job> {
    let seen = "";
    for (;;) {
      try {
        for await (const event of eventsOf(await this.#stream(jobId, seen, signal))) {
          if (event.event === "gone") throw new UnreachableError(`The job ${jobId} is not known any more.`);
          if (event.event !== undefined) continue;
          seen = event.id ?? seen;
          const job = JSON.parse(event.data) as Job;
          yield job;
          if (hasEnded(job)) return;
        }
      } catch (error) {
        // A gateway that was there may be restarting; one that never was is not waited for.
        const isRestarting = seen !== "" && error instanceof UnreachableError && error.cause !== undefined;
        if (signal?.aborted || !(isRestarting || isPassing(error))) throw error;
      }
      await pause(RECONNECT_MS, undefined, signal ? { signal } : {});
    }
  }

  /** The job once it has ended, however it did: look at its `state`. */
  async waitForJob(jobId: string, options: WaitOptions = {}): Promise<Job> {
    const limits = [options.signal, options.timeoutMs === undefined ? undefined : AbortSignal.timeout(options.timeoutMs)];
    const given = limits.filter((each) => each !== undefined);
    for await (const job of this.follow(jobId, given.length > 0 ? AbortSignal.any(given) : undefined)) {
      options.onChange?.(job);
      if (hasEnded(job)) return job;
    }
    throw new UnreachableError(`The job ${jobId} ended without saying how.`);
  }

  /** Why a message is not sent yet, and when it can go. */
  async explainMessage(messageId: string): Promise<Explanation> {
    const path = { messageId };
    return found(await this.#api.GET("/api/bullmq/messages/{messageId}/explain", { params: { path } }));
  }

  /** Cancel a message that has not gone out. */
  async cancelMessage(messageId: string): Promise<Message> {
    const path = { messageId };
    return found(await this.#api.POST("/api/bullmq/messages/{messageId}/cancel", { params: { path } }));
  }

  /** How the gateway, its stores and each service are; an unhealthy system is an answer, not an error. */
  async health(): Promise<Health> {
    const { data, error, response } = await this.#api.GET("/api/bullmq/health", { fetch: this.#askHealth });
    if (data !== undefined) return data;
    if (isHealth(error)) return error;
    throw errorOf(error, response);
  }

  /** Each queue in numbers, and the workers that live. */
  async stats(): Promise<Stats> {
    return found(await this.#api.GET("/api/bullmq/stats"));
  }

  /** What is wrong now, in words, the worst first. */
  async troubles(): Promise<Troubles> {
    return found(await this.#api.GET("/api/bullmq/troubles"));
  }

  /** Create or restore collections, indexes and schedules; doing it twice changes nothing. Needs ADMIN_TOKEN. */
  async initialize(): Promise<InitializeAnswer> {
    return found(await this.#api.POST("/api/bullmq/initialize"));
  }

  async #stream(jobId: string, seen: string, signal: AbortSignal | undefined): Promise<Response> {
    const { error, response } = await this.#api.GET("/api/bullmq/jobs/{jobId}/events", {
      params: { path: { jobId }, header: seen ? { "Last-Event-ID": seen } : {} },
      parseAs: "stream",
      ...(signal ? { signal } : {}),
    });
    if (error !== undefined) throw errorOf(error, response);
    return response;
  }
}

/** What an answer holds. */
function found<T>(answer: { data?: T; error?: unknown; response: Response }): T {
  if (answer.data === undefined) throw errorOf(answer.error, answer.response);
  return answer.data;
}

function isHealth(body: unknown): body is Health {
  return typeof body === "object" && body !== null && "status" in body && typeof body.status === "string";
}

/** Whether a broken stream is worth another try. */
function isPassing(error: unknown): boolean {
  if (error instanceof ProblemError) return error.isTransient;
  return error instanceof TypeError; // what fetch throws where a connection breaks
}
