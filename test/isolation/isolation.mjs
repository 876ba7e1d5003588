// List-append histories made on the real product and judged by libs/isolation; shared by `npm run test:isolation` and its
// short form in `npm test`.
import { checkHistory, forbiddenBy } from '@concordat/isolation';
import { quiet } from '../product/checks.mjs';
import { generator } from '../product/generator.mjs';
import { Client, operationsOf } from './client.mjs';
import { HistoryRecorder } from './history-recorder.mjs';
import { startScene, Violence } from './violence.mjs';
import { Workload } from './workload.mjs';

const CALL_TIMEOUT_MS = 10_000;
/** The product promises this much, in ms, from the last fault's recovery to nothing prepared and nothing unfinished. */
const QUIET_WITHIN_MS = 10_000;
const PAUSE_AFTER_REFUSAL_MS = 50;
const STRONG = {
  'snapshot-isolation': 'strong-snapshot-isolation',
  'strong-session-snapshot-isolation': 'strong-snapshot-isolation',
  serializable: 'strict-serializable',
  'strong-session-serializable': 'strict-serializable',
};

/**
 * @param {object} options
 * @param {number} options.transactions to be committed
 * @param {number} [options.durationMs] ends earlier after so long
 * @param {number} options.seed
 * @param {boolean} [options.serializable]
 * @param {import('@concordat/isolation').ModelName} [options.model]
 * @param {boolean} [options.kills]
 * @param {number} [options.replicas]
 * @param {number} [options.clients]
 * @param {number} [options.keys] in use at a time
 * @param {number} [options.appendsPerKey]
 * @param {number} [options.interactiveShare]
 * @param {(share: number) => void} [options.progress]
 * @param {(line: string) => void} [options.say]
 */
export async function runIsolation({
  transactions,
  durationMs = Number.POSITIVE_INFINITY,
  seed,
  serializable = false,
  model = serializable ? 'serializable' : 'snapshot-isolation',
  kills = false,
  replicas = kills ? 3 : 1,
  clients = 12,
  keys = 48,
  appendsPerKey = 30,
  interactiveShare = 0.4,
  progress = () => {},
  say = () => {},
}) {
  const random = generator(seed);
  const product = await startScene(replicas);
  try {
    const workload = new Workload({ random, url: product.anyUrl, keys, appendsPerKey });
    await workload.open();
    const client = new Client({
      url: product.anyUrl,
      random,
      serializable,
      interactiveShare,
      timeoutMs: CALL_TIMEOUT_MS,
    });
    const run = new Run();
    const violence = kills ? new Violence({ product, random, progress: () => run.committed, say }) : undefined;
    const startedAt = performance.now();
    const share = () => Math.max(run.committed / transactions, (performance.now() - startedAt) / durationMs);
    await work(run, { workload, client, clients, share, progress }).finally(() => violence?.cease());
    const seconds = (performance.now() - startedAt) / 1000;
    const violations = [];
    await violence?.stop().catch((error) => violations.push(error.message));
    await workload.close();
    await run.settle();
    await quiet(product, QUIET_WITHIN_MS).catch((error) => violations.push(error.message));
    const history = run.recorder.events();
    return {
      seed,
      history,
      violations,
      faults: violence?.done ?? [],
      seconds,
      ...run.figures(),
      ...judge(history, model),
    };
  } finally {
    await product.stop();
  }
}

/** Clients that each do one transaction after the other. */
async function work(run, { workload, client, clients, share, progress }) {
  const loop = async (first) => {
    let process = first;
    while (share() < 1) {
      const steps = workload.draw();
      run.recorder.invoke(process, operationsOf(steps));
      const attempt = await client.run(steps);
      run.note(process, attempt);
      progress(Math.min(1, share()));
      if (attempt.outcome === 'info') process += clients; // a process that lost an answer can never go on
      if (attempt.outcome !== 'ok')
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_REFUSAL_MS * Math.random()));
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, at) => loop(at)));
}

class Run {
  recorder = new HistoryRecorder();
  committed = 0;
  /** Why attempts failed: code → count. */
  #codes = new Map();
  #attempts = 0;
  #unsettled = [];
  #stillUnknown = 0;

  note(process, attempt) {
    this.#attempts += 1;
    if (attempt.outcome === 'info') this.#unsettled.push({ process, attempt });
    else this.#tell(process, attempt);
  }

  /** Asks once more for every outcome that was lost. */
  async settle() {
    for (const { process, attempt } of this.#unsettled) {
      const settled = await attempt.settle();
      if (settled.outcome === 'info') this.#stillUnknown += 1;
      this.#tell(process, settled);
    }
  }

  #tell(process, { outcome, operations, code }) {
    this.recorder.answer(process, outcome, operations);
    if (outcome === 'ok') this.committed += 1;
    if (outcome === 'fail') this.#codes.set(code, (this.#codes.get(code) ?? 0) + 1);
  }

  figures() {
    return {
      attempts: this.#attempts,
      committed: this.committed,
      commitRate: this.committed / this.#attempts,
      failures: Object.fromEntries(this.#codes),
      settledLate: this.#unsettled.length - this.#stillUnknown,
      unknown: this.#stillUnknown,
    };
  }
}

/** One search for both: what the model forbids, and what only its strong form does. */
function judge(history, model) {
  const startedAt = performance.now();
  const strong = STRONG[model] ?? model;
  const report = checkHistory(history, strong);
  const kinds = forbiddenBy(model);
  const forbidden = report.forbidden.filter(({ kind }) => kinds.has(kind));
  const onlyStrong = report.forbidden.filter(({ kind }) => !kinds.has(kind));
  return {
    report: { ...report, model, forbidden, valid: forbidden.length === 0 },
    strong: { model: strong, anomalies: onlyStrong },
    checkSeconds: (performance.now() - startedAt) / 1000,
  };
}
