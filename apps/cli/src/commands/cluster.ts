import type { Cluster } from '@concordat/client';
import { type Command, type Given, YES } from '../command.js';
import { usage } from '../failure.js';
import { tableLines } from '../table.js';
import { durationInWords, NOTHING, orNothing, stateCell } from '../words.js';

const MEMBERS_PATH = '/v1/cluster/members';

export const clusterCommands: readonly Command[] = [
  {
    words: ['cluster', 'members'],
    summary: 'Lists the members of the cluster with role, indices and lag.',
    options: { stale: { summary: 'as whichever replica is asked knows it, without asking the leader' } },
    calls: true,
    run: async (given) => {
      const { client } = await given.coordinator();
      show(given, await client.cluster(given.flag('stale') ? { consistency: 'stale' } : {}));
    },
  },
  {
    words: ['cluster', 'transfer'],
    summary: 'Hands leadership to another member, the furthest one if none is named.',
    options: { to: { value: 'ID', summary: 'id of the member, as `cluster members` shows it' } },
    calls: true,
    run: async (given) => {
      const to = given.number('to');
      const { send } = await given.coordinator();
      show(given, await send<Cluster>({ method: 'POST', path: '/v1/cluster/transfer', body: { to } }));
    },
  },
  {
    words: ['cluster', 'add'],
    summary: 'Takes in the replica whose peers reach it at ADDRESS (host:port), as a learner until it has caught up.',
    argument: { name: 'ADDRESS' },
    options: {},
    calls: true,
    run: async (given) => {
      const { argument: address } = given;
      if (!/^\S+:\d{1,5}$/.test(address)) throw usage('ADDRESS is host:port of the replica for its peers.');
      const { send } = await given.coordinator();
      show(given, await send<Cluster>({ method: 'POST', path: MEMBERS_PATH, body: { address } }));
    },
  },
  {
    words: ['cluster', 'remove'],
    summary: 'Removes the member with this ID for good: its id never returns.',
    argument: { name: 'ID' },
    options: { yes: YES },
    calls: true,
    run: remove,
  },
];

async function remove(given: Given): Promise<void> {
  const { argument: id } = given;
  if (!/^[1-9]\d{0,15}$/.test(id)) throw usage('ID is the number that `cluster members` shows.');
  const { client, send } = await given.coordinator();
  const { members } = await client.cluster();
  const member = members.find((one) => String(one.id) === id);
  const who = member ? `node ${member.nodeId} at ${member.url}, ${member.role} of ${members.length}` : 'unknown here';
  await given.confirm(`Remove member ${id} (${who}) for good?`);
  show(given, await send<Cluster>({ method: 'DELETE', path: `${MEMBERS_PATH}/${id}` }));
}

function show({ terminal }: Given, cluster: Cluster): void {
  const leader = cluster.members.find(({ role }) => role === 'leader');
  terminal.result(cluster, [
    ...tableLines(
      terminal,
      [
        { title: 'ID', right: true, cell: ({ id }) => `${id}` },
        { title: 'NODE', right: true, cell: ({ nodeId }) => `${nodeId}` },
        { title: 'ROLE', cell: ({ role }) => stateCell(role) },
        { title: 'URL', whole: true, cell: ({ url }) => url },
        { title: 'PEERS', whole: true, cell: ({ address }) => address },
        { title: 'MATCH', right: true, cell: ({ matchIndex }) => orNothing(matchIndex) },
        { title: 'APPLIED', right: true, cell: ({ appliedIndex }) => orNothing(appliedIndex) },
        { title: 'PERSISTED', right: true, cell: ({ persistedIndex }) => orNothing(persistedIndex) },
        { title: 'LAG', right: true, cell: ({ lagMs }) => durationInWords(lagMs) },
        { title: 'SUSPICION', right: true, cell: ({ suspicion }) => suspicion?.toFixed(2) ?? NOTHING },
      ],
      cluster.members,
      'There is no member.',
    ),
    '',
    `term ${cluster.term}, ${leader ? `led by node ${leader.nodeId}` : 'without a leader'}`,
  ]);
}
