// Bulk availability as one would write it with BullMQ, at its best settings: the reference that ours is measured beside.
//
//   node availability.js '{"redis", "mongo", "database", "lines", "inFlight", "chunk", "jobsAtOnce"}'
//
// The same steps: a parent job reads its leads, puts those that share a phone or an email into the same chunk, and adds
// the chunks as children; a chunk reads its leads, asks about each distinct handle once, phones first, and stores the
// answers with majority writes; the parent sums up from what is stored. It is spared what ours does beside: no paces and
// no circuits per line, no retries at another line, no ledger, no progress, no answers kept through a crash.
//
// - undici's Pool with as many connections as questions may be in flight: https://undici.nodejs.org/#/docs/api/Pool
// - the driver's bulkWrite, unordered
// - FlowProducer's parents and children by addBulk and moveToWaitingChildren:
//   https://docs.bullmq.io/patterns/process-step-jobs#waiting-children
// - the remaining settings are those of bullmq.js
import { MongoClient, ObjectId } from 'mongodb';
import { Queue, WaitingChildrenError, Worker } from 'bullmq';
import { Pool } from 'undici';
import { createInterface } from 'node:readline';

const QUEUE = 'bulk';
const READ_AT_ONCE = 2_000;
const STORE_AT_ONCE = 100;
const NORTH_AMERICAN = /^(\+?1[-. ]?)?(?:\(([2-9]\d{2})\)|([2-9]\d{2}))[-. ]?(\d{3})[-. ]?(\d{4})$/;
const PLAIN_EMAIL = /^[a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*@(?:[a-z0-9]+(?:-[a-z0-9]+)*\.)+[a-z]{2,24}$/;

const options = JSON.parse(process.argv[2]);

const normalPhone = text => {
  const match = text && NORTH_AMERICAN.exec(text);
  return match ? `+1${match[2] ?? match[3]}${match[4]}${match[5]}` : null;
};

const normalEmail = text => {
  const lowered = text?.toLowerCase();
  return lowered && PLAIN_EMAIL.test(lowered) ? lowered : null;
};

/** Lets so many at a time pass. */
class Gate {
  #room;
  #waiting = [];
  #first = 0;

  constructor(room) {
    this.#room = room;
  }

  enter() {
    if (this.#room > 0) {
      this.#room--;
      return undefined;
    }
    return new Promise(resolve => this.#waiting.push(resolve));
  }

  leave() {
    if (this.#first === this.#waiting.length) {
      this.#room++;
      return;
    }
    this.#waiting[this.#first++]();
    if (this.#first === 1_024) {
      this.#waiting.splice(0, this.#first);
      this.#first = 0;
    }
  }
}

const lines = options.lines.map(({ _id, serverUrl, password }) => ({
  id: new ObjectId(_id),
  pool: new Pool(serverUrl, { connections: Math.ceil(options.inFlight / options.lines.length), pipelining: 1 }),
  path: `/api/v1/handle/availability/imessage?password=${encodeURIComponent(password)}&address=`,
}));
const gates = lines.map(() => new Gate(Math.ceil(options.inFlight / options.lines.length)));
let turn = 0;

async function ask(handle) {
  const at = turn++ % lines.length;
  const entered = gates[at].enter();
  if (entered) await entered;
  try {
    const { pool, path, id } = lines[at];
    const { statusCode, body } = await pool.request({ method: 'GET', path: path + encodeURIComponent(handle) });
    const answer = await body.json();
    if (statusCode !== 200) throw new Error(`status ${statusCode}`);
    return { available: answer.data.available, lineId: id };
  } finally {
    gates[at].leave();
  }
}

const mongo = await new MongoClient(options.mongo).connect();
const leads = mongo.db(options.database).collection('leads', { writeConcern: { w: 'majority' } });
const url = new URL(options.redis);
const connection = { host: url.hostname, port: Number(url.port) };
const queue = new Queue(QUEUE, { connection, defaultJobOptions: { removeOnComplete: true } });

/** Chunks such that leads which share a handle are in the same one. */
function split(contacts, size) {
  const heads = new Map();
  const find = key => {
    let head = key;
    while (heads.get(head) !== head) head = heads.get(head);
    return head;
  };
  const firstWith = new Map();
  for (const [id, handles] of contacts) {
    heads.set(id, id);
    for (const handle of handles) {
      const first = firstWith.get(handle);
      if (first === undefined) firstWith.set(handle, id);
      else heads.set(find(id), find(first));
    }
  }
  const groups = new Map();
  for (const [id] of contacts) {
    const head = find(id);
    const group = groups.get(head);
    if (group) group.push(id);
    else groups.set(head, [id]);
  }
  const chunks = [];
  let chunk = [];
  for (const group of groups.values()) {
    if (chunk.length && chunk.length + group.length > size) {
      chunks.push(chunk);
      chunk = [];
    }
    chunk.push(...group);
  }
  if (chunk.length) chunks.push(chunk);
  return chunks;
}

async function contactsOf(workspaceId, ids) {
  const wanted = { _id: { $in: ids.map(id => new ObjectId(id)) }, workspaceId };
  const projection = { phone: 1, email: 1, availability: 1 };
  return leads.find(wanted, { projection, batchSize: ids.length + 1 }).toArray();
}

async function plan(job) {
  const { workspaceId, leadIds } = job.data;
  const contacts = [];
  for (let start = 0; start < leadIds.length; start += READ_AT_ONCE) {
    for (const lead of await contactsOf(workspaceId, leadIds.slice(start, start + READ_AT_ONCE))) {
      const handles = [normalPhone(lead.phone), normalEmail(lead.email)].filter(Boolean);
      contacts.push([lead._id.toHexString(), handles]);
    }
  }
  const parent = { id: job.id, queue: job.queueQualifiedName };
  const children = split(contacts, options.chunk).map(leadIds => ({
    name: 'chunk',
    data: { runId: job.id, workspaceId, leadIds },
    opts: { parent },
  }));
  for (let start = 0; start < children.length; start += 250) {
    await queue.addBulk(children.slice(start, start + 250));
  }
}

async function summary({ workspaceId, leadIds }, runId) {
  const counts = {};
  for (let start = 0; start < leadIds.length; start += 10_000) {
    const ids = leadIds.slice(start, start + 10_000).map(id => new ObjectId(id));
    const groups = leads.aggregate([
      { $match: { _id: { $in: ids }, workspaceId } },
      { $match: { 'availability.runId': runId } },
      { $group: { _id: '$availability.status', leads: { $sum: 1 } } },
    ]);
    for await (const { _id, leads: number } of groups) counts[_id] = (counts[_id] ?? 0) + number;
  }
  return counts;
}

async function checkRun(job, token) {
  if (job.data.step !== 'split') {
    await plan(job);
    await job.updateData({ ...job.data, step: 'split' });
    if (await job.moveToWaitingChildren(token)) throw new WaitingChildrenError();
  }
  return summary(job.data, job.id);
}

async function checkChunk({ data: { runId, workspaceId, leadIds } }) {
  const found = await contactsOf(workspaceId, leadIds);
  const asked = new Map();
  const askOnce = handle => {
    let answer = asked.get(handle);
    if (!answer) asked.set(handle, (answer = ask(handle)));
    return answer;
  };
  let writes = [];
  const stored = [];
  const store = () => {
    const slice = writes;
    writes = [];
    if (slice.length) stored.push(leads.bulkWrite(slice, { ordered: false }));
  };
  const finish = (lead, answer) => {
    const availability = { ...answer, runId, checkedAt: new Date() };
    writes.push({
      updateOne: {
        filter: { _id: lead._id, workspaceId, 'availability.runId': { $ne: runId } },
        update: { $set: { availability } },
      },
    });
    if (writes.length === STORE_AT_ONCE) store();
  };
  await Promise.all(
    found
      .filter(lead => lead.availability?.runId !== runId)
      .map(async lead => {
        const handles = [normalPhone(lead.phone), normalEmail(lead.email)].filter(Boolean);
        if (!handles.length) return finish(lead, { status: 'invalid', service: null, handle: null, lineId: null });
        let first = null;
        for (const handle of handles) {
          const { available, lineId } = await askOnce(handle);
          if (available) return finish(lead, { status: 'available', service: 'iMessage', handle, lineId });
          first ??= { status: 'unavailable', service: null, handle, lineId };
        }
        return finish(lead, first);
      }),
  );
  store();
  await Promise.all(stored);
}

const worker = new Worker(QUEUE, async (job, token) => (job.name === 'run' ? checkRun(job, token) : checkChunk(job)), {
  connection,
  concurrency: options.jobsAtOnce,
  removeOnComplete: { count: 0 },
  lockDuration: 120_000,
});
worker.on('error', error => console.error(error));
worker.on('failed', (job, error) => console.error(job?.id, error));
worker.on('completed', (job, counts) => {
  if (job.name === 'run') process.stdout.write(JSON.stringify({ ended: counts }) + '\n');
});
await worker.waitUntilReady();
process.stdout.write(JSON.stringify({ ready: true }) + '\n');

// Ends when standard input does. A line asks for a run.
const input = createInterface({ input: process.stdin });
input.on('close', () => process.exit(0));
input.on('line', line => queue.add('run', JSON.parse(line)));
