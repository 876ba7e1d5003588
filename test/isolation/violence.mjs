// Kills of everything while something else goes on, by the faults that the cluster's violence has.

import { startCluster } from '../product/cluster.mjs';
import { FAULT_NAMES, inflict } from '../product/cluster-faults.mjs';
import { eventually, isReady, startProduct } from '../product/product.mjs';

const KILLS = ['kill the leader', 'kill a participant', 'kill Kafka', 'kill Postgres'];
const BETWEEN_MS = 4_000;
/** So much has to succeed after each fault before the next, or the history would show nothing but refusals. */
const PROGRESS_MIN = 20;
const RECOVERY_MS = 90_000;
const ELECTION_TIMEOUT_MS = 1_000;

/** One coordinator, or several with a network between them, looking alike. @param {number} replicas */
export async function startScene(replicas) {
  if (replicas > 1) return startCluster({ replicas, electionTimeoutMs: ELECTION_TIMEOUT_MS });
  const product = await startProduct();
  const { url } = product;
  return {
    ...product,
    urls: [url],
    anyUrl: () => url,
    leaderId: async () => (await product.run()).coordinators[0].id,
    allReady: () => isReady(url),
  };
}

/** Inflicts one fault after the other until told to stop. */
export class Violence {
  /** @type {string[]} */ done = [];
  #stopping = false;
  #loop;

  /** @param {{ product: any, random: () => number, progress: () => number, say: (line: string) => void }} options
   *   `progress` counts what has succeeded so far */
  constructor({ product, random, progress, say }) {
    const names = product.urls.length > 1 ? FAULT_NAMES : KILLS;
    this.#loop = this.#run({ product, random, progress, say, names });
    this.#loop.catch(() => undefined); // told by `stop`
    this.product = product;
  }

  /** No further fault after the one under way. */
  cease() {
    this.#stopping = true;
  }

  /** Ends the violence and waits until everything is back. */
  async stop() {
    this.cease();
    await this.#loop;
    await eventually(this.product.allReady, 'everything to be back', RECOVERY_MS);
  }

  async #run({ product, random, progress, say, names }) {
    const scene = { cluster: product, random, electionTimeoutMs: ELECTION_TIMEOUT_MS };
    while (!this.#stopping) {
      await new Promise((resolve) => setTimeout(resolve, BETWEEN_MS * random()));
      const name = names[Math.floor(random() * names.length)];
      const what = await inflict(name, scene).catch((error) => `could not be done: ${error.message}`);
      this.done.push(name);
      say(`${name} (${what})`);
      await eventually(product.allReady, `replicas to be ready after: ${name}`, RECOVERY_MS);
      const before = progress();
      const goesOn = async () => this.#stopping || progress() >= before + PROGRESS_MIN;
      await eventually(goesOn, `commits after: ${name}`, RECOVERY_MS);
    }
  }
}
