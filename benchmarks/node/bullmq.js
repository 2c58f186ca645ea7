// BullMQ at the best settings that it documents.
//
// - addBulk for many jobs: https://docs.bullmq.io/guide/queues/adding-bulks
// - a high local concurrency per worker: https://docs.bullmq.io/guide/workers/concurrency
// - removeOnComplete: https://docs.bullmq.io/guide/queues/auto-removal-of-jobs
// - no QueueEvents listener; the events stream itself cannot be switched off.
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';

const QUEUE = 'bench';
const SLEEP_MS = 20;
const HELD_MS = 3_600_000;
const SHORT_JOBS_AT_ONCE = Number(process.env.BULL_C ?? 100);
const autoPipelining = process.env.BULL_AP === '1';

export class BullMq {
  bulk = Number(process.env.BULL_BULK ?? 1_000);
  #connection;
  #queue = null;

  constructor(url) {
    const { hostname, port } = new URL(url);
    this.#connection = { host: hostname, port: Number(port), enableAutoPipelining: autoPipelining };
  }

  async ready() {
    this.#queue = new Queue(QUEUE, {
      connection: this.#connection,
      defaultJobOptions: { removeOnComplete: true },
    });
    await this.#queue.waitUntilReady();
  }

  async enqueue(data) {
    await this.#queue.add('bench', data);
  }

  async enqueueBulk(batch) {
    await this.#queue.addBulk(batch.map(data => ({ name: 'bench', data })));
  }

  work(kind, tally, concurrency) {
    const processors = {
      count: async () => tally.ran(),
      sleep: async () => {
        await sleep(SLEEP_MS);
        tally.ran();
      },
      ping: async job => tally.pinged(job.data.sentUs),
      hold: async () => {
        tally.started();
        await sleep(HELD_MS);
      },
    };
    const worker = new Worker(QUEUE, processors[kind], {
      connection: this.#connection,
      concurrency: Math.max(concurrency, SHORT_JOBS_AT_ONCE),
      removeOnComplete: { count: 0 },
    });
    worker.on('error', error => console.error(error));
  }
}
