// Shows steps while they run: a live list in a terminal, plain lines elsewhere.
import { seconds } from './one-line-progress.mjs';

/** Some terminals say that they have no columns at all. */
const COLUMNS_MIN = 40;

/**
 * @typedef {object} Step
 * @property {string} title
 * @property {(say: (detail: string) => void) => Promise<unknown>} run
 */

/**
 * Runs the steps, those of one group at the same time. The first failure is the caller's, once all of its group have ended.
 * @param {Step[][]} groups
 */
export async function runSteps(groups) {
  const filled = groups.filter((group) => group.length > 0);
  const wideEnough = process.stdout.isTTY && process.stdout.columns >= COLUMNS_MIN;
  return wideEnough ? runLive(filled) : runPlain(filled);
}

async function runPlain(groups) {
  for (const group of groups) {
    const outcomes = await Promise.allSettled(group.map(runPlainStep));
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }
}

async function runPlainStep({ title, run }) {
  const started = performance.now();
  console.log(`… ${title}`);
  let lastDetail;
  try {
    await run((detail) => {
      // Counts within a detail change often; one line is enough for each kind.
      const kind = detail.replace(/\d+/g, '#');
      if (kind !== lastDetail) console.log(`  ${detail}`);
      lastDetail = kind;
    });
  } catch (error) {
    console.log(`✗ ${title}`);
    throw error;
  }
  console.log(`✓ ${title} (${seconds(performance.now() - started)})`);
}

async function runLive(groups) {
  const { Listr } = await import('listr2');
  for (const group of groups) {
    const failures = [];
    const tasks = group.map(({ title, run }) => ({
      title,
      task: async (_context, task) => {
        const started = performance.now();
        try {
          await run((detail) => {
            task.output = detail;
          });
        } catch (error) {
          failures.push(error);
          throw error;
        }
        task.title = `${title} (${seconds(performance.now() - started)})`;
      },
    }));
    const list = new Listr(tasks, {
      concurrent: true,
      exitOnError: false, // so that the rest of the group is not forgotten while it runs
      registerSignalListeners: false, // the starter stops everything in order
      rendererOptions: { showErrorMessage: false },
    });
    await list.run();
    if (failures.length > 0) throw failures[0];
  }
}
