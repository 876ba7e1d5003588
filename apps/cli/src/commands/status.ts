import type { Caller, Cluster, InDoubt, Participant } from '@concordat/client';
import { ConcordatError } from '@concordat/client';
import type { Command, Given } from '../command.js';
import type { Coordinator } from '../coordinator.js';
import { CommandFailure } from '../failure.js';
import { fieldLines, tableLines } from '../table.js';
import { NOTHING, orNothing, stateCell } from '../words.js';

interface ReplicaStatus {
  readonly url: string;
  readonly state: 'ready' | 'not ready' | 'no answer';
  /** The checks that fail. */
  readonly failing: readonly string[];
}

interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly detail?: string;
  readonly advisory?: boolean;
}

export const statusCommand: Command = {
  words: ['status'],
  summary: 'Shows how it stands: replicas, leader, participants, and what is in doubt.',
  options: {},
  calls: true,
  run: status,
};

async function status(given: Given): Promise<void> {
  const coordinator = await given.coordinator();
  const replicas = await Promise.all(coordinator.urls.map((url) => replicaStatus(coordinator, url)));
  if (replicas.every(({ state }) => state !== 'ready')) throw noneReady(replicas);
  const [caller, cluster, participants, inDoubt] = await Promise.all([
    ifAllowed(coordinator.get<Caller>('/v1/caller')),
    ifAllowed(coordinator.client.cluster()),
    ifAllowed(coordinator.client.participants()),
    ifAllowed(coordinator.get<InDoubt>('/v1/in-doubt', { limit: 1 })),
  ]);
  const health = participants && countHealth(participants);
  const value = {
    replicas,
    leader: cluster ? (leaderOf(cluster)?.nodeId ?? null) : null,
    term: cluster?.term ?? null,
    members: cluster?.members.length ?? null,
    participants: health,
    inDoubt: inDoubt?.total ?? null,
    caller: caller?.caller ?? null,
    roles: caller?.roles ?? null,
  };
  given.terminal.result(value, inWords(given, { replicas, cluster, health, inDoubt, caller }));
}

interface Found {
  readonly replicas: readonly ReplicaStatus[];
  readonly cluster: Cluster | null;
  readonly health: Readonly<Record<Participant['health'], number>> | null;
  readonly inDoubt: InDoubt | null;
  readonly caller: Caller | null;
}

function inWords({ terminal }: Given, { replicas, cluster, health, inDoubt, caller }: Found): string[] {
  const leader = cluster && leaderOf(cluster);
  const notAllowed = `${NOTHING} (not for this caller)`;
  const doubtful = inDoubt && ({ text: `${inDoubt.total}`, style: inDoubt.total > 0 ? 'attention' : 'good' } as const);
  return [
    ...tableLines(
      terminal,
      [
        { title: 'REPLICA', whole: true, cell: ({ url }) => url },
        { title: 'STATE', cell: ({ state }) => stateCell(state === 'no answer' ? 'down' : state) },
        { title: 'FAILING', cell: ({ failing }) => orNothing(failing.join(', ')) },
      ],
      replicas,
      '',
    ),
    '',
    ...fieldLines(terminal, [
      [
        'leader',
        cluster ? (leader ? `node ${leader.nodeId} at ${leader.url}, term ${cluster.term}` : 'none') : notAllowed,
      ],
      ['members', cluster ? `${cluster.members.length}` : notAllowed],
      ['participants', health ? `${health.up} up, ${health.down} down, ${health.unknown} unknown` : notAllowed],
      ['in doubt', doubtful ?? notAllowed],
      ['caller', caller ? `${caller.caller} (${caller.roles.join(', ')})` : notAllowed],
    ]),
  ];
}

const leaderOf = ({ members }: Cluster) => members.find(({ role }) => role === 'leader');

function countHealth(participants: readonly Participant[]): Record<Participant['health'], number> {
  const count = { up: 0, down: 0, unknown: 0 };
  for (const { health } of participants) count[health] += 1;
  return count;
}

async function replicaStatus({ probe }: Coordinator, url: string): Promise<ReplicaStatus> {
  const answer = await probe(url, '/health/ready');
  if (!answer) return { url, state: 'no answer', failing: [] };
  const { checks = [] } = (answer.body ?? {}) as { checks?: readonly Check[] };
  const failing = checks.flatMap(({ name, ok, detail }) => (ok ? [] : [detail ? `${name}: ${detail}` : name]));
  return { url, state: answer.status === 200 ? 'ready' : 'not ready', failing };
}

/** What an answer would be, or null where the caller may not ask. */
async function ifAllowed<T>(answer: Promise<T>): Promise<T | null> {
  return answer.catch((error: unknown) => {
    if (error instanceof ConcordatError && (error.status === 401 || error.status === 403)) return null;
    throw error;
  });
}

const noneReady = (replicas: readonly ReplicaStatus[]): CommandFailure =>
  new CommandFailure(
    'unreachable',
    replicas.length === 1 ? 'The replica is not ready.' : `None of ${replicas.length} replicas is ready.`,
    'Look whether the coordinators run and reach Kafka, Postgres and each other; their logs say more.',
    {
      lines: replicas.map(({ url, state, failing }) => `  ${url}: ${[state, ...failing].join('; ')}`),
      details: { replicas },
    },
  );
