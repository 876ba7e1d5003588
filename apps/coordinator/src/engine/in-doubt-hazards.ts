import type { Entry, OpenHazards } from '@concordat/transaction';
import type { Clock, EngineLogger, EngineMetrics } from './ports.js';

/** Open hazards beyond this are counted and logged, and not kept: a participant that lost its database may have any number. */
export const HAZARDS_OPEN_MAX = 10_000;

export interface RaisedHazard {
  readonly transactionId: string;
  readonly participant: string;
  readonly outcome: 'committed' | 'aborted';
  readonly csn: number | null;
  readonly detail: string;
}

export interface HazardPorts {
  readonly ledger: { readonly hazards: OpenHazards };
  readonly propose: (entry: Entry) => unknown;
  readonly metrics: EngineMetrics;
  readonly logger: EngineLogger;
  readonly clock: Clock;
}

/** A participant contradicts a decision: counted, logged, and kept by the log until an operator has acknowledged it. */
export function raiseHazard({ ledger, propose, metrics, logger, clock }: HazardPorts, hazard: RaisedHazard): void {
  metrics.hazardRaised(hazard.participant);
  logger.error({ ...hazard }, 'a participant contradicts the decision');
  const { transactionId, participant } = hazard;
  if (ledger.hazards.get(transactionId, participant)?.kind === 'contradiction') return;
  if (ledger.hazards.size >= HAZARDS_OPEN_MAX) {
    return logger.error(
      { transactionId, participant, open: ledger.hazards.size },
      'too many hazards are open to keep it',
    );
  }
  propose({ type: 'hazard', at: clock.now(), hazards: [hazard] });
}
