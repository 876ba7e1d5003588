import { ConfChange } from '../confchange/conf-change.js';
import { RaftConfig } from './config.js';
import { violated } from './errors.js';
import { ConfState, EntryType, Message } from './messages.js';
import { ProposalResult, Ready, Refusal } from './ready.js';
import { BasicStatus, Status } from './status.js';

/** Signature first; the body follows in the next commits. */
export class RawNode {
  constructor(readonly config: RaftConfig) {}

  /** One tick of the logical clock. */
  tick(): void {
    violated('not written yet');
  }

  /** Starts an election now. */
  campaign(): void {
    violated('not written yet');
  }

  propose(data: Uint8Array): ProposalResult {
    return this.proposeBatch([data]);
  }

  /** All or nothing; one append message per peer for the whole batch. On a leader the indices are consecutive. */
  proposeBatch(_batch: readonly Uint8Array[]): ProposalResult {
    return violated('not written yet');
  }

  proposeConfChange(_change: ConfChange, _type: EntryType = EntryType.ConfChangeV2): ProposalResult {
    return violated('not written yet');
  }

  /** To be called for every committed configuration entry that takes effect. Returns the configuration to snapshot. */
  applyConfChange(_change: ConfChange): ConfState {
    return violated('not written yet');
  }

  /** Takes a message from a peer, or from the storage workers. */
  step(_message: Message): Refusal | undefined {
    return violated('not written yet');
  }

  hasReady(): boolean {
    return violated('not written yet');
  }

  /** Hands out what is to be done. Must be followed by `advance()` unless storage writes are asynchronous. */
  ready(): Ready {
    return violated('not written yet');
  }

  advance(): void {
    violated('not written yet');
  }

  basicStatus(): BasicStatus {
    return violated('not written yet');
  }

  status(): Status {
    return violated('not written yet');
  }

  reportUnreachable(_peer: number): void {
    violated('not written yet');
  }

  reportSnapshot(_peer: number, _outcome: 'finish' | 'failure'): void {
    violated('not written yet');
  }

  transferLeader(_to: number): void {
    violated('not written yet');
  }

  /** A follower forgets its leader, so that it may vote before its lease runs out. */
  forgetLeader(): void {
    violated('not written yet');
  }

  /** Asks for a linearizable read; the answer arrives in `Ready.readStates` with the same context. */
  readIndex(_context: Uint8Array): Refusal | undefined {
    return violated('not written yet');
  }
}
