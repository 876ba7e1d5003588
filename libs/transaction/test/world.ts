/**
 * A world of the core alone: replicas, participants, callers and a network that delivers in any order, drops and
 * duplicates, driven by one number per step. No clock, no I/O: a list of numbers replays a run exactly.
 */
import { type Command, isBelow, type Reply } from '@concordat/protocol';
import { Ledger } from '../src/ledger.js';
import type { IdempotencyClaim, TransactionRecord } from '../src/record.js';
import { Draw } from './draw.js';
import { type Answer, LeaderModel, type Told } from './leader-model.js';
import { KEYS_MAX, NodeModel } from './node-model.js';
import { ParticipantModel } from './participant-model.js';
import { ReplicatedLog } from './replicated-log.js';

export const PARTICIPANTS = ['east', 'west', 'stock'];
const START_MS = 1_700_000_000_000;
/** Retries with a key stop long before the key expires. */
const KEY_USE_MS = 60_000;
const KEY_LIFETIME_MS = 180_000;

type Message = { readonly to: string; readonly command: Command } | { readonly toNode: number; readonly reply: Reply };

export class World {
  readonly log = new ReplicatedLog();
  readonly nodes = [0, 1, 2].map((index) => new NodeModel(index, (index - 1) * 7000));
  readonly participants = new Map<string, ParticipantModel>();
  /** Applies every committed entry at once: the truth that checks are made against. */
  readonly truth = new NodeModel(-1, 0, ({ transactions }) => this.#checkForgotten(transactions));
  /** Rebuilt from what the truth had stored at some moment. */
  readonly rebuilt: Ledger[] = [];
  readonly answers: Answer[] = [];
  readonly told: Told[] = [];
  readonly begun = new Map<string, { claim: IdempotencyClaim | undefined; at: number }>();
  #bag: Message[] = [];
  #now = START_MS;
  #leading = 0;
  #draw = new Draw(0);

  constructor() {
    for (const name of PARTICIPANTS) {
      const send = (reply: Reply) => {
        for (const { index } of this.nodes) this.#bag.push({ toNode: index, reply });
      };
      this.participants.set(name, new ParticipantModel(name, send));
    }
    this.#elect(0, 0);
  }

  get leader(): LeaderModel {
    return this.nodes[this.#leading]?.leader as LeaderModel;
  }

  /** Takes one step; `choice` decides which and everything about it. */
  step(choice: number): void {
    this.#draw = new Draw(choice);
    const at = this.#draw.below(STEPS_TOTAL);
    let sum = 0;
    for (const [weight, action] of STEPS) {
      sum += weight;
      if (at < sum) return action.call(this);
    }
  }

  /** Faults stop, time passes: everything has to come to its end. @returns whether it did */
  drain(roundsMax: number): boolean {
    this.#draw = new Draw(1);
    this.#notice();
    for (let round = 0; round < roundsMax; round += 1) {
      this.commit(Number.POSITIVE_INFINITY);
      this.deliverAll();
      this.commit(Number.POSITIVE_INFINITY);
      if (round > 0 && this.isQuiet) break;
      this.#now += 3000;
      this.leader.wakeDue();
      for (const participant of this.participants.values()) participant.repeatVotes();
    }
    for (const node of this.nodes) node.catchUp(this.log.committed, this.log.term);
    return this.isQuiet;
  }

  get isQuiet(): boolean {
    const prepared = [...this.participants.values()].flatMap(({ rows }) => [...rows.values()]);
    const anyPrepared = prepared.some(({ state }) => state === 'prepared');
    return this.#bag.length === 0 && this.leader.live.size === 0 && !anyPrepared && this.log.pendingCount === 0;
  }

  deliverAll(): void {
    while (this.#bag.length > 0) this.#deliver(this.#bag.shift() as Message);
  }

  commit(max = 1 + this.#draw.below(4)): void {
    for (let count = 0; count < max; count += 1) {
      this.leader.forget();
      if (this.log.pendingCount === 0) break;
      this.log.commitNext();
      this.nodes[this.#leading]?.catchUp(this.log.committed, this.log.term);
    }
    this.truth.catchUp(this.log.committed, this.log.term);
  }

  begin(): void {
    const { leader } = this.#anyLeaderNode() ?? {};
    if (!leader?.ready) return;
    const branches = Array.from({ length: this.#draw.below(4) }, () => this.#branch());
    const key = this.#draw.chance(0.4) ? `k${this.begun.size}` : undefined;
    this.#beginAt(leader, branches, key === undefined ? undefined : { caller: 'c', key, requestHash: 'h' });
  }

  /** The caller of a keyed begin heard nothing, and repeats it wherever it is led. */
  retryKey(): void {
    const keyed = [...this.begun.values()].filter(({ claim, at }) => claim && this.#now - at < KEY_USE_MS);
    const { claim } = this.#draw.pick(keyed) ?? {};
    const node = this.#anyLeaderNode();
    if (!claim || !node?.leader?.ready) return;
    const id = node.transactionOf(claim);
    if (id === undefined) return this.#beginAt(node.leader, [this.#branch(), this.#branch()], claim);
    if (!node.leader.live.has(id)) this.#heard(id, node.read(id));
  }

  enlist(): void {
    const leader = this.#anyLeaderNode()?.leader;
    const active = [...(leader?.live.values() ?? [])].filter(({ t }) => t.state === 'active');
    const live = this.#draw.pick(active);
    if (live) leader?.enlist(live.t.header.id, this.#branch());
  }

  execute(): void {
    const leader = this.#anyLeaderNode()?.leader;
    const active = [...(leader?.live.values() ?? [])].filter(({ t }) => t.state === 'active');
    const live = this.#draw.pick(active);
    if (live) leader?.execute(live.t.header.id, this.#branch());
  }

  /** Commit or rollback, for the first time or again, at whoever leads or believes to. */
  call(): void {
    const node = this.#anyLeaderNode();
    const ids = [...(node?.leader?.live.keys() ?? [])];
    const id = this.#draw.chance(0.85) ? this.#draw.pick(ids) : this.#draw.pick([...this.begun.keys()]);
    if (!node?.leader || id === undefined) return;
    const live = node.leader.live.get(id);
    if (!live) return this.#heard(id, node.read(id));
    if (live.t.works.size === 0) return;
    const claim = this.#draw.chance(0.3) ? { caller: 'c', key: `call ${id}`, requestHash: 'h' } : undefined;
    const claims = claim && live.t.outcome === null && live.t.claims.length < 2 ? [claim] : [];
    const rolledBack = { code: 'rolled-back', message: '', retryable: false };
    const isRunning = [...live.t.works.values()].some(({ session }) => session?.queue.length);
    if (this.#draw.chance(0.85)) {
      // Refused while an operation runs, and only then.
      if (live.t.state === 'active' && isRunning) return this.#expectRunning(node.leader, id, claim);
      node.leader.call(id, { type: 'commit', claims }, claim);
    } else node.leader.call(id, { type: 'abort', reason: rolledBack, claims }, claim);
  }

  #expectRunning(leader: LeaderModel, id: string, claim: IdempotencyClaim | undefined): void {
    try {
      leader.call(id, { type: 'commit', claims: [] }, claim);
    } catch (error) {
      if ((error as { code?: string }).code === 'operation-running') return;
      throw error;
    }
    throw new Error(`${id} took a commit while an operation was running`);
  }

  deliver(): void {
    for (let count = 1 + this.#draw.below(6); count > 0 && this.#bag.length > 0; count -= 1) {
      const at = this.#draw.below(this.#bag.length);
      const [message] = this.#bag.splice(at, 1) as [Message];
      if (this.#draw.chance(0.08)) continue; // lost
      if (this.#draw.chance(0.08)) this.#bag.push(message); // and again later
      this.#deliver(message);
    }
  }

  changeLeader(): void {
    const old = this.nodes[this.#leading] as NodeModel;
    this.#elect(this.#draw.below(this.nodes.length), this.#draw.below(this.log.pendingCount + 1));
    if (this.#draw.chance(0.4) && this.nodes[this.#leading] !== old) old.leader = undefined;
    this.truth.catchUp(this.log.committed, this.log.term);
  }

  pass(): void {
    this.#now += this.#draw.below(5000);
    for (const { leader } of this.nodes) if (this.#draw.chance(0.8)) leader?.wakeDue();
  }

  restartNode(): void {
    const node = this.#draw.pick(this.nodes) as NodeModel;
    const led = node.index === this.#leading;
    node.restart();
    if (led) this.#elect(this.#draw.below(this.nodes.length), this.#draw.below(this.log.pendingCount + 1));
    this.truth.catchUp(this.log.committed, this.log.term);
  }

  catchUp(): void {
    const node = this.#draw.pick(this.nodes) as NodeModel;
    node.catchUp(this.log.committed, node.leader?.term ?? this.log.term, 1 + this.#draw.below(8));
    if (this.#draw.chance(0.5)) node.store.persist();
  }

  participantFault(): void {
    const participant = this.participants.get(this.#draw.pick(PARTICIPANTS) as string) as ParticipantModel;
    const action = this.#draw.below(4);
    if (action === 0) participant.restart();
    else if (action === 1) participant.collectGarbage();
    else participant.repeatVotes();
  }

  /** The rarer entries, a graceful stop, and a ledger rebuilt from its records at this moment. */
  housekeeping(): void {
    const { leader } = this;
    const action = this.#draw.below(7);
    if (!leader.ready) return;
    const at = this.#clockOf(this.#leading);
    const propose = this.log.propose.bind(this.log, leader.term);
    if (action === 0) propose({ type: 'prune', completedBefore: 0, keysBefore: at - KEY_LIFETIME_MS });
    if (action === 1) propose({ type: 'published', index: this.truth.ledger.appliedIndex });
    if (action === 2) {
      const descriptor = { name: this.#draw.pick(PARTICIPANTS) as string, isolation: 'local', operations: [] } as const;
      propose({ type: 'participant', descriptor: { ...descriptor, operations: [] }, at });
    }
    if (action === 3) {
      const reason = { code: 'coordinator-stopping', message: '', retryable: true };
      for (const { t } of [...leader.live.values()]) {
        if (t.outcome === null) leader.advance(t.header.id, { type: 'abort', reason, claims: [] });
      }
    }
    if (action === 4) propose({ type: 'lease', id: `s${this.#draw.below(9)}`, ttlMs: 1, at });
    if (action === 5) propose({ type: 'release', ids: [`s${this.#draw.below(9)}`] });
    if (action === 6 && this.rebuilt.length < 3) {
      this.truth.store.persist();
      this.rebuilt.push(new Ledger(structuredClone(this.truth.store.load(KEYS_MAX)), KEYS_MAX));
    }
  }

  #elect(index: number, survivors: number): void {
    const term = this.log.changeLeader(survivors);
    this.#leading = index;
    const node = this.nodes[index] as NodeModel;
    node.leader = undefined;
    node.leader = new LeaderModel(term, {
      propose: (entry) => this.log.propose(term, entry),
      send: (command) => this.#send(command),
      answer: (answer) => this.#answered(answer),
      tell: (told) => this.told.push(told),
      find: (id) => node.find(id),
      now: () => this.#clockOf(index),
      random: () => this.#draw.fraction(),
    });
    this.log.propose(term, { type: 'term', incarnation: this.#clockOf(index), at: this.#clockOf(index) });
  }

  #beginAt(
    leader: LeaderModel,
    branches: readonly { participant: string; operation: string }[],
    claim: IdempotencyClaim | undefined,
  ): void {
    const id = leader.begin(branches, claim);
    const first = claim && [...this.begun.values()].find((other) => other.claim?.key === claim.key);
    this.begun.set(id, { claim, at: first?.at ?? this.#now });
    if (branches.length > 0 && this.#draw.chance(0.5)) leader.call(id, { type: 'commit', claims: [] }, claim);
  }

  #branch(): { participant: string; operation: string } {
    const participant = this.#draw.pick(PARTICIPANTS) as string;
    return { participant, operation: this.#draw.chance(0.25) ? 'read' : 'write' };
  }

  #anyLeaderNode(): NodeModel | undefined {
    const zombies = this.nodes.filter(({ leader, index }) => leader?.ready && index !== this.#leading);
    return this.#draw.chance(0.2) ? this.#draw.pick(zombies) : this.nodes[this.#leading];
  }

  #notice(): void {
    for (const node of this.nodes) if (node.index !== this.#leading) node.leader = undefined;
  }

  #clockOf(index: number): number {
    return this.#now + (this.nodes[index]?.clockSkewMs ?? 0);
  }

  #deliver(message: Message): void {
    if ('command' in message) return this.participants.get(message.to)?.handle(message.command, this.#draw);
    const leader = this.nodes[message.toNode]?.leader;
    if (leader?.ready) leader.onReply(message.reply);
  }

  /** D7: at the moment of sending, nothing below the horizon is unforgotten. */
  #send(command: Command): void {
    this.truth.catchUp(this.log.committed, this.log.term);
    for (const id of [...this.truth.ledger.live.keys(), ...this.leader.live.keys()]) {
      if (isBelow(id, command.horizon)) throw new Error(`horizon ${command.horizon} passes ${id}, not forgotten`);
    }
    this.#bag.push({ to: command.participant, command });
  }

  /** D7: at the moment of forgetting, every branch of a commit has finalised it. */
  #checkForgotten(records: readonly TransactionRecord[]): void {
    for (const { id, status, branches } of records) {
      for (const branch of status === 'completed' ? branches : []) {
        const finalised = this.participants.get(branch.participant)?.history.has(id);
        if (branch.status === 'committed' && !finalised)
          throw new Error(`${id} is forgotten before ${branch.participant}`);
      }
    }
  }

  /** D4: an abort of a keyed call is answered after its key is bound in the log. */
  #answered(answer: Answer): void {
    this.truth.catchUp(this.log.committed, this.log.term);
    if (!this.truth.find(answer.id)?.outcome && (answer.claim || answer.outcome === 'committed')) {
      throw new Error(`${answer.id} was answered ${answer.outcome} before its entry was applied`);
    }
    this.answers.push(answer);
  }

  #heard(id: string, read: 'committed' | 'aborted' | 'undecided' | undefined): void {
    if (read === 'committed' || read === 'aborted') this.answers.push({ id, outcome: read, claim: undefined });
  }
}

const { prototype: does } = World;
const STEPS: readonly (readonly [weight: number, action: (this: World) => void])[] = [
  [8, does.begin],
  [2, does.retryKey],
  [3, does.enlist],
  [5, does.execute],
  [9, does.call],
  [36, does.deliver],
  [
    18,
    function () {
      this.commit();
    },
  ],
  [6, does.pass],
  [2, does.changeLeader],
  [1, does.restartNode],
  [5, does.catchUp],
  [6, does.participantFault],
  [2, does.housekeeping],
];
const STEPS_TOTAL = STEPS.reduce((sum, [weight]) => sum + weight, 0);
