/** Map: one record of Kafka becomes one small fact of one transaction, or is counted and left out. */
import { decodeEvent, decodeReply, EVENTS_TOPIC, REPLIES_TOPIC } from '@concordat/protocol';
import { addEvent, addSaid, type Facts, noFacts } from './facts.js';

/** A record as it was read. */
export interface AuditedRecord {
  readonly topic: string;
  readonly key: string;
  readonly value: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** When the producer made it, Unix ms. */
  readonly timestampMs: number;
}

/** Every record that was read is counted in exactly one of these. */
export interface RecordCounts {
  /** Records that said something new of a transaction. */
  facts: number;
  /** Records that repeated what the same piece of a partition had said. */
  duplicates: number;
  /** Heartbeats, answers to executes and other records that say nothing about an outcome. */
  other: number;
  /** Records that no reader of the protocol could read. */
  unreadable: number;
  /** Records that could be anybody's: they do not count as facts. */
  unverifiable: number;
}

export const COUNTED = ['facts', 'duplicates', 'other', 'unreadable', 'unverifiable'] as const;
export const noRecords = (): RecordCounts => ({ facts: 0, duplicates: 0, other: 0, unreadable: 0, unverifiable: 0 });

/** Whether a record was truly sent by the participant that it names, or by the coordinator where that is null. */
export type Verify = (record: AuditedRecord, participant: string | null) => boolean;

export const TOPICS = [REPLIES_TOPIC, EVENTS_TOPIC] as const;

/** Gathers facts by transaction, and counts. The combiner of MapReduce: what is equal is merged before it is written. */
export class FactGatherer {
  readonly transactions = new Map<string, Facts>();
  readonly counts = noRecords();

  /** @param verify left out where messages are not signed */
  constructor(private readonly verify?: Verify) {}

  add(record: AuditedRecord): void {
    this.counts[this.#count(record)] += 1;
  }

  #count(record: AuditedRecord): keyof RecordCounts {
    const { topic, value, timestampMs } = record;
    if (topic === EVENTS_TOPIC) {
      const decoded = decodeEvent(value);
      if (!decoded.ok) return 'unreadable';
      if (this.verify && !this.verify(record, null)) return 'unverifiable';
      const { transactionId, type, csn, participants, reason } = decoded.message;
      const outcome = type === 'transaction.committed' ? 'committed' : 'aborted';
      const event = { outcome, csn, restored: reason?.code === 'restored' } as const;
      return this.#told(addEvent(this.#factsOf(transactionId), event, participants, timestampMs));
    }
    const decoded = decodeReply(value);
    if (!decoded.ok) return 'unreadable';
    const { message } = decoded;
    if (message.type !== 'vote' && message.type !== 'done') return 'other';
    if (this.verify && !this.verify(record, message.participant)) return 'unverifiable';
    const said = message.type === 'vote' ? message.vote : message.outcome;
    return this.#told(addSaid(this.#factsOf(message.transactionId), message.participant, said, timestampMs));
  }

  #told(isNew: boolean): 'facts' | 'duplicates' {
    return isNew ? 'facts' : 'duplicates';
  }

  #factsOf(id: string): Facts {
    let facts = this.transactions.get(id);
    if (!facts) {
      facts = noFacts();
      this.transactions.set(id, facts);
    }
    return facts;
  }
}
