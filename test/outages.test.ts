import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { call, oneShot, transfer } from './product/api.mjs';
import { quiet, verifyTransfers } from './product/checks.mjs';
import { eventually, startProduct } from './product/product.mjs';
import { openAccounts, TransferLoops } from './product/transfers.mjs';

/** Stopped, not killed: the starter would put another in its place at once. */
const OUTAGE_MS = Number(process.env.OUTAGE_MS ?? 12_000);

const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe('Kafka away, Postgres restarted', () => {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let accounts: { participant: string; account: string }[];

  beforeAll(async () => {
    product = await startProduct();
    accounts = await openAccounts(product.url, 6);
  }, 400_000);

  afterAll(async () => {
    await product?.stop();
  }, 60_000);

  const oneTransfer = () => {
    const [from] = accounts;
    const to = accounts.at(-1);
    return oneShot(product.url, transfer({ from, to, amount: 1, reference: crypto.randomUUID() }));
  };

  async function underLoad(violence: () => Promise<void>) {
    const loops = new TransferLoops(() => product.url, accounts, 8);
    await pause(1000);
    await violence();
    const before = loops.answers.length;
    await eventually(async () => loops.answers.length > before + 20, 'transfers to go on');
    await loops.stop();
    await quiet(product, 20_000);
    return { loops, result: await verifyTransfers(product, accounts, loops.answers) };
  }

  it('answers clear 503s while Kafka is stopped, and goes on when it is back, with nothing lost', async () => {
    let refusal: Awaited<ReturnType<typeof call>> | undefined;
    const { result } = await underLoad(async () => {
      const { pid } = (await product.run()).kafka;
      process.kill(pid as number, 'SIGSTOP');
      try {
        refusal = await eventually(async () => {
          const answer = await oneTransfer();
          return answer.status === 503 && answer;
        }, 'a 503');
        await pause(OUTAGE_MS);
      } finally {
        process.kill(pid as number, 'SIGCONT');
      }
    });
    expect(refusal?.body).toMatchObject({ code: 'kafka-unavailable', retryable: true });
    expect(Number(refusal?.headers.get('retry-after'))).toBeGreaterThan(0);
    expect(result).toMatchObject({ violations: [] });
  }, 240_000);

  it('loses nothing when Kafka is killed and started again', async () => {
    const { result } = await underLoad(async () => {
      const { pid } = (await product.run()).kafka;
      process.kill(pid as number, 'SIGKILL');
      await eventually(async () => ![null, pid].includes((await product.run()).kafka.pid), 'another broker');
    });
    expect(result).toMatchObject({ violations: [] });
  }, 240_000);

  it('loses nothing when Postgres is killed and started again', async () => {
    const { result } = await underLoad(async () => {
      const { pid } = (await product.run()).postgres;
      process.kill(pid as number, 'SIGQUIT'); // immediate shutdown: crash recovery at the next start
      await eventually(async () => ![null, pid].includes((await product.run()).postgres.pid), 'another Postgres');
    });
    expect(result).toMatchObject({ violations: [] });
  }, 240_000);
});
