/** Writes to Kafka what an honest system writes of its transactions, and what must never be there. */
import { EVENTS_TOPIC, encodeMessage, REPLIES_TOPIC } from '@concordat/protocol';
import type { Transport } from '@concordat/transport';

export const INCARNATION = 1_763_700_000_123;
export const csnOf = (sequence: number): number => INCARNATION * 1024 + sequence;
export const idOf = (sequence: number): string => `${INCARNATION.toString(36)}-1-${sequence.toString(36)}`;

type Vote = 'prepared' | 'read-only' | 'refused';
type Outcome = 'committed' | 'rolled-back' | 'hazard';

/** All that a test writes, and forges: the one place to add a signature to. */
export class AuditHistory {
  readonly #sent: Promise<void>[] = [];

  constructor(private readonly transport: Pick<Transport, 'send'>) {}

  vote(sequence: number, participant: string, vote: Vote): void {
    const results = vote === 'refused' ? null : [];
    this.#reply(sequence, { type: 'vote', participant, vote, results, reason: null });
  }

  done(sequence: number, participant: string, outcome: Outcome): void {
    this.#reply(sequence, { type: 'done', participant, outcome, detail: null });
  }

  /** @param csn null for an abort */
  event(sequence: number, csn: number | null, participants: readonly string[] = ['east', 'west']): void {
    const type = csn === null ? 'transaction.aborted' : 'transaction.committed';
    const at = new Date().toISOString();
    this.#send(EVENTS_TOPIC, sequence, { type, index: sequence, csn, at, label: null, participants, reason: null });
  }

  /** Committed by both, everything said twice. */
  committed(sequence: number): void {
    for (const participant of ['east', 'west']) {
      this.vote(sequence, participant, 'prepared');
      this.done(sequence, participant, 'committed');
      this.vote(sequence, participant, 'prepared');
      this.done(sequence, participant, 'committed');
    }
    this.event(sequence, csnOf(sequence));
    this.event(sequence, csnOf(sequence));
  }

  /** One refused, the other had prepared. */
  aborted(sequence: number): void {
    this.vote(sequence, 'east', 'prepared');
    this.vote(sequence, 'west', 'refused');
    this.event(sequence, null);
    this.done(sequence, 'east', 'rolled-back');
  }

  /** Resolves when all of it is stored. */
  async written(): Promise<void> {
    await Promise.all(this.#sent.splice(0));
  }

  #reply(sequence: number, message: object): void {
    this.#send(REPLIES_TOPIC, sequence, message);
  }

  #send(topic: string, sequence: number, message: object): void {
    const transactionId = idOf(sequence);
    const value = encodeMessage({ v: 1, transactionId, ...message } as never);
    this.#sent.push(this.transport.send({ topic, key: transactionId, value }));
  }
}
