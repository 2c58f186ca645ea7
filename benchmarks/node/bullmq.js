// BullMQ at the best settings that it documents.
//
// - addBulk for many jobs: https://docs.bullmq.io/guide/queues/adding-bulks. 1,000 to a call was as fast as 250, and both
//   faster than 50 and than 5,000.
// - "something between 100 and 300" jobs at once: https://docs.bullmq.io/guide/parallelism-and-concurrency. What a job
//   costs is the same from 50 to 500; with 1,000 it is more.
// - completed jobs are not kept: https://docs.bullmq.io/guide/queues/auto-removal-of-jobs
// - ioredis, its default client, without enableAutoPipelining: with it a job costs more, and adding one by one is four
//   times slower.
// - nobody listens to the events; that they are written cannot be switched off.
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue, Worker } from 'bullmq';

const QUEUE = 'bench';
const SLEEP_MS = 20;
const HELD_MS = 3_600_000;
const SHORT_JOBS_AT_ONCE = 300;

export class BullMq {
  bulk = 1_000;
  #connection;
  #queue = null;

  constructor(url) {
    const { hostname, port } = new URL(url);
    this.#connection = { host: hostname, port: Number(port) };
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
      concurrency: concurrency > 1 ? concurrency : SHORT_JOBS_AT_ONCE,
      removeOnComplete: { count: 0 },
    });
    worker.on('error', error => console.error(error));
  }
}
