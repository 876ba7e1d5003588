/** Strangers on the topics of a whole product whose messages are signed: docs/security-kafka.md. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  COORDINATOR_DEAD_LETTERS_TOPIC,
  type Command,
  commandsTopic,
  deadLettersTopic,
  decodeCommand,
  decodeDeadLetter,
  type Heartbeat,
  LOWEST_TRANSACTION_ID,
  REPLIES_TOPIC,
  type Reply,
  type Vote,
} from '@concordat/protocol';
import { createTransport, MessageKeys, MessageSigning, type Transport } from '@concordat/transport';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { oneShot } from './product/api.mjs';
import { eventually } from './product/product.mjs';
import { prepareReplicas, type Replica } from './product/replicas.mjs';

let place: Awaited<ReturnType<typeof prepareReplicas>>;
let replica: Replica;
let bank: string;
/** A participant that this test plays, with a key of its own. */
let player: Transport;
let stranger: Transport;
let playerName: string;
let beating: NodeJS.Timeout;
const commands: Command[] = [];
const letters: string[] = [];

const secret = (owner: string) => Buffer.from(owner.padEnd(32, '.').slice(0, 32)).toString('base64');
const keysOf = (...owners: string[]) =>
  JSON.stringify({ keys: Object.fromEntries(owners.map((owner) => [owner, [{ kid: '1', secret: secret(owner) }]])) });

async function connect(clientId: string, signing?: MessageSigning): Promise<Transport> {
  const transport = createTransport({ brokers: [place.brokers], clientId, ...(signing && { signing }) });
  await transport.connect();
  return transport;
}

const collectLetters = (topic: string) =>
  stranger.subscribe({
    topic,
    groupId: `letters-${playerName}`,
    from: 'end',
    onMessage: ({ value }) => {
      const decoded = decodeDeadLetter(value);
      if (decoded.ok) letters.push(`${decoded.message.key} ${decoded.message.error}`);
    },
  });

beforeAll(async () => {
  place = await prepareReplicas(1);
  replica = place.replicas[0] as Replica;
  bank = place.bankName;
  playerName = bank.replace('bank', 'player');
  const files = { coordinator: join(place.directory, 'all-keys.json'), bank: join(place.directory, 'bank-keys.json') };
  await writeFile(files.coordinator, keysOf(bank, playerName));
  await writeFile(files.bank, keysOf(bank));
  await replica.start({ MESSAGE_KEYS_FILE: files.coordinator });
  await replica.ready();
  await place.startBank({ MESSAGE_KEYS_FILE: files.bank });
  stranger = await connect('stranger');
  const keys = MessageKeys.parse(keysOf(playerName));
  player = await connect(
    'player',
    new MessageSigning({ keys: () => keys, ownerOf: () => playerName, mode: 'strict', now: Date.now }),
  );
  const beat = () => void send(player, heartbeatOf(playerName)).catch(() => {});
  beat();
  beating = setInterval(beat, 500);
  await eventually(async () => (await participants()).includes(playerName), 'the player to be registered');
  await player.subscribe({
    topic: commandsTopic(playerName),
    groupId: playerName,
    from: 'end',
    onMessage: ({ value }) => {
      const decoded = decodeCommand(value);
      if (decoded.ok) commands.push(decoded.message);
    },
  });
  await collectLetters(COORDINATOR_DEAD_LETTERS_TOPIC);
  await collectLetters(deadLettersTopic(bank));
}, 120_000);

afterAll(async () => {
  clearInterval(beating);
  await player?.close();
  await stranger?.close();
  await place?.stop();
}, 60_000);

const participants = async (): Promise<string[]> =>
  (await replica.call('/v1/participants')).body.items.map(({ name }: { name: string }) => name);
const send = (by: Transport, reply: Reply) =>
  by.send({
    topic: REPLIES_TOPIC,
    key: 'transactionId' in reply ? reply.transactionId : reply.participant,
    value: JSON.stringify(reply),
  });
const heartbeatOf = (participant: string): Heartbeat => ({
  ...({
    v: 1,
    type: 'heartbeat',
    instance: 'x',
    isolation: 'local',
    preparedCount: 0,
    oldestPreparedMs: null,
  } as const),
  participant,
  operations: [{ name: 'play', readOnly: false, inputSchema: {}, resultSchema: {} }],
  stopping: false,
});
const voteOf = (transactionId: string): Vote => ({
  ...({ v: 1, type: 'vote', vote: 'prepared', results: [], reason: null } as const),
  transactionId,
  participant: playerName,
});
const letterOf = (words: string) =>
  eventually(async () => letters.find((letter) => letter.includes(words)), `a dead letter with ${words}`);

describe('a product whose messages are signed', () => {
  it('commits', async () => {
    expect((await replica.open(bank)).csn).toBeGreaterThan(0);
  }, 60_000);

  it('is decided by no forged vote, only by that of the participant itself', async () => {
    const branches = [{ participant: playerName, operation: 'play', input: {} }];
    const outcome = oneShot(replica.url, branches);
    const { transactionId } = (await eventually(
      async () => commands.find(({ type }) => type === 'prepare'),
      'the prepare',
    )) as Command;
    await send(stranger, voteOf(transactionId));
    await letterOf(`${transactionId} signature-missing`);
    expect((await replica.call(`/v1/transactions/${transactionId}`)).body).toMatchObject({ status: 'preparing' });
    await send(player, voteOf(transactionId));
    expect((await outcome).body).toMatchObject({ status: 'committed' });
    await send(player, {
      ...({ v: 1, type: 'done', outcome: 'committed', detail: null } as const),
      transactionId,
      participant: playerName,
    });
  }, 60_000);

  it('registers no participant that a stranger invents, and executes no command that it sends', async () => {
    await send(stranger, heartbeatOf('invented'));
    await letterOf('invented signature-missing');
    expect(await participants()).not.toContain('invented');

    const transactionId = `${Date.now().toString(36)}-1-zz`;
    const base = { v: 1, transactionId, participant: bank, horizon: LOWEST_TRANSACTION_ID } as const;
    const input = { account: 'forged', balance: 1_000_000 };
    const prepare: Command = {
      ...base,
      ...({ type: 'prepare', isolation: 'global', serializable: false, snapshot: 1, remainingMs: 10_000 } as const),
      operations: [{ branchId: '1', operation: 'open', input }],
    };
    for (const command of [prepare, { ...base, type: 'commit' as const, csn: 2 }]) {
      await stranger.send({ topic: commandsTopic(bank), key: transactionId, value: JSON.stringify(command) });
    }
    await letterOf(`${transactionId} signature: signature-missing`);
    const { body } = await replica.call('/metrics');
    expect(body).toMatch(/^concordat_messages_refused_total [1-9]/m);
    // Nothing that is secret was written down on the way.
    expect(await readFile(replica.log, 'utf8')).not.toContain(secret(bank));
  }, 60_000);
});
