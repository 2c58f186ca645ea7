// Counts the jobs that a worker process has run, and tells the bench through a pipe, as benchmarks/queue/tally.py does.
import { writeSync } from 'node:fs';

const INTERVAL_MS = 10;

/** Microseconds on the clock that all processes of this machine share. */
export function nowUs() {
  return Number(process.hrtime.bigint() / 1000n);
}

export class Tally {
  #descriptor;
  #count = 0;
  #lastUs = 0;
  #told = 0;
  #timer = null;

  constructor(descriptor) {
    this.#descriptor = descriptor;
  }

  loaded() {
    this.#tell('loaded', 0, 0);
  }

  ran() {
    this.#count++;
    this.#lastUs = nowUs();
    this.#timer ??= setInterval(() => this.#tellCount(), INTERVAL_MS);
  }

  pinged(sentUs) {
    this.#tell('pinged', nowUs() - sentUs, 0);
  }

  started() {
    this.#tell('started', 0, 0);
  }

  #tellCount() {
    if (this.#count === this.#told) return;
    this.#told = this.#count;
    this.#tell('ran', this.#count, this.#lastUs);
  }

  #tell(word, first, second) {
    writeSync(this.#descriptor, `${word} ${process.pid} ${first} ${second}\n`);
  }
}
