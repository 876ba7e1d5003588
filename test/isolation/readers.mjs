// Readers of the total over both banks, first alone, then beside transfers (and kills): every total must be exact, and no
// read may wait for a writer.
import { branch, call, oneShot, post } from '../product/api.mjs';
import { quiet, verifyTransfers } from '../product/checks.mjs';
import { generator } from '../product/generator.mjs';
import { OPENING_BALANCE, openAccounts, TransferLoops } from '../product/transfers.mjs';
import { startScene, Violence } from './violence.mjs';

const BANKS = ['accounts-east', 'accounts-west'];
const ACCOUNTS_PER_BANK = 20;
const WRITERS = 8;
const CALL_TIMEOUT_MS = 10_000;
const SNAPSHOT_TTL_MS = 30_000;
const QUIET_WITHIN_MS = 10_000;
const PAUSE_AFTER_REFUSAL_MS = 100;

/**
 * @param {object} options
 * @param {number} options.readers
 * @param {number} options.durationMs of each half
 * @param {number} options.seed
 * @param {boolean} [options.kills] during the second half
 * @param {number} [options.replicas]
 * @param {(share: number) => void} [options.progress]
 * @param {(line: string) => void} [options.say]
 */
export async function runReaders({
  readers,
  durationMs,
  seed,
  kills = false,
  replicas = kills ? 3 : 1,
  progress = () => {},
  say = () => {},
}) {
  const product = await startScene(replicas);
  try {
    const accounts = await openAccounts(product.url, ACCOUNTS_PER_BANK);
    const bankUrls = await urlsOfBanks(product);
    const scene = { product, accounts, bankUrls, expected: await bankTotal(product, bankUrls) };
    const alone = await read(scene, { readers, durationMs, progress: (share) => progress(share / 2) });
    const loops = new TransferLoops(product.anyUrl, accounts, WRITERS, { timeoutMs: CALL_TIMEOUT_MS });
    const violence = kills
      ? new Violence({ product, random: generator(seed), progress: () => loops.answers.length, say })
      : undefined;
    const beside = await read(scene, { readers, durationMs, progress: (share) => progress((1 + share) / 2) });
    const violations = [...alone.violations, ...beside.violations];
    await violence?.stop().catch((error) => violations.push(error.message));
    await loops.stop();
    await quiet(product, QUIET_WITHIN_MS).catch((error) => violations.push(error.message));
    const money = await verifyTransfers(product, accounts, loops.answers);
    violations.push(...money.violations);
    return {
      seed,
      faults: violence?.done ?? [],
      transfers: { committed: money.committed, aborted: money.aborted },
      alone: alone.figures,
      beside: beside.figures,
      violations,
    };
  } finally {
    await product.stop();
  }
}

async function urlsOfBanks(product) {
  const { participants } = await product.run();
  return BANKS.map((bank) => participants.find(({ name }) => name === bank).url);
}

/** What both banks hold while nothing moves. */
async function bankTotal(product, bankUrls) {
  const answer = await totalAtSnapshot({ product, bankUrls });
  if (answer.total === undefined) throw new Error(`the total could not be read: ${answer.refused}`);
  return answer.total;
}

/** All readers for a while. */
async function read(scene, { readers, durationMs, progress }) {
  const startedAt = performance.now();
  const violations = [];
  const refused = new Map();
  /** How long it took to lease a snapshot, to read one bank's total at it, and to read all accounts in a transaction. */
  const times = { lease: [], snapshot: [], transaction: [] };
  const loop = async () => {
    for (let turn = 0; performance.now() - startedAt < durationMs; turn += 1) {
      const way = turn % 2 === 0 ? 'snapshot' : 'transaction';
      const answer = way === 'snapshot' ? await totalAtSnapshot(scene, times) : await totalInTransaction(scene, times);
      progress(Math.min(1, (performance.now() - startedAt) / durationMs));
      if (answer.total === undefined) {
        refused.set(answer.refused, (refused.get(answer.refused) ?? 0) + 1);
        await new Promise((resolve) => setTimeout(resolve, PAUSE_AFTER_REFUSAL_MS));
        continue;
      }
      const expected = way === 'snapshot' ? scene.expected : scene.accounts.length * OPENING_BALANCE;
      if (answer.total !== expected)
        violations.push(`a ${way} showed ${answer.total}, not ${expected} (${answer.where})`);
    }
  };
  await Promise.all(Array.from({ length: readers }, loop));
  const figures = {
    lease: quantiles(times.lease),
    snapshot: quantiles(times.snapshot),
    transaction: quantiles(times.transaction),
    refused: Object.fromEntries(refused),
  };
  return { violations, figures };
}

/** Leases a snapshot, reads both banks' own REST at it, one after the other, and releases it. */
async function totalAtSnapshot({ product, bankUrls }, times) {
  const at = product.anyUrl();
  const leased = await timed(times?.lease, () =>
    post(`${at}/v1/snapshots`, { ttlMs: SNAPSHOT_TTL_MS }, {}, CALL_TIMEOUT_MS),
  );
  if (!isSuccess(leased)) return { refused: refusalOf('lease', leased) };
  const { id, csn } = leased.body;
  const answers = [];
  for (const url of bankUrls) {
    const read = () => call(`${url}/accounts?snapshot=${csn}`, { timeoutMs: CALL_TIMEOUT_MS });
    answers.push(await timed(times?.snapshot, read));
  }
  await attempt(() => call(`${at}/v1/snapshots/${id}`, { method: 'DELETE', timeoutMs: CALL_TIMEOUT_MS }));
  const refused = answers.find((answer) => !isSuccess(answer));
  if (answers.some((answer) => !isSuccess(answer))) return { refused: refusalOf('read', refused) };
  const astray = answers.find(({ body }) => body.snapshot !== csn);
  if (astray) return { total: Number.NaN, where: `asked at ${csn}, answered at ${astray.body.snapshot}` };
  return { total: answers.reduce((sum, { body }) => sum + body.total, 0), where: `csn ${csn}` };
}

/** One transaction that reads every account of ours. */
async function totalInTransaction({ product, accounts }, times) {
  const groups = Map.groupBy(accounts, ({ participant }) => participant);
  const branches = [...groups].map(([participant, own]) =>
    branch(participant, 'post', {
      operations: own.map(({ account }) => ({ operation: 'read', input: { account } })),
    }),
  );
  const ask = () => oneShot(product.anyUrl(), branches, {}, {}, CALL_TIMEOUT_MS);
  const answer = await timed(times.transaction, ask);
  if (answer?.status !== 200) return { refused: refusalOf('transaction', answer) };
  const balances = answer.body.branches.flatMap(({ result }) => result.results.map(({ balance }) => balance));
  return { total: balances.reduce((sum, balance) => sum + balance, 0), where: answer.body.id };
}

/** Notes how long a call took that was answered well. */
async function timed(times, action) {
  const startedAt = performance.now();
  const answer = await attempt(action);
  if (isSuccess(answer)) times?.push(performance.now() - startedAt);
  return answer;
}

const attempt = (action) => action().catch(() => undefined);
const isSuccess = (answer) => answer?.status === 200 || answer?.status === 201;
const refusalOf = (what, answer) =>
  `${what}: ${answer?.body?.reason?.code ?? answer?.body?.code ?? answer?.status ?? 'no answer'}`;

function quantiles(list) {
  const sorted = list.toSorted((a, b) => a - b);
  const at = (part) => Number((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0).toFixed(1));
  return { reads: list.length, p50: at(0.5), p99: at(0.99), worst: at(1) };
}
