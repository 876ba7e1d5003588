// The middle of the floor of the whole way: each call goes to two other processes through Kafka and comes back, is made
// durable here and at a majority, and is answered. The same processes and messages as on a transaction's way to its
// answer, by the same libraries, and nothing is decided.
import { createMessage, GrpcTransport, MessageType, WriteAheadLog } from '@concordat/raft';
import { createTransport } from '@concordat/transport';
import { openHttpApp } from './http-app.mjs';

/** About as long as a PREPARE, and as the entries of one transaction. */
const COMMAND = 'x'.repeat(400);
const ENTRY = Buffer.alloc(1_000, 'x');

/**
 * @param {{ brokers: string, client: string | undefined, requests: string[], replies: string, directory: string,
 *   port: number, followers: Record<number, string> }} context `port` to listen at for followers; these by id, host:port
 */
export async function open({ brokers, client, requests, replies, directory, port, followers }) {
  const kafka = createTransport({ brokers: brokers.split(','), client, clientId: replies });
  await kafka.connect();
  const log = await openLog({ directory, port, followers });
  const waiting = new Map();
  const onMessage = ({ key }) => waiting.get(key)?.();
  await kafka.subscribe({ topic: replies, groupId: replies, from: 'end', onMessage });
  let sequence = 0;
  const ask = () => {
    sequence += 1;
    const key = sequence.toString(36);
    let missing = requests.length;
    return new Promise((resolve, reject) => {
      waiting.set(key, () => {
        missing -= 1;
        if (missing > 0) return;
        waiting.delete(key);
        resolve();
      });
      for (const topic of requests) kafka.send({ topic, key, value: COMMAND }).catch(reject);
    });
  };
  const { url, close } = await openHttpApp(async () => {
    await ask();
    await log.append();
  });
  return {
    facts: { url },
    async close() {
      await close();
      await kafka.close();
      await log.close();
    },
  };
}

/** A log that is durable here and at half of the followers. */
async function openLog({ directory, port, followers }) {
  const { wal } = await WriteAheadLog.open({ directory });
  const ids = Object.keys(followers).map(Number);
  const transport = new GrpcTransport({ id: 1, listen: `127.0.0.1:${port}`, peers: followers });
  const acknowledged = new Map(ids.map((id) => [id, 0]));
  const needed = Math.floor((ids.length + 1) / 2);
  let waiting = [];
  const settle = () => {
    const settled = ({ index }) => ids.filter((id) => acknowledged.get(id) >= index).length >= needed;
    for (const one of waiting.filter(settled)) one.resolve();
    waiting = waiting.filter((one) => !settled(one));
  };
  await transport.start({
    receive: (messages) => {
      for (const { from, index } of messages) acknowledged.set(from, index);
      settle();
    },
    unreachable: () => {},
    disconnected: () => {},
  });
  let last = 0;
  return {
    async append() {
      last += 1;
      const entries = [{ index: last, term: 1, type: 0, data: ENTRY }];
      const there = new Promise((resolve) => waiting.push({ index: last, resolve }));
      transport.send(ids.map((to) => createMessage({ type: MessageType.App, to, index: last - 1, entries }, 1, 1)));
      const here = wal.append({ entries });
      settle();
      await Promise.all([here, there]);
    },
    async close() {
      await transport.close();
      await wal.close();
    },
  };
}
