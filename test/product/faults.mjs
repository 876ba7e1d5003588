// Kills at random under load; shared by `npm run test:faults` and its short form in `npm test`.
import { quiet, verifyTransfers } from './checks.mjs';
import { generator } from './generator.mjs';
import { eventually, isReady, startProduct } from './product.mjs';
import { openAccounts, TransferLoops } from './transfers.mjs';

/** The product promises this much, in ms, from the last kill's recovery to nothing prepared and nothing unfinished. */
const QUIET_WITHIN_MS = 10_000;

const targetsOf = (run) => [...run.coordinators, ...run.participants.filter(({ name }) => name !== 'inventory')];

/**
 * @param {{ kills: number, clients: number, seed: number, report?: (line: string) => void }} options
 * @returns {Promise<{ seed: number, kills: number, violations: string[], committed: number, aborted: number, unsettled: number, quietMs: number }>}
 */
export async function runFaults({ kills, clients, seed, report = () => {} }) {
  const random = generator(seed);
  const product = await startProduct();
  try {
    const accounts = await openAccounts(product.url, 10);
    const loops = new TransferLoops(() => product.url, accounts, clients);
    for (let done = 0; done < kills; done += 1) {
      const answersBefore = loops.answers.length;
      await eventually(async () => loops.answers.length >= answersBefore + clients, 'transfers to go on after a kill');
      await new Promise((resolve) => setTimeout(resolve, random() * 1000));
      const alive = targetsOf(await product.run()).filter(({ pid }) => pid !== null);
      const victim = alive[Math.floor(random() * alive.length)];
      if (!victim) continue;
      try {
        process.kill(victim.pid, 'SIGKILL');
      } catch {
        continue; // it died between run.json and the signal: the starter is at it
      }
      report(
        `kill ${done + 1}/${kills}: ${victim.name ?? `coordinator ${victim.id}`} (${loops.answers.length} answers so far)`,
      );
    }
    await eventually(async () => {
      const run = await product.run();
      const ready = await Promise.all(targetsOf(run).map(({ url }) => isReady(url)));
      return ready.every(Boolean);
    }, 'everything to be back');
    await loops.stop();
    const stoppedAt = Date.now();
    const late = await quiet(product, QUIET_WITHIN_MS).then(
      () => [],
      (error) => [`${error.message}`],
    );
    const quietMs = Date.now() - stoppedAt;
    const { violations, committed, aborted } = await verifyTransfers(product, accounts, loops.answers);
    return {
      seed,
      kills,
      violations: [...late, ...violations],
      committed,
      aborted,
      unsettled: loops.unsettled,
      quietMs,
    };
  } finally {
    await product.stop();
  }
}
