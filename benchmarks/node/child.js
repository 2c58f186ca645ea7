// A process of BullMQ: node child.js URL produce|work ...; the same protocol as benchmarks/queue/child.py.
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { BullMq } from './bullmq.js';
import { Tally, nowUs } from './tally.js';

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    kind: { type: 'string' },
    concurrency: { type: 'string' },
    'report-to': { type: 'string' },
  },
});
const [url, role] = positionals;

// Ends when standard input does, so that no process is left over when the bench is killed.
const lines = createInterface({ input: process.stdin });
lines.on('close', () => process.exit(0));

async function enqueue(peer, { do: how, data, groups }, count) {
  const payload = i => ({ ...data, workspaceId: `workspace-${i % groups}` });
  if (how === 'enqueue_one') {
    for (let i = 0; i < count; i++) await peer.enqueue(payload(i));
    return;
  }
  for (let start = 0; start < count; start += peer.bulk) {
    const batch = [];
    for (let i = start; i < Math.min(start + peer.bulk, count); i++) batch.push(payload(i));
    await peer.enqueueBulk(batch);
  }
}

async function obey(peer, command) {
  if (command.do === 'ping') {
    await peer.enqueue({ ...command.data, sentUs: nowUs() });
    return {};
  }
  await enqueue(peer, command, command.warm_up);
  const began = process.hrtime.bigint();
  await enqueue(peer, command, command.count);
  return { seconds: Number(process.hrtime.bigint() - began) / 1e9 };
}

const peer = new BullMq(url);
if (role === 'produce') {
  let last = peer.ready();
  lines.on('line', line => {
    last = last
      .then(() => obey(peer, JSON.parse(line)))
      .then(answer => process.stdout.write(JSON.stringify(answer) + '\n'));
  });
} else {
  const tally = new Tally(Number(values['report-to']));
  tally.loaded();
  lines.once('line', () => peer.work(values.kind, tally, Number(values.concurrency)));
}
