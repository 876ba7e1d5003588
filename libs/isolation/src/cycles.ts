/**
 * Cycles of dependencies, from the gravest kind to the mildest.
 *
 * Invariants:
 * - C1 A cycle is found whenever there is one: every search runs on whole strongly connected components, and any arc within
 *   one lies on a cycle. Only how many of them are told is bounded.
 * - C2 Snapshot isolation is judged on the graph of walks without two rw edges in a row: a node is doubled into "arrived by
 *   rw", which only other edges leave, and "arrived otherwise". That graph has a cycle exactly when the history has a cycle
 *   in which no two rw edges are adjacent, so G2, which is allowed and frequent, costs nothing.
 * - C3 Cycles are first looked for without the orders of processes and of real time, so an anomaly is never called one of
 *   order that shows without it.
 */
import type { AnomalyKind, CycleKind } from './anomaly.js';
import type { Edge, EdgeKind } from './dependencies.js';
import { type Arc, componentsOf, type Digraph, shortestPath, toDigraph } from './digraph.js';

export interface Cycle {
  readonly kind: AnomalyKind;
  /** Each ends where the next begins; the last ends where the first begins. */
  readonly edges: readonly Edge[];
}

/** From how many arcs of a component a shortest cycle is looked for. */
const STARTS_MAX = 48;
/** How many components are looked into in one search; further ones say nothing new. */
const COMPONENTS_MAX = 100;

const SEARCHES: readonly { kinds: readonly EdgeKind[]; start: EdgeKind; alternating?: true }[] = [
  { kinds: ['ww'], start: 'ww' },
  { kinds: ['ww', 'wr'], start: 'wr' },
  { kinds: ['ww', 'wr', 'rw'], start: 'rw', alternating: true },
  { kinds: ['ww', 'wr', 'rw'], start: 'rw' },
];

/**
 * @param size number of transactions; edges name them by id
 * @param orders which edges of order count, in turn
 * @returns of each component the shortest cycle found of each kind
 */
export function findCycles(size: number, edges: readonly Edge[], orders: readonly ('process' | 'realtime')[]): Cycle[] {
  const found = new Map<string, Cycle>();
  for (let taken = 0; taken <= orders.length; taken += 1) {
    for (const { kinds, start, alternating } of SEARCHES) {
      const allowed = new Set<EdgeKind>([...kinds, ...orders.slice(0, taken)]);
      const chosen = edges.filter(({ kind }) => allowed.has(kind));
      for (const cycle of searchCycles(size, chosen, start, alternating ?? false)) {
        const members = cycle.edges.map(({ from }) => from).sort((a, b) => a - b);
        const name = `${cycle.kind} ${members.join(' ')}`;
        if (!found.has(name)) found.set(name, cycle);
      }
    }
  }
  return [...found.values()];
}

function searchCycles(size: number, edges: readonly Edge[], start: EdgeKind, alternating: boolean): Cycle[] {
  const arcs = alternating ? alternatingArcs(edges) : edges.map(({ from, to }, label) => ({ from, to, label }));
  const graph = toDigraph(alternating ? size * 2 : size, arcs);
  const components = componentsOf(graph);
  const inner = new Map<number, Arc[]>();
  for (const arc of arcs) {
    const component = components[arc.from] as number;
    if (component !== components[arc.to]) continue;
    const known = inner.get(component);
    if (known) known.push(arc);
    else inner.set(component, [arc]);
  }
  return [...inner]
    .slice(0, COMPONENTS_MAX)
    .flatMap(([within, own]) => cyclesWithin(graph, components, { within, arcs: own, edges, start, alternating }));
}

/** Invariant C2. Node n is 2n when it was not reached by rw, else 2n + 1. */
function alternatingArcs(edges: readonly Edge[]): Arc[] {
  return edges.flatMap(({ from, to, kind }, label) =>
    kind === 'rw'
      ? [{ from: 2 * from, to: 2 * to + 1, label }]
      : [
          { from: 2 * from, to: 2 * to, label },
          { from: 2 * from + 1, to: 2 * to, label },
        ],
  );
}

interface Component {
  readonly within: number;
  readonly arcs: readonly Arc[];
  readonly edges: readonly Edge[];
  readonly start: EdgeKind;
  readonly alternating: boolean;
}

function cyclesWithin(graph: Digraph, components: Int32Array, component: Component): Cycle[] {
  const { within, arcs, edges, start, alternating } = component;
  const edgeOf = (label: number) => edges[label] as Edge;
  const wanted = arcs.filter(({ label }) => edgeOf(label).kind === start);
  const shortest = new Map<AnomalyKind, Cycle>();
  for (const arc of spread(wanted.length > 0 ? wanted : arcs)) {
    const back = shortestPath(graph, components, { from: arc.to, to: arc.from, within });
    if (!back) throw new Error('an arc within a strongly connected component lies on no cycle');
    const walk = [arc.label, ...back].map(edgeOf);
    const cycle = cycleOf(alternating ? withoutRepeats(walk) : walk);
    const known = shortest.get(cycle.kind);
    if (!known || known.edges.length > cycle.edges.length) shortest.set(cycle.kind, cycle);
  }
  return [...shortest.values()];
}

/** At most STARTS_MAX of them, evenly spread. */
function spread<T>(list: readonly T[]): T[] {
  const step = Math.max(1, list.length / STARTS_MAX);
  return Array.from({ length: Math.min(list.length, STARTS_MAX) }, (_, at) => list[Math.floor(at * step)] as T);
}

/**
 * Cuts a closed walk that passes a node twice, by its two states, down to a cycle that still has no two rw edges in a row.
 * Of the two loops at such a node at least one is sound where it closes, as they share two ways in and two ways out of which
 * no rw way in leads to an rw way out.
 */
function withoutRepeats(walk: readonly Edge[]): readonly Edge[] {
  const firstAt = new Map<number, number>();
  for (const [at, { from }] of walk.entries()) {
    const before = firstAt.get(from);
    if (before === undefined) {
      firstAt.set(from, at);
      continue;
    }
    const loop = walk.slice(before, at);
    const rest = [...walk.slice(at), ...walk.slice(0, before)];
    return withoutRepeats(hasAdjacentMisses(loop) ? rest : loop);
  }
  return walk;
}

const hasAdjacentMisses = (cycle: readonly Edge[]): boolean =>
  cycle.some(({ kind }, at) => kind === 'rw' && cycle[(at + 1) % cycle.length]?.kind === 'rw');

/** @param edges of a simple cycle */
export function cycleOf(edges: readonly Edge[]): Cycle {
  const has = (kind: EdgeKind) => edges.some((edge) => edge.kind === kind);
  const misses = edges.filter(({ kind }) => kind === 'rw').length;
  let kind: CycleKind = has('wr') ? 'G1c' : 'G0';
  if (misses === 1) kind = 'G-single';
  else if (misses > 1) kind = hasAdjacentMisses(edges) ? 'G2' : 'G-nonadjacent';
  const order = has('realtime') ? '-realtime' : has('process') ? '-process' : '';
  return { kind: `${kind}${order}`, edges };
}
