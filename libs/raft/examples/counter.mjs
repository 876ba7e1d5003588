// A counter that three processes agree on. Start it three times: node counter.mjs 1, node counter.mjs 2, node counter.mjs 3
import { GrpcTransport, RaftNode } from '@concordat/raft';

const id = Number(process.argv[2]);
const [firstPort, directory] = [Number(process.env.COUNTER_PORT ?? 7101), process.env.COUNTER_DATA ?? '.data'];
const peers = Object.fromEntries([1, 2, 3].map((peer) => [peer, `127.0.0.1:${firstPort + peer - 1}`]));

let count = 0;
const stateMachine = {
  apply: (entries) => entries.map(() => ++count),
  snapshot: () => [Buffer.from(String(count))],
  restore: async (chunks) => {
    for await (const chunk of chunks) count = Number(chunk.toString());
  },
};

const transport = new GrpcTransport({ id, listen: peers[id], peers });
const bootstrap = { voters: [1, 2, 3] };
const node = await RaftNode.start({ id, directory: `${directory}/counter-${id}`, transport, stateMachine, bootstrap });
setInterval(async () => {
  if (node.isLeader) console.log(`member ${id} leads:`, await node.propose(Buffer.from('+1')));
}, 500);
