// What must hold after any amount of violence, read from the databases themselves.
import pg from 'pg';
import { call } from './api.mjs';
import { eventually } from './product.mjs';
import { OPENING_BALANCE, unfinished } from './transfers.mjs';

/** @param {string} databaseUrl @param {string} text @param {unknown[]} [values] */
export async function query(databaseUrl, text, values) {
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return (await client.query(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** What is prepared and undecided at the participants: prepared transactions of their server, and branches in versions. */
export async function preparedCount(run) {
  const counts = [await countOf(run.postgres.url, 'pg_prepared_xacts')];
  for (const { databaseUrl } of run.participants) {
    counts.push(await countOf(databaseUrl, `concordat_branch WHERE state = 'prepared'`));
  }
  return counts.reduce((sum, count) => sum + count, 0);
}

const countOf = async (databaseUrl, what) =>
  Number((await query(databaseUrl, `SELECT count(*) AS n FROM ${what}`))[0].n);

/** Waits until nothing is prepared and nothing unfinished. */
export async function quiet(product, timeoutMs) {
  let left = 'nothing could be asked';
  const isQuiet = async () => {
    const prepared = await preparedCount(await product.run());
    const open = await unfinished(product.url);
    left = `${prepared} prepared, ${open.length} unfinished`;
    const [first] = open;
    if (first) left += `, such as ${first.id}: ${first.status}, ${JSON.stringify(first.branches)}`;
    return prepared === 0 && open.length === 0;
  };
  await eventually(isQuiet, 'no prepared and no unfinished transaction', timeoutMs).catch((error) => {
    throw new Error(`${error.message}; ${left}`, { cause: error });
  });
}

/**
 * Compares what clients were told with what the accounts hold.
 * @returns {Promise<{ violations: string[], committed: number, aborted: number, total: number }>}
 */
export async function verifyTransfers(product, accounts, answers) {
  const run = await product.run();
  const violations = [];
  const entries = new Map(); // participant → references per account
  let total = 0;
  for (const { participant, account } of accounts) {
    const { url } = run.participants.find(({ name }) => name === participant);
    const { body } = await call(`${url}/accounts/${account}`);
    total += body.balance;
    entries.set(`${participant}/${account}`, body.entries);
  }
  const expected = accounts.length * OPENING_BALANCE;
  if (total !== expected) violations.push(`the total is ${total}, it should be ${expected}`);
  for (const { reference, outcome, from, to } of answers) {
    const times = [from, to].map(
      ({ participant, account }) => entries.get(`${participant}/${account}`).filter((one) => one === reference).length,
    );
    const wanted = outcome === 'committed' ? 1 : 0;
    if (times.some((count) => count !== wanted)) {
      violations.push(`${reference} was answered ${outcome}; debit stands ${times[0]}, credit ${times[1]} times`);
    }
  }
  const committed = answers.filter(({ outcome }) => outcome === 'committed').length;
  return { violations, committed, aborted: answers.length - committed, total };
}
