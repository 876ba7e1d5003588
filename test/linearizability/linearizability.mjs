// Whether a history of calls is linearizable: whether every call can be given one moment between its beginning and its end
// at which it took effect, so that in the order of those moments every answer is the one that the model gives.
//
// The search is that of Wing and Gong ("Testing and verifying concurrent objects", 1993), with Lowe's memory of the
// configurations that were tried before ("Testing for linearizability", 2017). A history of several keys is linearizable
// exactly if that of each key is (Herlihy and Wing, 1990, theorem 1), so each is searched by itself.

/**
 * One call. Where nobody knows what became of it, `endsAt` is Infinity: it took effect at any time after it began, or never.
 * @template Input
 * @typedef {{ key: string, input: Input, beginsAt: number, endsAt: number }} Operation times in ms of one clock
 */

/**
 * @template Input, State
 * @typedef {object} Model
 * @property {State} initial
 * @property {(state: State, input: Input) => State | undefined} step what the state is afterwards; undefined where the call
 *   could not have been answered so in this state
 * @property {(state: State) => string} describe the same for equal states, and only for them
 * @property {(input: Input) => string} describeInput for reports
 */

/** Bound on the configurations tried for one key; a history that needs more is reported as undecided, never as correct. */
export const CONFIGURATIONS_MAX = 1_000_000;

/**
 * @template Input, State
 * @param {Model<Input, State>} model
 * @param {Operation<Input>[]} history
 * @returns {{ keys: number, operations: number, violations: string[] }} how much was checked, and what cannot be put in order
 */
export function checkLinearizability(model, history) {
  const byKey = Map.groupBy(history, ({ key }) => key);
  const violations = [];
  for (const [key, operations] of byKey) {
    const stuck = search(model, operations);
    if (stuck !== undefined) violations.push(`${key} is not linearizable: ${stuck}`);
  }
  return { keys: byKey.size, operations: history.length, violations };
}

/** @returns {string | undefined} why no order exists */
function search(model, operations) {
  const events = eventsOf(operations);
  const required = operations.filter(({ endsAt }) => endsAt !== Infinity).length;
  const seen = new Set();
  const done = new Uint8Array(operations.length);
  /** What was put in order so far, and the state before each. @type {{ event: Event, state: unknown }[]} */
  const chosen = [];
  let state = model.initial;
  let answered = 0;
  let best = { answered: -1, state, event: undefined };
  let event = events.head.next;
  while (answered < required) {
    if (event?.begins) {
      const next = model.step(state, operations[event.operation].input);
      if (next !== undefined && isNew(seen, done, event.operation, model.describe(next))) {
        if (seen.size > CONFIGURATIONS_MAX) return `more than ${CONFIGURATIONS_MAX} configurations: undecided`;
        chosen.push({ event, state });
        state = next;
        take(event, done, 1);
        if (event.end) answered += 1;
        event = events.head.next;
      } else {
        event = event.next;
      }
      continue;
    }
    // The first call that ended before anything else could come: one of those chosen must have come at another place.
    if (answered > best.answered) best = { answered, state, event };
    const last = chosen.pop();
    if (!last) return told(model, operations, best);
    state = last.state;
    giveBack(last.event, done);
    if (last.event.end) answered -= 1;
    event = last.event.next;
  }
  return undefined;
}

/** @typedef {{ operation: number, begins: boolean, end?: Event, next?: Event, previous?: Event }} Event */

/** A doubly linked list of beginnings and ends in their order; calls without an end have only a beginning. */
function eventsOf(operations) {
  const all = operations.flatMap(({ beginsAt, endsAt }, operation) => {
    const end = endsAt === Infinity ? undefined : { operation, begins: false, at: endsAt };
    const begin = { operation, begins: true, at: beginsAt, end };
    return end ? [begin, end] : [begin];
  });
  // At the same moment beginnings come first: then the calls overlap, and nothing is claimed that was not measured.
  all.sort((a, b) => a.at - b.at || Number(b.begins) - Number(a.begins));
  const head = { operation: -1, begins: false };
  let last = head;
  for (const event of all) {
    last.next = event;
    event.previous = last;
    last = event;
  }
  return { head };
}

function take(event, done) {
  done[event.operation] = 1;
  unlink(event);
  if (event.end) unlink(event.end);
}

function giveBack(event, done) {
  done[event.operation] = 0;
  if (event.end) relink(event.end);
  relink(event);
}

function unlink(event) {
  event.previous.next = event.next;
  if (event.next) event.next.previous = event.previous;
}

function relink(event) {
  event.previous.next = event;
  if (event.next) event.next.previous = event;
}

/** Whether this set of calls has not been seen before with this state behind it. */
function isNew(seen, done, operation, description) {
  done[operation] = 1;
  const configuration = `${description} ${Buffer.from(done).toString('latin1')}`;
  done[operation] = 0;
  if (seen.has(configuration)) return false;
  seen.add(configuration);
  return true;
}

function told(model, operations, { answered, state, event }) {
  const { input, beginsAt, endsAt } = operations[event.operation];
  const call = `${model.describeInput(input)} (${beginsAt.toFixed(1)} to ${endsAt.toFixed(1)} ms)`;
  return `after ${answered} calls in order, at ${model.describe(state)}, nothing explains ${call}`;
}
