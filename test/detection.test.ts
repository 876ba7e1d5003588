import { randomUUID } from 'node:crypto';
import { SUSPICION_MAX } from '@concordat/failure-detection';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { branch, call, oneShot, post } from './product/api.mjs';
import { mortalBank } from './product/mortal.mjs';
import { eventually, startProduct } from './product/product.mjs';

/** Longer than any test: what is refused in time was refused by detection and not by its deadline. */
const TIMEOUT_MS = 500_000;
const DOWN = 'participant-unavailable';

describe('three replicas and participants that come and go', () => {
  let product: Awaited<ReturnType<typeof startProduct>>;
  let mortal: Awaited<ReturnType<typeof mortalBank>>;
  let other: Awaited<ReturnType<typeof mortalBank>>;
  let urls: string[];

  const open = (bank: { name: string }) => branch(bank.name, 'open', { account: randomUUID(), balance: 1 });
  const tryOpen = (bank: { name: string }, url = product.url) => oneShot(url, [open(bank)]).catch(() => undefined);
  const begin = (bank: { name: string }, timeoutMs: number) =>
    post(`${product.url}/v1/transactions`, { branches: [open(bank)], timeoutMs });
  const opened = (bank: { name: string }) =>
    eventually(async () => (await tryOpen(bank))?.status === 200, `${bank.name} to take work`);
  const refused = () =>
    eventually(async () => {
      const answer = await begin(mortal, 1000);
      return answer.body.code === DOWN && answer;
    }, 'work for a dead participant to be refused');

  beforeAll(async () => {
    product = await startProduct({ args: ['--replicas', '3', '--no-demo'] });
    urls = (await product.run()).coordinators.map(({ url }) => url);
    mortal = await mortalBank(product, 'bank-mortal');
    other = await mortalBank(product, 'bank-other');
    await Promise.all([mortal.start(), other.start()]);
    await Promise.all([opened(mortal), opened(other)]);
  }, 400_000);

  afterAll(async () => {
    await Promise.all([mortal?.kill(), other?.kill()]);
    expect(await product?.stop()).toBe(0);
  }, 60_000);

  it('refuse what needs a killed one at once, and nothing else; and use it again when it is back', async () => {
    const begun = await post(`${product.url}/v1/transactions`, { timeoutMs: TIMEOUT_MS });
    const at = `${product.url}/v1/transactions/${begun.body.id}`;
    await mortal.kill();

    const answer = await refused();
    expect(answer.status).toBe(503);
    expect(answer.body).toMatchObject({ code: DOWN, retryable: true, participant: mortal.name });
    expect(Number(answer.headers.get('retry-after'))).toBeGreaterThan(0);
    const oneCall = await oneShot(product.url, [open(mortal)], { timeoutMs: TIMEOUT_MS });
    const enlist = await post(`${at}/branches`, open(mortal));
    const execute = await post(`${at}/branches?execute=now`, open(mortal));
    expect([oneCall, enlist, execute].map(({ body }) => body.code)).toEqual([DOWN, DOWN, DOWN]);

    expect((await post(`${at}/branches`, open(other))).status).toBe(201);
    expect((await post(`${at}/commit`, {})).status).toBe(200);

    for (const url of urls) {
      const { body } = await eventually(async () => {
        const read = await call(`${url}/v1/participants/${mortal.name}`);
        return read.body.observers.length === 3 && read.body.health === 'down' && read;
      }, `${url} to know`);
      const suspecting = body.observers.filter(({ word }: { word: string }) => word === 'suspected');
      expect(suspecting.length).toBeGreaterThanOrEqual(2);
      expect((await call(`${url}/v1/participants/${other.name}`)).body).toMatchObject({ health: 'up' });
      expect((await call(`${url}/metrics`)).body).toMatch(/^concordat_participant_up\{participant="bank-other"\} 1$/m);
    }

    await mortal.start();
    await opened(mortal);
    expect((await call(`${product.url}/v1/participants/${mortal.name}`)).body).toMatchObject({ health: 'up' });
  }, 240_000);

  it('take a goodbye at its word', async () => {
    await mortal.stop();
    await refused();
    const body = await eventually(async () => {
      const read = await call(`${product.url}/v1/participants/${mortal.name}`);
      return read.body.health === 'down' && read.body;
    }, 'the goodbye to be heard');
    expect(body).toMatchObject({ instances: 0, suspicion: SUSPICION_MAX }); // silence would have got there much later
    await mortal.start();
    await opened(mortal);
  }, 240_000);

  it('condemn nobody when their leader dies, and tell its silence in the cluster', async () => {
    const { body } = await call(`${product.url}/v1/cluster`);
    const { nodeId } = body.members.find(({ id }: { id: number }) => id === body.leader);
    const pidOf = async () => (await product.run()).coordinators.find(({ id }) => id === nodeId)?.pid as number;
    const url = urls.find((_, index) => index + 1 !== nodeId) as string;
    const leader = await pidOf();
    process.kill(leader, 'SIGSTOP'); // dead to the others; a killed one would be started again at once
    const codes = new Set<string>();
    await eventually(async () => {
      const answer = await oneShot(url, [open(other)]);
      codes.add(answer.body.code ?? 'ok');
      return answer.status === 200;
    }, 'another leader to take work');
    expect(codes).not.toContain(DOWN);
    await eventually(async () => {
      const { members } = (await call(`${url}/v1/cluster`)).body;
      return members.some((one: { nodeId: number; suspicion: number }) => one.nodeId === nodeId && one.suspicion > 8);
    }, 'the silent replica to be shown');
    for (const bank of [mortal, other]) expect((await tryOpen(bank, url))?.body.code).not.toBe(DOWN);
    process.kill(leader, 'SIGCONT');
    // Its own standstill is no silence of theirs, though it judges at once by what it finds.
    for (let asked = 0; asked < 10; asked += 1) {
      const back = await call(`${urls[nodeId - 1]}/v1/participants/${other.name}`);
      expect(back.body.health).not.toBe('down');
    }
    await opened(other);
  }, 240_000);
});
