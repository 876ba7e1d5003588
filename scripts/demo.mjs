// `npm run demo`: a short guided run that prints what happens, with a kill in the middle. Everything is real: Postgres,
// Kafka, the coordinator and the participants run on free ports and a data directory of their own, and are gone afterwards.
import { ensureReady } from './lib/setup.mjs';

await ensureReady();
const { branch, call, oneShot, transfer } = await import('../test/product/api.mjs');
const { quiet, verifyTransfers } = await import('../test/product/checks.mjs');
const { killAndAwait, startProduct } = await import('../test/product/product.mjs');
const { openAccounts, TransferLoops } = await import('../test/product/transfers.mjs');

const ACCOUNTS_PER_BANK = 5;
const CLIENTS = 4;
const LOAD_MS = 2000;

const say = (text) => console.log(`\n${text}`);
const show = (text) => console.log(`    ${text}`);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

say('1. Starting a real Postgres, a real Kafka, a coordinator and three participants …');
const product = await startProduct();
try {
  await tellOneTransfer();
  await tellRefusal();
  await tellKills();
} finally {
  say('Stopping all of it …');
  await product.stop();
}

async function balance({ participant, account }) {
  const { participants } = await product.run();
  const { url } = participants.find(({ name }) => name === participant);
  return (await call(`${url}/accounts/${account}`)).body.balance;
}

async function tellOneTransfer() {
  const [east, west] = [
    { participant: 'accounts-east', account: 'ada' },
    { participant: 'accounts-west', account: 'bea' },
  ];
  for (const { participant, account } of [east, west]) {
    await oneShot(product.url, [branch(participant, 'open', { account, balance: 100 })], { wait: 'completed' });
  }
  say('2. ada at accounts-east and bea at accounts-west have 100 each. One transaction moves 30 from ada to bea.');
  const moved = await oneShot(product.url, transfer({ from: east, to: west, amount: 30, reference: 'demo-1' }), {
    wait: 'completed',
  });
  show(`${moved.body.id} is ${moved.body.status}; ada has ${await balance(east)}, bea has ${await balance(west)}`);
}

async function tellRefusal() {
  const [from, to] = [
    { participant: 'accounts-east', account: 'ada' },
    { participant: 'accounts-west', account: 'bea' },
  ];
  say('3. Now 1,000 that ada does not have. accounts-west would agree; accounts-east refuses, so neither moves.');
  const refused = await oneShot(product.url, transfer({ from, to, amount: 1000, reference: 'demo-2' }));
  show(`${refused.status}: ${refused.body.reason.code} at ${refused.body.reason.participant}: ${refused.body.detail}`);
  show(`ada has ${await balance(from)}, bea has ${await balance(to)}`);
}

async function tellKills() {
  say(
    `4. ${CLIENTS} clients move money back and forth. In the middle of it we kill -9 the coordinator, then a participant.`,
  );
  const accounts = await openAccounts(product.url, ACCOUNTS_PER_BANK);
  const loops = new TransferLoops(() => product.url, accounts, CLIENTS);
  await pause(LOAD_MS);
  for (const [name, pick] of [
    ['the coordinator', (run) => run.coordinators[0]],
    ['accounts-east', (run) => run.participants.find((one) => one.name === 'accounts-east')],
  ]) {
    show(`${loops.answers.length} transfers answered so far; kill -9 ${name}`);
    await killAndAwait(product, pick);
    show(`${name} is back`);
    await pause(LOAD_MS);
  }
  await loops.stop();
  say('5. The clients stop. Is anything half done?');
  await quiet(product, 30_000);
  const { violations, committed, aborted, total } = await verifyTransfers(product, accounts, loops.answers);
  show(`${committed} transfers committed, ${aborted} aborted, ${loops.unsettled} calls had to be repeated`);
  show(`nothing is prepared, nothing is unfinished, the accounts hold ${total} in total, as they did at first`);
  for (const violation of violations) show(`VIOLATION ${violation}`);
  process.exitCode = violations.length === 0 ? 0 : 1;
}
