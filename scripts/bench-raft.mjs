// Measures libs/raft: three nodes in this process, over loopback sockets, with fsync, 256-byte entries, beside the
// fdatasync floor of the same run. `--json` prints one line per case, otherwise a table. See libs/raft/docs/performance.md.
import { closeSync, fdatasyncSync, fsyncSync, openSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { build } from './build.mjs';

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    seconds: { type: 'string', default: '5' },
    case: { type: 'string', multiple: true },
    transport: { type: 'string', default: 'tcp' },
    directory: { type: 'string' },
    'skip-floor': { type: 'boolean', default: false },
  },
});
const ENTRY_BYTES = 256;
const WARM_UP_MS = 1_000;
const measureMs = Number(options.seconds) * 1_000;
const wanted = (name) => !options.case || options.case.includes(name);

await build();
const raft = await import('../libs/raft/dist/index.js');
const directory = await mkdtemp(join(options.directory ?? tmpdir(), 'bench-raft-'));
try {
  await main();
} finally {
  await rm(directory, { recursive: true, force: true });
}
process.exit(0);

async function main() {
  const floor = options['skip-floor'] ? undefined : floorOfFdatasync();
  const results = floor && wanted('floor-fdatasync') ? [floor] : [];
  for (const concurrency of [1, 128]) {
    const name = `raft-${concurrency}`;
    if (!wanted(name)) continue;
    results.push(await benchRaft(name, concurrency, floor));
  }
  if (options.json) for (const result of results) console.log(JSON.stringify(result));
  else console.table(Object.fromEntries(results.map(({ case: name, ...rest }) => [name, rest])));
}

/** fdatasync of 4 KiB writes into a preallocated file, one after another. */
function floorOfFdatasync() {
  const fd = openSync(join(directory, 'floor'), 'w');
  const zeros = Buffer.alloc(1 << 20);
  for (let at = 0; at < 64; at++) writeSync(fd, zeros);
  fsyncSync(fd);
  const block = Buffer.alloc(4096, 1);
  const latencies = [];
  const end = performance.now() + Math.min(measureMs, 3_000);
  const start = performance.now();
  for (let position = 0; performance.now() < end; position = (position + 4096) % (64 << 20)) {
    const begun = performance.now();
    writeSync(fd, block, 0, block.length, position);
    fdatasyncSync(fd);
    latencies.push(performance.now() - begun);
  }
  closeSync(fd);
  return summary('floor-fdatasync', latencies, performance.now() - start, undefined);
}

async function benchRaft(name, concurrency, floor) {
  const nodes = await startCluster(join(directory, name));
  const leader = await untilLeader(nodes);
  await load(leader, concurrency, WARM_UP_MS);
  const before = leader.logStatistics();
  const cpu = process.cpuUsage();
  const { latencies, elapsedMs, allocated } = await load(leader, concurrency, measureMs);
  const { user, system } = process.cpuUsage(cpu);
  const { fsyncCount } = leader.logStatistics();
  for (const node of nodes) await node.close();
  return {
    ...summary(name, latencies, elapsedMs, floor),
    entriesPerFsync: round(latencies.length / (fsyncCount - before.fsyncCount), 1),
    cpuMicrosPerEntry: round((user + system) / latencies.length, 1),
    allocatedBytesPerEntry: Math.round(allocated / latencies.length),
  };
}

/** Keeps `concurrency` proposals in flight for so long. */
async function load(leader, concurrency, durationMs) {
  const latencies = [];
  const data = Buffer.alloc(ENTRY_BYTES, 7);
  const watch = watchHeap();
  const start = performance.now();
  const end = start + durationMs;
  const worker = async () => {
    for (;;) {
      const begun = performance.now();
      if (begun >= end) return;
      const { outcome } = await leader.propose(data);
      if (outcome !== 'committed') throw new Error(`a proposal ended as ${outcome}`);
      latencies.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: concurrency }, worker));
  return { latencies, elapsedMs: performance.now() - start, allocated: watch() };
}

/** Bytes allocated on the heap and in buffers: the sum of all rises between short looks. */
function watchHeap() {
  let allocated = 0;
  let last = heapNow();
  const timer = setInterval(look, 5);
  function look() {
    const now = heapNow();
    if (now > last) allocated += now - last;
    last = now;
  }
  return () => {
    clearInterval(timer);
    look();
    return allocated;
  };
}

function heapNow() {
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

async function startCluster(base) {
  const ids = [1, 2, 3];
  const network = new raft.MemoryNetwork();
  const transports = ids.map((id) => makeTransport(id, network));
  const nodes = await Promise.all(
    ids.map((id, at) =>
      raft.RaftNode.start({
        id,
        directory: join(base, String(id)),
        transport: transports[at],
        stateMachine: { apply: (entries) => entries, snapshot: () => [], restore: async () => undefined },
        bootstrap: { voters: ids },
        snapshotEntries: 0,
        onFailure: (error) => {
          throw error;
        },
      }),
    ),
  );
  for (const one of transports) {
    for (const [at, other] of transports.entries()) one.setPeer(ids[at], `127.0.0.1:${other.port}`);
  }
  return nodes;
}

function makeTransport(id, network) {
  if (options.transport === 'memory') return network.transport(id);
  if (options.transport === 'tcp') return new raft.TcpTransport({ id, listen: '127.0.0.1:0' });
  return new raft.GrpcTransport({ id, listen: '127.0.0.1:0' });
}

async function untilLeader(nodes) {
  for (;;) {
    const leader = nodes.find((node) => node.isLeader);
    if (leader) return leader;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function summary(name, latencies, elapsedMs, floor) {
  const sorted = Float64Array.from(latencies).sort();
  const perSecond = Math.round((sorted.length / elapsedMs) * 1_000);
  return {
    case: name,
    perSecond,
    p50Ms: round(sorted[Math.floor(sorted.length * 0.5)], 3),
    p99Ms: round(sorted[Math.floor(sorted.length * 0.99)], 3),
    ratioToFloor: floor ? round(perSecond / floor.perSecond, 3) : 1,
  };
}

function round(value, digits) {
  return Number(value.toFixed(digits));
}
