/** The commands of scenario files that drive a cluster. */
import { ConfChangeSingle, ConfChangeTransition, ConfChangeType, confChange } from '../confchange/conf-change.js';
import { ReadOnlyMode } from '../core/config.js';
import { describeEntries, describeMessage, describePeer, messageTypeNames } from '../core/format.js';
import { ConfState, createMessage, EntryType, MessageType, NO_BYTES, UNLIMITED } from '../core/messages.js';
import { ProposalResult } from '../core/ready.js';
import { roleNames } from '../core/status.js';
import { Argument, Directive } from './data-file.js';
import {
  BenchNode,
  describeRefusal,
  ELECTION_TICKS,
  Environment,
  HEARTBEAT_TICKS,
  NodeTemplate,
} from './environment.js';
import { LEVELS } from './output.js';

/** Runs one command; what it prints goes to `env.output`. An error's text is printed, too. */
export type Command = (env: Environment, directive: Directive) => void;

export const clusterCommands: Readonly<Record<string, Command>> = {
  _breakpoint: () => undefined,
  'add-nodes': addNodes,
  campaign: (env, directive) => firstNode(env, directive).core.campaign(),
  'forget-leader': (env, directive) => firstNode(env, directive).core.forgetLeader(),
  propose,
  'propose-conf-change': proposeConfChange,
  'transfer-leadership': (env, { args }) =>
    env.node(number(value(args, 'from'))).core.transferLeader(number(value(args, 'to'))),
  'tick-heartbeat': (env, directive) => tick(firstNode(env, directive), HEARTBEAT_TICKS),
  'tick-election': (env, directive) => tick(firstNode(env, directive), ELECTION_TICKS),
  'set-randomized-election-timeout': (env, directive) =>
    firstNode(env, directive).core.setRandomizedElectionTicks(number(value(directive.args, 'timeout'))),
  'deliver-msgs': deliverMessages,
  'process-ready': (env, { args }) => forEachNode(env, args, 'handling Ready', (node) => env.processReady(node)),
  'process-append-thread': (env, { args }) =>
    forEachNode(env, args, 'processing append thread', (node) => env.processAppend(node)),
  'process-apply-thread': (env, { args }) =>
    forEachNode(env, args, 'processing apply thread', (node) => env.processApply(node)),
  stabilize,
  compact,
  'send-snapshot': sendSnapshot,
  'report-unreachable': (env, { args }) => {
    const [on, about] = words(args);
    env.node(number(on)).core.reportUnreachable(number(about));
  },
  'report-snapshot': (env, { args }) => {
    const [leader, follower, outcome] = words(args);
    if (outcome !== 'finish' && outcome !== 'failure') throw new Error(`unknown outcome ${outcome}`);
    env.node(number(leader)).core.reportSnapshot(number(follower), outcome);
  },
  'read-index': (env, { args }) => {
    const [id, context = ''] = words(args);
    env.node(number(id)).core.readIndex(new TextEncoder().encode(context));
  },
  'raft-log': (env, directive) => printLog(env, firstNode(env, directive)),
  'raft-state': printStates,
  status: printStatus,
  'log-level': (env, { args }) => {
    env.output.level = parseLevel(words(args)[0] ?? '');
  },
};

const templateSetters: Readonly<Record<string, (value: string) => NodeTemplate>> = {
  inflight: (value) => ({ inflightMessagesMax: number(value) }),
  'async-storage-writes': (value) => ({ asyncStorageWrites: boolean(value) }),
  prevote: (value) => ({ preVote: boolean(value) }),
  checkquorum: (value) => ({ checkQuorum: boolean(value) }),
  'step-down-on-removal': (value) => ({ stepDownOnRemoval: boolean(value) }),
  'disable-conf-change-validation': (value) => ({ disableConfChangeValidation: boolean(value) }),
  'etcd-compatibility': (value) => ({ etcdCompatibility: boolean(value) }),
  'disable-proposal-forwarding': (value) => ({ disableProposalForwarding: boolean(value) }),
  'max-committed-size-per-ready': (value) => ({ committedBytesPerReadyMax: number(value) }),
  'max-size-per-msg': (value) => ({ messageBytesMax: number(value) }),
  'max-inflight-bytes': (value) => ({ inflightBytesMax: number(value) }),
  'max-uncommitted-size': (value) => ({ uncommittedBytesMax: number(value) }),
  'read-only': (value) => ({ readOnly: parseReadOnly(value) }),
};

function addNodes(env: Environment, { args }: Directive): void {
  const count = number(words(args)[0]);
  let template: NodeTemplate = {
    inflightMessagesMax: 2 ** 31 - 1,
    stepDownOnRemoval: false,
    etcdCompatibility: true,
  };
  const list = (key: string) => (args.find((arg) => arg.key === key)?.values ?? []).map(number);
  for (const { key, values } of args) {
    for (const one of values) template = { ...template, ...templateSetters[key]?.(one) };
  }
  const index = list('index')[0] ?? 0;
  const confState: ConfState = {
    voters: list('voters'),
    learners: list('learners'),
    votersOutgoing: [],
    learnersNext: [],
    autoLeave: false,
  };
  const content = args.find(({ key }) => key === 'content')?.values[0];
  const data = content === undefined ? NO_BYTES : new TextEncoder().encode(content);
  const hasSnapshot = index > 0 || data.length > 0 || confState.voters.length + confState.learners.length > 0;
  env.addNodes(
    count,
    { ...template, applied: index },
    { index, term: hasSnapshot ? 1 : 0, confState, data },
    hasSnapshot,
  );
}

function propose(env: Environment, { args }: Directive): void {
  const [id, data = ''] = args.map(({ key }) => key);
  reportProposal(env.node(number(id)).core.propose(new TextEncoder().encode(data)));
}

function proposeConfChange(env: Environment, { args, input }: Directive): void {
  const { core } = env.node(number(words(args)[0]));
  let v1 = false;
  let transition: ConfChangeTransition = ConfChangeTransition.Auto;
  for (const { key, values } of args) {
    for (const one of values) {
      if (key === 'v1') v1 = boolean(one);
      else if (key === 'transition') transition = parseTransition(one);
      else throw new Error(`unknown command ${key}`);
    }
  }
  const changes = parseChanges(input);
  if (v1 && (changes.length > 1 || transition !== ConfChangeTransition.Auto)) {
    throw new Error('v1 conf change can only have one operation and no transition');
  }
  const type = v1 ? EntryType.ConfChange : EntryType.ConfChangeV2;
  reportProposal(core.proposeConfChange(confChange(changes, transition), type));
}

function reportProposal(result: ProposalResult): void {
  if (result.outcome === 'dropped') throw new Error(describeRefusal(result.reason));
}

function deliverMessages(env: Environment, { args }: Directive): void {
  const type = args.find(({ key }) => key === 'type')?.values[0];
  const dropped = (args.find(({ key }) => key === 'drop')?.values ?? []).map(number);
  const code = type === undefined ? undefined : parseMessageType(type);
  let count = 0;
  for (const arg of args) {
    if (arg.values.length === 0) count += env.deliver(number(arg.key), { type: code });
    else if (arg.key === 'drop') for (const id of dropped) count += env.deliver(id, { drop: true, type: code });
  }
  if (count === 0) env.output.writeLine('no messages');
}

function stabilize(env: Environment, { args }: Directive): void {
  const before = env.output.level;
  const level = args.find(({ key }) => key === 'log-level')?.values[0];
  if (level !== undefined) env.output.level = parseLevel(level);
  try {
    const ids = words(args).map(number);
    env.stabilize(ids.length === 0 ? env.nodes : ids.map((id) => env.node(id)));
  } finally {
    env.output.level = before;
  }
}

function compact(env: Environment, directive: Directive): void {
  const node = firstNode(env, directive);
  node.storage.compact(number(words(directive.args)[1]));
  printLog(env, node);
}

function sendSnapshot(env: Environment, { args }: Directive): void {
  const [from, to] = words(args).map(number) as [number, number];
  const { core, storage } = env.node(from);
  const { term } = core.basicStatus().hardState;
  const message = createMessage({ type: MessageType.Snap, to, snapshot: storage.snapshot() }, from, term);
  env.inFlight.push(message);
  env.output.write(describeMessage(message));
}

function printLog(env: Environment, { storage }: BenchNode): void {
  const first = storage.firstIndex();
  const last = storage.lastIndex();
  if (last < first) env.output.write(`log is empty: first index=${first}, last index=${last}`);
  else env.output.write(describeEntries(storage.entries(first, last + 1, UNLIMITED) ?? []));
}

function printStates(env: Environment): void {
  for (const { core } of env.nodes) {
    const { id, softState, hardState, confState } = core.status();
    const isVoter = confState.voters.includes(id) || confState.votersOutgoing.includes(id);
    const membership = isVoter ? '(Voter)' : '(Non-Voter)';
    env.output.writeLine(
      `${id}: ${roleNames[softState.role]} ${membership} Term:${hardState.term} Lead:${softState.lead}`,
    );
  }
}

function printStatus(env: Environment, directive: Directive): void {
  for (const peer of firstNode(env, directive).core.status().peers) {
    env.output.writeLine(`${peer.id}: ${describePeer(peer)}`);
  }
}

function tick({ core }: BenchNode, ticks: number): void {
  for (let ticked = 0; ticked < ticks; ticked++) core.tick();
}

function forEachNode(
  env: Environment,
  args: readonly Argument[],
  title: string,
  body: (node: BenchNode) => void,
): void {
  const nodes = words(args).map((id) => env.node(number(id)));
  for (const node of nodes) {
    if (nodes.length === 1) {
      body(node);
      continue;
    }
    env.output.writeLine(`> ${node.id} ${title}`);
    env.output.indented(() => body(node));
  }
}

const changeTypes: Readonly<Record<string, ConfChangeType>> = {
  v: ConfChangeType.AddNode,
  l: ConfChangeType.AddLearnerNode,
  r: ConfChangeType.RemoveNode,
  u: ConfChangeType.UpdateNode,
};

/** `v1 l2 r3 u4`. */
export function parseChanges(text: string): ConfChangeSingle[] {
  const tokens = text.trim() === '' ? [] : text.trim().split(' ');
  return tokens.map((token) => {
    if (token.length < 2) throw new Error(`unknown token ${token}`);
    const type = changeTypes[token.charAt(0)];
    if (type === undefined) throw new Error(`unknown input: ${token}`);
    return { type, nodeId: number(token.slice(1)) };
  });
}

function parseTransition(name: string): ConfChangeTransition {
  switch (name) {
    case 'auto':
      return ConfChangeTransition.Auto;
    case 'implicit':
      return ConfChangeTransition.JointImplicit;
    case 'explicit':
      return ConfChangeTransition.JointExplicit;
    default:
      throw new Error(`unknown transition ${name}`);
  }
}

function parseMessageType(name: string): MessageType {
  const found = Object.entries(messageTypeNames).find(([, one]) => one === name);
  if (!found) throw new Error(`unknown message type ${name}`);
  return Number(found[0]) as MessageType;
}

function parseReadOnly(name: string): ReadOnlyMode {
  if (name !== 'safe' && name !== 'lease-based') throw new Error(`invalid read-only option "${name}"`);
  return name;
}

function parseLevel(name: string): number {
  const level = (LEVELS as readonly string[]).indexOf(name.toUpperCase());
  if (level < 0) throw new Error(`log levels must be either of [${LEVELS.join(' ')}]`);
  return level;
}

function firstNode(env: Environment, { args }: Directive): BenchNode {
  return env.node(number(words(args)[0]));
}

/** The arguments that are bare words. */
function words(args: readonly Argument[]): string[] {
  return args.filter(({ values }) => values.length === 0).map(({ key }) => key);
}

function value(args: readonly Argument[], key: string): string | undefined {
  return args.find((arg) => arg.key === key)?.values[0];
}

export function number(text: string | undefined): number {
  const parsed = Number(text);
  if (text === undefined || !Number.isSafeInteger(parsed)) throw new Error(`not a number: ${text}`);
  return parsed;
}

export function boolean(text: string): boolean {
  if (text !== 'true' && text !== 'false') throw new Error(`not a boolean: ${text}`);
  return text === 'true';
}
