import { Entry, HardState, Message } from '../../core/messages.js';

/** What a node holds, as far as checkers may look. */
export interface NodeView {
  readonly id: number;
  /** Index up to which entries are gone into a snapshot. */
  readonly compactedIndex: number;
  readonly lastIndex: number;
  /** The entry in the log as the node believes it to be, durable or not. */
  entryAt(index: number): Entry | undefined;
  /** What would survive a crash now. */
  readonly durable: {
    readonly lastIndex: number;
    readonly hardState: HardState;
    termAt(index: number): number | undefined;
  };
}

/** Watches a whole cluster for one property. Throws SafetyViolation as soon as it is broken. */
export interface Checker {
  /** The node takes these entries into its log, replacing what was at and behind the first. */
  onAppend?(node: NodeView, entries: readonly Entry[]): void;
  /** The node, in `term`, knows everything up to `commit` to be committed. */
  onCommit?(node: NodeView, commit: number, term: number): void;
  /** The node leads `term`. Called again and again while that lasts. */
  onLeader?(node: NodeView, term: number): void;
  /** The node sends this to another. */
  onSend?(node: NodeView, message: Message): void;
  /** The node applies the entry to its state machine. */
  onApply?(node: NodeView, entry: Entry): void;
  /** The node's state machine has been put to this index, by a restart or a snapshot. */
  onRestore?(node: number, index: number): void;
}

export class SafetyViolation extends Error {
  override readonly name = 'SafetyViolation';

  constructor(
    readonly checker: string,
    text: string,
  ) {
    super(`${checker}: ${text}`);
  }
}
