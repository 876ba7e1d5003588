/**
 * The one set of formatters: for log lines, for debugging and for golden files.
 *
 * Their output is part of the scenario files' contract (testdata/*.txt), so that what one reads in a log is what one
 * finds there.
 */
import { ClusterConfig } from '../confchange/cluster-config.js';
import { ConfChange, ConfChangeSingle, ConfChangeType, decodeConfChange } from '../confchange/conf-change.js';
import {
  ConfState,
  Entry,
  EntryType,
  HardState,
  LOCAL_APPEND_THREAD,
  LOCAL_APPLY_THREAD,
  Message,
  MessageType,
  NONE,
  Snapshot,
} from './messages.js';
import { Progress } from './progress.js';
import { ReadState, Ready, SoftState } from './ready.js';
import { PeerStatus, roleNames } from './status.js';

export const messageTypeNames: Record<MessageType, string> = Object.fromEntries(
  Object.entries(MessageType).map(([name, code]) => [code, `Msg${name}`]),
) as Record<MessageType, string>;

const entryTypeNames: Record<EntryType, string> = {
  [EntryType.Normal]: 'EntryNormal',
  [EntryType.ConfChange]: 'EntryConfChange',
  [EntryType.ConfChangeV2]: 'EntryConfChangeV2',
};

const changeTypeNames: Record<ConfChangeType, string> = {
  [ConfChangeType.AddNode]: 'ConfChangeAddNode',
  [ConfChangeType.RemoveNode]: 'ConfChangeRemoveNode',
  [ConfChangeType.UpdateNode]: 'ConfChangeUpdateNode',
  [ConfChangeType.AddLearnerNode]: 'ConfChangeAddLearnerNode',
};

const changeLetters: Record<ConfChangeType, string> = {
  [ConfChangeType.AddNode]: 'v',
  [ConfChangeType.RemoveNode]: 'r',
  [ConfChangeType.UpdateNode]: 'u',
  [ConfChangeType.AddLearnerNode]: 'l',
};

const transitionNames = [
  'ConfChangeTransitionAuto',
  'ConfChangeTransitionJointImplicit',
  'ConfChangeTransitionJointExplicit',
] as const;

/** Ids are hexadecimal everywhere. */
export function describeId(id: number): string {
  return id.toString(16);
}

/** `term/index type data`. */
export function describeEntry(entry: Entry): string {
  const text =
    entry.type === EntryType.Normal
      ? quote(entry.data)
      : describeChanges(decodeConfChange(entry.type, entry.data).changes);
  return `${entry.term}/${entry.index} ${entryTypeNames[entry.type]}${text === '' ? '' : ` ${text}`}`;
}

/** One line per entry, each with its newline. */
export function describeEntries(entries: readonly Entry[]): string {
  return entries.map((entry) => `${describeEntry(entry)}\n`).join('');
}

/** `v1 l2 r3 u4`: voter, learner, remove, update. */
function describeChanges(changes: readonly ConfChangeSingle[]): string {
  return changes.map(({ type, nodeId }) => `${changeLetters[type]}${nodeId}`).join(' ');
}

export function describeConfChange(change: ConfChange): string {
  const parts = [`transition:${transitionNames[change.transition]}`];
  for (const { type, nodeId } of change.changes) {
    parts.push(`changes:{type:${changeTypeNames[type]} node_id:${nodeId}}`);
  }
  if (change.context.length > 0) parts.push(`context:${quote(change.context)}`);
  return parts.join(' ');
}

export function describeMessage(message: Message, indent = ''): string {
  const { entries, snapshot, responses } = message;
  const type = messageTypeNames[message.type];
  let text = `${indent}${describeTarget(message.from)}->${describeTarget(message.to)} ${type}`;
  text += ` Term:${message.term} Log:${message.logTerm}/${message.index}`;
  if (message.reject) text += ` Rejected (Hint: ${message.rejectHint})`;
  if (message.commit !== 0) text += ` Commit:${message.commit}`;
  if (message.vote !== NONE) text += ` Vote:${message.vote}`;
  if (entries.length === 1) {
    text += ` Entries:[${describeEntry(entries[0] as Entry)}]`;
  } else if (entries.length > 1) {
    text += ` Entries:[${entries.map((entry) => `\n${indent}  ${describeEntry(entry)}`).join('')}\n${indent}]`;
  }
  if (snapshot && snapshot.index > 0) text += `\n${indent}  Snapshot: ${describeSnapshot(snapshot)}`;
  if (responses.length > 0) {
    text += ` Responses:[${responses.map((one) => `\n${describeMessage(one, `${indent}  `)}`).join('')}\n${indent}]`;
  }
  return text;
}

function describeTarget(id: number): string {
  switch (id) {
    case NONE:
      return 'None';
    case LOCAL_APPEND_THREAD:
      return 'AppendThread';
    case LOCAL_APPLY_THREAD:
      return 'ApplyThread';
    default:
      return describeId(id);
  }
}

function describeHardState(state: HardState): string {
  return `Term:${state.term}${state.vote === NONE ? '' : ` Vote:${state.vote}`} Commit:${state.commit}`;
}

function describeSoftState(state: SoftState): string {
  return `Lead:${state.lead} State:${roleNames[state.role]}`;
}

export function describeConfState(state: ConfState): string {
  const list = (ids: readonly number[]) => `[${ids.join(' ')}]`;
  return (
    `Voters:${list(state.voters)} VotersOutgoing:${list(state.votersOutgoing)} ` +
    `Learners:${list(state.learners)} LearnersNext:${list(state.learnersNext)} AutoLeave:${state.autoLeave}`
  );
}

function describeSnapshot({ index, term, confState }: Snapshot): string {
  return `Index:${index} Term:${term} ConfState:${describeConfState(confState)}`;
}

function describeReadState({ index, context }: ReadState): string {
  return `{${index} [${context.join(' ')}]}`;
}

export function describeReady(ready: Ready): string {
  let text = '';
  if (ready.softState) text += `${describeSoftState(ready.softState)}\n`;
  if (ready.hardState) text += `HardState ${describeHardState(ready.hardState)}\n`;
  if (ready.readStates.length > 0) text += `ReadStates [${ready.readStates.map(describeReadState).join(' ')}]\n`;
  if (ready.entries.length > 0) text += `Entries:\n${describeEntries(ready.entries)}`;
  if (ready.snapshot) text += `Snapshot ${describeSnapshot(ready.snapshot)}\n`;
  if (ready.committedEntries.length > 0) text += `CommittedEntries:\n${describeEntries(ready.committedEntries)}`;
  if (ready.messages.length > 0) {
    text += `Messages:\n${ready.messages.map((message) => `${describeMessage(message)}\n`).join('')}`;
  }
  return text === '' ? '<empty Ready>' : `Ready MustSync=${ready.mustSync}:\n${text}`;
}

export function describePeer(peer: PeerStatus): string {
  let text = `${peer.state} match=${peer.match} next=${peer.next}`;
  if (peer.learner) text += ' learner';
  if (peer.paused) text += ' paused';
  if (peer.pendingSnapshot > 0) text += ` pendingSnap=${peer.pendingSnapshot}`;
  if (!peer.recentActive) text += ' inactive';
  if (peer.inflight > 0) text += ` inflight=${peer.inflight}${peer.inflightFull ? '[full]' : ''}`;
  return text;
}

export function describeProgress(progress: Progress): string {
  return describePeer(progress.status(NONE));
}

/** `(1 2 3)`. */
function describeIds(ids: readonly number[]): string {
  return `(${ids.map(describeId).join(' ')})`;
}

/** `voters=(1 2)&&(3) learners=(4) learners_next=(5) autoleave`, parts only where present. */
export function describeConfig({ voters, learners, learnersNext, autoLeave }: ClusterConfig): string {
  let text = `voters=${describeIds(voters.incoming.ids)}`;
  if (voters.isJoint) text += `&&${describeIds(voters.outgoing.ids)}`;
  if (learners.length > 0) text += ` learners=${describeIds(learners)}`;
  if (learnersNext.length > 0) text += ` learners_next=${describeIds(learnersNext)}`;
  if (autoLeave) text += ' autoleave';
  return text;
}

const escapes: Record<string, string> = {
  '"': '\\"',
  '\\': '\\\\',
  '\x07': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
};

const printable = /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u;

/** Bytes as a quoted string: text as it is, everything else escaped; bytes that are not UTF-8 as \xNN. */
export function quote(bytes: Uint8Array): string {
  let text = '"';
  for (let at = 0; at < bytes.length; ) {
    const length = runeLength(bytes, at);
    if (length === 0) {
      text += `\\x${hexDigits(bytes[at] as number, 2)}`;
      at++;
      continue;
    }
    text += quoteRune(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at, at + length)));
    at += length;
  }
  return `${text}"`;
}

function quoteRune(rune: string): string {
  const escaped = escapes[rune];
  if (escaped !== undefined) return escaped;
  if (printable.test(rune)) return rune;
  const code = rune.codePointAt(0) as number;
  if (code < 0x80) return `\\x${hexDigits(code, 2)}`;
  return code > 0xffff ? `\\U${hexDigits(code, 8)}` : `\\u${hexDigits(code, 4)}`;
}

/** Bytes of the UTF-8 sequence that begins here; 0 where there is none. */
function runeLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at] as number;
  const length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  const rune = bytes.subarray(at, at + length);
  if (length < 2) return length;
  if (rune.length < length) return 0;
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(rune);
    return length;
  } catch {
    return 0; // not a sequence after all: the caller shows the byte
  }
}

function hexDigits(value: number, count: number): string {
  return value.toString(16).padStart(count, '0');
}
