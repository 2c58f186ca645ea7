// POST /jobs and POST /jobs/batch as one would write them with Express and BullMQ: the reference for the gateway.
//
//   NODE_ENV=production node gateway.js '{"redis", "token"}'
//
// It checks the token and the payload's fields, adds to the queue, and answers 202. It is spared what ours does beside:
// no ledger in MongoDB before the answer, no idempotency keys, no rate limits, no metrics, no log.
//
// - https://expressjs.com/en/advanced/best-practice-performance.html: NODE_ENV=production
// - the settings of the queue are those of bullmq.js
import express from 'express';
import { Queue } from 'bullmq';
import { timingSafeEqual } from 'node:crypto';
import { createInterface } from 'node:readline';

const options = JSON.parse(process.argv[2]);
const url = new URL(options.redis);
const queue = new Queue('message-processing', {
  connection: { host: url.hostname, port: Number(url.port) },
  defaultJobOptions: { removeOnComplete: true },
});
await queue.waitUntilReady();

const wanted = Buffer.from(`Bearer ${options.token}`);
const isText = value => typeof value === 'string' && value.length > 0 && value.length <= 200;
const problemOf = ({ jobType, data }) => {
  if (jobType !== 'message-processing') return 'jobType';
  if (!isText(data?.workspaceId)) return 'data.workspaceId';
  return /^[0-9a-fA-F]{24}$/.test(data.messageId) ? null : 'data.messageId';
};

const app = express();
app.disable('x-powered-by');
app.disable('etag');
app.use((request, response, next) => {
  const shown = Buffer.from(request.headers.authorization ?? '');
  if (shown.length === wanted.length && timingSafeEqual(shown, wanted)) next();
  else response.status(401).json({ status: 401 });
});
app.use(express.json({ limit: '16mb' }));
app.post('/jobs', async (request, response) => {
  const problem = problemOf(request.body);
  if (problem) return response.status(422).json({ status: 422, field: problem });
  const job = await queue.add(request.body.jobType, request.body.data);
  return response.status(202).json({ jobId: job.id, queue: queue.name, status: 'waiting' });
});
app.post('/jobs/batch', async (request, response) => {
  const { jobs } = request.body;
  const problems = jobs.map(problemOf);
  const good = jobs.filter((_, place) => !problems[place]);
  const added = await queue.addBulk(good.map(({ jobType, data }) => ({ name: jobType, data })));
  let next = 0;
  response.json({
    jobs: problems.map(problem =>
      problem
        ? { accepted: false, problem }
        : { accepted: true, job: { jobId: added[next++].id, queue: queue.name, status: 'waiting' } },
    ),
  });
});
const server = app.listen(0, '127.0.0.1', () => {
  process.stdout.write(JSON.stringify({ url: `http://127.0.0.1:${server.address().port}` }) + '\n');
});
server.keepAliveTimeout = 75_000;

// Ends when standard input does.
createInterface({ input: process.stdin }).on('close', () => process.exit(0));
