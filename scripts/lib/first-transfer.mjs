// The transfer that every start makes, through the REST API as any caller would.
import { randomUUID } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';

const FROM = { participant: 'accounts-east', account: 'alice' };
const TO = { participant: 'accounts-west', account: 'bob' };
const OPENING_BALANCE = 100_000;
const AMOUNT = 100;
const PATIENCE_MS = 30_000;
const RETRY_MS = 200;

/** The system runs, but the transfer was not made; says why. */
export class TransferFailed extends Error {
  name = 'TransferFailed';
}

/**
 * Opens the two accounts unless an earlier start did, and moves some money in one transaction.
 * @param {{ coordinatorUrl: string, participantUrl: (name: string) => string }} where
 * @returns {Promise<string[]>} lines that tell what happened
 */
export async function makeFirstTransfer({ coordinatorUrl, participantUrl }) {
  const balanceOf = ({ participant, account }) => readBalance(participantUrl(participant), account);
  const opened = [];
  for (const side of [FROM, TO]) {
    if ((await balanceOf(side)) !== undefined) continue;
    const input = { account: side.account, balance: OPENING_BALANCE };
    opened.push({ participant: side.participant, operation: 'open', input });
  }
  if (opened.length > 0) await transact(coordinatorUrl, 'open the demo accounts', opened);

  const before = await Promise.all([balanceOf(FROM), balanceOf(TO)]);
  const reference = `first-transfer-${randomUUID().slice(0, 8)}`;
  const amount = Math.min(AMOUNT, Number(before[0]));
  if (amount === 0) return [`${FROM.account} at ${FROM.participant} has nothing left, so no transfer was made.`];
  const started = performance.now();
  const transaction = await transact(coordinatorUrl, reference, [
    { participant: FROM.participant, operation: 'debit', input: { account: FROM.account, amount, reference } },
    { participant: TO.participant, operation: 'credit', input: { account: TO.account, amount, reference } },
  ]);
  const tookMs = Math.round(performance.now() - started);
  const after = await Promise.all([balanceOf(FROM), balanceOf(TO)]);

  const line = ({ participant, account }, index) =>
    `  ${participant}  ${account.padEnd(6)} ${figure(before[index])} → ${figure(after[index])}`;
  return [
    `Moved ${amount} from ${FROM.account} to ${TO.account}: one transaction, two services, two databases.`,
    `  transaction ${transaction.id} is ${transaction.status} after ${tookMs} ms`,
    line(FROM, 0),
    line(TO, 1),
  ];
}

const figure = (balance) => Number(balance).toLocaleString('en').padStart(9);

/**
 * Repeated while a restored cluster, which gives out no snapshot before it has heard its participants, answers 503.
 * @returns {Promise<number | undefined>} undefined if there is no such account
 */
async function readBalance(url, account) {
  const end = performance.now() + PATIENCE_MS;
  let answer = await fetch(`${url}/accounts/${account}`);
  while (answer.status === 503 && performance.now() < end) {
    await sleep(RETRY_MS);
    answer = await fetch(`${url}/accounts/${account}`);
  }
  if (answer.status === 404) return undefined;
  if (!answer.ok)
    throw new TransferFailed(`${url}/accounts/${account} answered ${answer.status}: ${await answer.text()}`);
  const { balance } = await answer.json();
  return Number(balance);
}

/** What a coordinator with credentials asks for: the API key in the file API_KEY_FILE. */
async function credentials() {
  const file = process.env.API_KEY_FILE;
  return file ? { authorization: `Bearer ${(await readFile(file, 'utf8')).trim()}` } : {};
}

/** A participant announces itself by its heartbeats, which the coordinator may not have heard yet just after the start. */
export async function awaitParticipants(coordinatorUrl, names) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    const headers = await credentials();
    const answer = await fetch(`${coordinatorUrl}/v1/participants`, { headers }).catch(() => undefined);
    if (answer?.status === 401 || answer?.status === 403) {
      const advice = 'name a file with an API key of an operator as API_KEY_FILE, or start with --no-demo';
      throw new TransferFailed(`The coordinator asks for credentials (${answer.status}): ${advice}.`);
    }
    const { items = [] } = answer?.ok ? await answer.json() : {};
    const up = items.filter(({ health }) => health === 'up').map(({ name }) => name);
    const missing = names.filter((name) => !up.includes(name));
    if (missing.length === 0) return;
    if (performance.now() >= end) {
      throw new TransferFailed(`The coordinator has not heard from ${missing.join(', ')}; see their logs.`);
    }
    await sleep(RETRY_MS);
  }
}

/** One call; repeated under the same key while its outcome is not known, under a new one after a retryable refusal. */
async function transact(coordinatorUrl, label, branches) {
  const body = JSON.stringify({ commit: true, wait: 'completed', label, branches });
  const end = performance.now() + PATIENCE_MS;
  let key = randomUUID();
  for (;;) {
    const { status, value, problem } = await post(`${coordinatorUrl}/v1/transactions`, body, key);
    if (status === 200) return value;
    const inVain = performance.now() >= end || (status !== undefined && !value?.retryable);
    if (inVain) throw new TransferFailed(`The first transfer was not made (${label}): ${problem}`);
    if (status !== undefined) key = randomUUID();
    await sleep(RETRY_MS);
  }
}

async function post(url, body, key) {
  try {
    const headers = { 'content-type': 'application/json', 'idempotency-key': key, ...(await credentials()) };
    const answer = await fetch(url, { method: 'POST', headers, body });
    const value = await answer.json();
    const { code, detail, title } = value;
    return { status: answer.status, value, problem: `${answer.status} ${code ?? ''} ${detail ?? title ?? ''}`.trim() };
  } catch (error) {
    return { problem: error.cause?.message ?? error.message };
  }
}
