import { describe, expect, it } from '@jest/globals';
import { ParticipantMetrics } from './metrics.js';

const linesOf = async ({ registry }: ParticipantMetrics): Promise<string[]> =>
  (await registry.metrics()).split('\n').filter((line) => line !== '' && !line.startsWith('#'));

describe('the metrics of a participant', () => {
  it('show what alerts ask for from the start, so that the first of it is an increase', async () => {
    expect(await linesOf(new ParticipantMetrics('east'))).toEqual(
      expect.arrayContaining([
        'concordat_participant_dead_letters_total{cause="unreadable",participant="east"} 0',
        'concordat_participant_finalise_failures_total{type="commit",participant="east"} 0',
        'concordat_participant_votes_total{vote="prepared",reason="",participant="east"} 0',
      ]),
    );
  });

  it('count only so many reasons by name, as operations choose them freely', () => {
    const metrics = new ParticipantMetrics('east');
    const labels = Array.from({ length: 60 }, (_, n) => metrics.reasonLabel(`reason-${n}`));
    expect(new Set(labels).size).toBe(51);
    expect([labels[0], labels.at(-1), metrics.reasonLabel('reason-0')]).toEqual(['reason-0', 'other', 'reason-0']);
  });

  it('show how far behind the commands are, by partition', async () => {
    const metrics = new ParticipantMetrics('east');
    metrics.observe({
      ...{ prepared: () => 2, foreignPrepared: () => 0, oldestPreparedMs: () => 1500, executing: () => 0 },
      ...{ sessions: () => 0, appliedCsn: () => 0, kafkaAvailable: () => true },
      reading: () => ({ topic: 'concordat.commands.east', outstanding: 3, lag: new Map([[1, 7]]) }),
    });
    expect(await linesOf(metrics)).toEqual(
      expect.arrayContaining([
        'concordat_participant_kafka_lag_messages{partition="1",participant="east"} 7',
        'concordat_participant_kafka_outstanding_messages{participant="east"} 3',
        'concordat_participant_oldest_prepared_seconds{participant="east"} 1.5',
      ]),
    );
  });
});
