// A follower of the floor of the whole way: makes durable what it gets, and says so.
import { createMessage, GrpcTransport, MessageType, WriteAheadLog } from '@concordat/raft';

/** @param {{ id: number, directory: string, leader: string }} context `leader`: host:port of the one with id 1 */
export async function open({ id, directory, leader }) {
  const { wal } = await WriteAheadLog.open({ directory });
  const transport = new GrpcTransport({ id, listen: '127.0.0.1:0', peers: { 1: leader } });
  const keep = async ({ entries }) => {
    await wal.append({ entries });
    transport.send([createMessage({ type: MessageType.AppResp, to: 1, index: entries.at(-1).index }, id, 1)]);
  };
  await transport.start({
    receive: (messages) => {
      for (const message of messages) void keep(message);
    },
    unreachable: () => {},
    disconnected: () => {},
  });
  const close = async () => {
    await transport.close();
    await wal.close();
  };
  return { facts: { address: `127.0.0.1:${transport.port}` }, close };
}
