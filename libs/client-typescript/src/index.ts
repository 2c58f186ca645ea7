/** The typed client of Tuco Jobs. */

export {
  TucoJobs,
  hasEnded,
  type BatchItem,
  type BatchItemAnswer,
  type ClientOptions,
  type EnqueueOptions,
  type Explanation,
  type Health,
  type InitializeAnswer,
  type Job,
  type JobType,
  type Message,
  type Options,
  type Payload,
  type Receipt,
  type Stats,
  type Troubles,
  type WaitOptions,
} from "./client.js";
export { ProblemError, UnreachableError, type Problem } from "./problems.js";
export { DEFAULT_RETRIES, type Fetch, type Retries } from "./retrying.js";
export type { components, operations, paths } from "./schema.js";
export { settingsFrom, type Settings } from "./settings.js";
export { WebhookVerificationError, verifyWebhook } from "./webhooks.js";
