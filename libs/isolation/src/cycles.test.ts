import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { cycleOf, findCycles } from './cycles.js';
import type { Edge, EdgeKind } from './dependencies.js';

const NODES = 5;
const edge = (from: number, to: number, kind: EdgeKind): Edge => ({ from, to, kind });

/** Every simple cycle, the slow and certain way. */
function everyCycle(edges: readonly Edge[]): Edge[][] {
  const found: Edge[][] = [];
  const extend = (path: Edge[], start: number) => {
    const node = path.at(-1)?.to ?? start;
    for (const next of edges) {
      if (next.from !== node || next.to < start) continue;
      if (next.to === start) found.push([...path, next]);
      else if (!path.some(({ to }) => to === next.to)) extend([...path, next], start);
    }
  };
  for (let start = 0; start < NODES; start += 1) extend([], start);
  return found;
}

const node = fc.nat({ max: NODES - 1 });
const kinds = fc.constantFrom<EdgeKind>('ww', 'wr', 'rw', 'rw', 'process', 'realtime');
const graph = fc
  .array(fc.record({ from: node, to: node, kind: kinds }), { maxLength: 12 })
  .map((edges) => edges.filter(({ from, to }) => from !== to));

/** G2 is what snapshot isolation allows. */
const isForbidden = (kind: string) => !kind.startsWith('G2');

describe('the search for cycles', () => {
  it('finds a cycle that snapshot isolation forbids exactly when there is one, and likewise for serializability', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        const certain = everyCycle(edges).map((cycle) => cycleOf(cycle).kind);
        const found = findCycles(NODES, edges, ['process', 'realtime']).map(({ kind }) => kind);
        expect(found.some(isForbidden)).toBe(certain.some(isForbidden));
        expect(found.length > 0).toBe(certain.length > 0);
        for (const kind of ['G0', 'G1c'] as const) expect(found.includes(kind)).toBe(certain.includes(kind));
        // And no kind is made up.
        for (const kind of found) expect(certain).toContain(kind);
      }),
      { numRuns: 3_000 },
    );
  });

  it('tells cycles: each edge begins where the one before ends, and no transaction comes twice', () => {
    fc.assert(
      fc.property(graph, (edges) => {
        for (const { edges: cycle } of findCycles(NODES, edges, ['process', 'realtime'])) {
          expect(cycle.map(({ from }) => from)).toEqual([cycle.at(-1), ...cycle.slice(0, -1)].map((one) => one?.to));
          expect(new Set(cycle.map(({ from }) => from)).size).toBe(cycle.length);
        }
      }),
      { numRuns: 500 },
    );
  });

  it('names a cycle by its edges', () => {
    const kindOf = (...names: EdgeKind[]) =>
      cycleOf(names.map((kind, at) => edge(at, (at + 1) % names.length, kind))).kind;
    expect(kindOf('ww', 'ww')).toBe('G0');
    expect(kindOf('ww', 'wr')).toBe('G1c');
    expect(kindOf('rw', 'wr', 'ww')).toBe('G-single');
    expect(kindOf('rw', 'ww', 'rw', 'wr')).toBe('G-nonadjacent');
    expect(kindOf('rw', 'rw')).toBe('G2');
    expect(kindOf('rw', 'wr', 'rw')).toBe('G2'); // the last meets the first
    expect(kindOf('rw', 'process')).toBe('G-single-process');
    expect(kindOf('rw', 'process', 'rw', 'realtime')).toBe('G-nonadjacent-realtime');
  });

  it('tells a graver cycle beside a milder one of the same tangle', () => {
    const edges = [edge(0, 1, 'ww'), edge(1, 0, 'ww'), edge(1, 0, 'wr'), edge(0, 1, 'rw')];
    expect(findCycles(2, edges, []).map(({ kind }) => kind)).toEqual(expect.arrayContaining(['G0', 'G1c', 'G-single']));
  });

  it('does not call an anomaly one of order that shows without it', () => {
    const edges = [edge(0, 1, 'rw'), edge(1, 2, 'wr'), edge(2, 0, 'ww'), edge(1, 0, 'realtime')]; // the last is a short cut
    const kindsWith = (...orders: ('process' | 'realtime')[]) => findCycles(3, edges, orders).map(({ kind }) => kind);
    expect(kindsWith()).toEqual(['G-single']);
    expect(kindsWith('process', 'realtime')).toEqual(['G-single', 'G-single-realtime']);
  });
});
