// The cases `local` and `global`: the very same work in both isolations, side by side at one coordinator.
import { openCoordinators, openSubject, SKUS_PER_CALLER, untilHeard } from './cases.mjs';
import { oneShot } from './floors.mjs';
import { profiledEnv, WorkloadProcess } from './workload.mjs';

/** Rows that one transaction makes. */
const ROWS_PER_FILL = 1_000;
/** Stands where the number of the row goes. */
const NUMBER = '#';

/**
 * Two participants of each isolation, each with its own database; every branch reads and changes one row of its own.
 * @param {readonly string[]} isolations `local`, `global` or both
 * @param {import('./surroundings.mjs').Surroundings} surroundings
 * @param {number} callers the most that will be in flight
 * @param {number} replicas of the coordinator
 * @returns {Promise<import('./floors.mjs').Subject[]>} one for each isolation; they are not to be driven at the same time
 */
export async function openIsolations(isolations, surroundings, callers, replicas = 1) {
  const coordinator = await openCoordinators('isolations', surroundings, replicas);
  const subjects = [];
  for (const isolation of isolations) subjects.push(await openOne(isolation, surroundings, coordinator, callers));
  return subjects;
}

async function openOne(isolation, surroundings, coordinator, callers) {
  const names = [`${isolation}-a`, `${isolation}-b`];
  const start = async (name) => {
    const databaseUrl = await surroundings.postgres.createDatabase(`bench_${name.replace('-', '_')}`);
    const coordinators = Object.values(coordinator.replicas).map(({ url }) => url);
    const kafka = { brokers: surroundings.kafka.brokers, client: process.env.KAFKA_CLIENT || undefined };
    const context = { name, isolation, coordinators, databaseUrl, ...kafka };
    const participant = await WorkloadProcess.open('row-participant', context, profiledEnv(surroundings, name));
    surroundings.closing.add(() => participant.close());
    return participant;
  };
  const participants = Object.fromEntries(await Promise.all(names.map(async (name) => [name, await start(name)])));
  await untilHeard(coordinator, names);
  await fill(coordinator, names, callers * SKUS_PER_CALLER);
  const parts = oneShot(names, 'add', JSON.stringify({ id: `row-${NUMBER}`, amount: 1 })).split(NUMBER);
  const body = { kind: 'template', parts, perCaller: SKUS_PER_CALLER };
  return openSubject(surroundings, { coordinator, participants, callers, body });
}

async function fill(coordinator, names, rows) {
  for (let first = 0; first < rows; first += ROWS_PER_FILL) {
    const input = { first, count: Math.min(ROWS_PER_FILL, rows - first) };
    const branches = names.map((participant) => ({ participant, operation: 'fill', input }));
    const answer = await fetch(`${coordinator.url}/v1/transactions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ commit: true, wait: 'completed', branches }),
    });
    if (!answer.ok) throw new Error(`filling was answered ${answer.status}: ${await answer.text()}`);
    await answer.body?.cancel().catch(() => {});
  }
}
