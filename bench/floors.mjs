// The floors: what each thing on the critical path costs by itself, on this machine, in this run.
import { join } from 'node:path';
import { freePort } from '../scripts/lib/ports.mjs';
import { Meters } from './meters.mjs';
import { WorkloadProcess } from './workload.mjs';

/**
 * @typedef {object} Subject something that can be measured
 * @property {WorkloadProcess} driver
 * @property {Meters} meters
 * @property {string[]} counted processes whose CPU time is the subject's
 * @property {number | null} participants
 * @property {number} [concurrencyMax]
 * @property {number} [fsyncsPerCall] where no meter tells
 * @property {Record<string, number>} profiled processes by name
 * @property {() => Promise<void>} [assertAlive] rejects when a process of the system has ended, with its last words
 * @property {() => Promise<void>} close
 */

const openers = {
  'floor-fdatasync': openFdatasync,
  'floor-kafka-echo': openKafkaEcho,
  'floor-postgres': openPostgresPrepare,
  'floor-http': openHttpEcho,
  'floor-path': openPath,
};

/**
 * @param {string} name
 * @param {import('./surroundings.mjs').Surroundings} surroundings
 * @param {number} callers the most that will be in flight
 * @param {number} replicas of the log, where the floor has one
 * @returns {Promise<Subject>}
 */
export const openFloor = (name, surroundings, callers, replicas) => openers[name](surroundings, callers, replicas);

async function openFdatasync(surroundings) {
  const driver = await WorkloadProcess.open('fdatasync', { directory: join(surroundings.directory, 'fdatasync') });
  return subject(surroundings, { driver, pids: { client: driver.pid }, concurrencyMax: 1, fsyncsPerCall: 1 });
}

async function openKafkaEcho(surroundings) {
  const run = Date.now().toString(36);
  const context = {
    brokers: surroundings.kafka.brokers,
    client: process.env.KAFKA_CLIENT || undefined,
    requests: `bench.${run}.requests`,
    replies: `bench.${run}.replies`,
  };
  const server = await WorkloadProcess.open('kafka-echo-server', context);
  const driver = await WorkloadProcess.open('kafka-echo', context);
  const pids = { client: driver.pid, echo: server.pid };
  return subject(surroundings, { driver, servers: [server], pids, topicPrefix: `bench.${run}.` });
}

async function openPostgresPrepare(surroundings, callers) {
  const databaseUrl = await surroundings.postgres.createDatabase('bench_floor');
  const driver = await WorkloadProcess.open('postgres-prepare', { databaseUrl, callers });
  return subject(surroundings, { driver, pids: { client: driver.pid }, postgres: true });
}

/** Sends what a one-shot transaction sends. */
async function openHttpEcho(surroundings, callers) {
  const server = await WorkloadProcess.open('http-echo-server', {});
  const body = { kind: 'fixed', json: oneShot(['first', 'second'], 'nothing', '{}') };
  const driver = await WorkloadProcess.open('http', { url: server.facts.url, callers, body });
  const pids = { client: driver.pid, echo: server.pid };
  return subject(surroundings, { driver, servers: [server], pids, counted: ['echo'] });
}

/** The whole way of a transaction to its answer, in as many processes, with nothing decided on it. */
async function openPath(surroundings, callers, replicas) {
  const { directory, kafka } = surroundings;
  const run = Date.now().toString(36);
  const replies = `bench.${run}.replies`;
  const requests = ['first', 'second'].map((name) => `bench.${run}.${name}`);
  const context = { brokers: kafka.brokers, client: process.env.KAFKA_CLIENT || undefined, replies };
  const open = (name, more) => WorkloadProcess.open(name, { ...context, ...more });
  const echoes = await Promise.all(requests.map((topic) => open('kafka-echo-server', { requests: topic })));
  const port = await freePort();
  const ids = Array.from({ length: replicas - 1 }, (_, index) => index + 2);
  const logOf = (id) => ({ directory: join(directory, `path-${run}-${id}`) });
  const followers = await Promise.all(
    ids.map((id) => open('path-follower', { id, leader: `127.0.0.1:${port}`, ...logOf(id) })),
  );
  const addresses = Object.fromEntries(followers.map(({ facts }, index) => [ids[index], facts.address]));
  const leader = await open('path-leader', { requests, port, followers: addresses, ...logOf(1) });
  const body = { kind: 'fixed', json: oneShot(['first', 'second'], 'nothing', '{}') };
  const driver = await WorkloadProcess.open('http', { url: leader.facts.url, callers, body });
  const named = (name, processes) => processes.map(({ pid }, index) => [`${name}-${index + 1}`, pid]);
  const system = { leader: leader.pid, ...Object.fromEntries([...named('echo', echoes), ...named('log', followers)]) };
  return subject(surroundings, {
    driver,
    servers: [leader, ...followers, ...echoes],
    pids: { ...system, client: driver.pid },
    counted: [...Object.keys(system), 'kafka'],
    topicPrefix: `bench.${run}.`,
    fsyncsPerCall: replicas,
  });
}

/** @returns {Promise<Subject>} */
async function subject(surroundings, { driver, servers = [], pids, postgres = false, topicPrefix, ...rest }) {
  const meters = await Meters.open(surroundings, { pids, postgres, topicPrefix });
  const close = async () => {
    await meters.close();
    for (const one of [driver, ...servers]) await one.close();
  };
  surroundings.closing.add(close);
  const counted = [...Object.keys(pids), 'kafka', 'postgres'];
  return { driver, meters, counted, participants: null, profiled: {}, close, ...rest };
}

/** The body of a transaction of one branch at each of these participants. @param {string} input JSON */
export const oneShot = (participants, operation, input) =>
  `{"commit":true,"branches":[${participants
    .map((participant) => `{"participant":"${participant}","operation":"${operation}","input":${input}}`)
    .join(',')}]}`;
