/** A directed graph in typed arrays, its strongly connected components, and shortest paths within them. */

export interface Digraph {
  readonly size: number;
  /** The arcs of node n are at positions first[n] to first[n + 1]. */
  readonly first: Int32Array;
  readonly targets: Int32Array;
  /** What each arc stands for, by the caller's numbering. */
  readonly labels: Int32Array;
}

export interface Arc {
  readonly from: number;
  readonly to: number;
  readonly label: number;
}

/** @param size number of nodes, named 0 to size - 1 */
export function toDigraph(size: number, arcs: readonly Arc[]): Digraph {
  const first = new Int32Array(size + 1);
  for (const { from } of arcs) first[from + 1] = at(first, from + 1) + 1;
  for (let node = 0; node < size; node += 1) first[node + 1] = at(first, node + 1) + at(first, node);
  const next = first.slice();
  const targets = new Int32Array(arcs.length);
  const labels = new Int32Array(arcs.length);
  for (const { from, to, label } of arcs) {
    const position = at(next, from);
    next[from] = position + 1;
    targets[position] = to;
    labels[position] = label;
  }
  return { size, first, targets, labels };
}

/**
 * Tarjan's algorithm ("Depth-first search and linear graph algorithms", 1972) without recursion.
 * @returns for each node the number of its component
 */
export function componentsOf({ size, first, targets }: Digraph): Int32Array {
  const order = new Int32Array(size).fill(-1);
  const low = new Int32Array(size);
  const component = new Int32Array(size).fill(-1);
  const next = first.slice(0, size);
  const stack: number[] = [];
  let visited = 0;
  let components = 0;
  for (let root = 0; root < size; root += 1) {
    if (at(order, root) >= 0) continue;
    const path = [root];
    while (path.length > 0) {
      const node = path[path.length - 1] as number;
      if (at(order, node) < 0) {
        order[node] = visited;
        low[node] = visited;
        visited += 1;
        stack.push(node);
      }
      const position = at(next, node);
      if (position < at(first, node + 1)) {
        next[node] = position + 1;
        const target = at(targets, position);
        if (at(order, target) < 0) path.push(target);
        else if (at(component, target) < 0) low[node] = Math.min(at(low, node), at(order, target));
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(at(low, parent), at(low, node));
      if (at(low, node) < at(order, node)) continue;
      for (let member = -1; member !== node; ) {
        member = stack.pop() as number;
        component[member] = components;
      }
      components += 1;
    }
  }
  return component;
}

/**
 * @param within only nodes of this component are visited
 * @returns the labels of a shortest way from one node to another; undefined when there is none
 */
export function shortestPath(
  graph: Digraph,
  components: Int32Array,
  { from, to, within }: { from: number; to: number; within: number },
): number[] | undefined {
  const { first, targets, labels } = graph;
  /** For each node reached: where from, and by which arc. */
  const cameBy = new Map<number, { node: number; label: number }>();
  let frontier = [from];
  while (frontier.length > 0) {
    const reached: number[] = [];
    for (const node of frontier) {
      for (let position = at(first, node); position < at(first, node + 1); position += 1) {
        const target = at(targets, position);
        if (cameBy.has(target) || at(components, target) !== within) continue;
        cameBy.set(target, { node, label: at(labels, position) });
        if (target === to) return walkBack(cameBy, from, to);
        reached.push(target);
      }
    }
    frontier = reached;
  }
  return undefined;
}

function walkBack(cameBy: ReadonlyMap<number, { node: number; label: number }>, from: number, to: number): number[] {
  const labels: number[] = [];
  let node = to;
  do {
    const step = cameBy.get(node);
    if (!step) throw new Error(`node ${node} was reached from nowhere`);
    labels.push(step.label);
    node = step.node;
  } while (node !== from);
  return labels.reverse();
}

/** The arrays are filled for every index asked for; the type checker cannot know. */
const at = (array: Int32Array, index: number): number => array[index] as number;
