import { REPLIES_TOPIC } from '@concordat/protocol';
import { describe, expect, it } from '@jest/globals';
import { doneRecord, eventRecord, idOf, START_MS, type TestRecord, voteRecord } from '../test/histories.js';
import { FactGatherer, type Verify } from './map.js';

const ID = idOf(0);
const raw = (value: string): TestRecord => ({
  topic: REPLIES_TOPIC,
  key: ID,
  timestampMs: START_MS,
  value: Buffer.from(value),
  headers: {},
});

function gathered(records: TestRecord[], verify?: Verify): FactGatherer {
  const gatherer = new FactGatherer(verify);
  for (const record of records) gatherer.add(record);
  return gatherer;
}

describe('map', () => {
  it('counts every record once, and takes as facts what says something new', () => {
    const heartbeat = {
      v: 1,
      type: 'heartbeat',
      participant: 'p-a',
      instance: 'i',
      isolation: 'local',
      operations: [],
    };
    const { counts, transactions } = gathered([
      voteRecord(ID, 'p-a', 'prepared', START_MS),
      voteRecord(ID, 'p-a', 'prepared', START_MS + 1),
      doneRecord(ID, 'p-a', 'committed', START_MS),
      eventRecord(ID, 5, ['p-a'], START_MS),
      eventRecord(ID, 5, ['p-a'], START_MS + 2),
      raw(JSON.stringify({ ...heartbeat, preparedCount: 0, oldestPreparedMs: null, stopping: false })),
      raw('{"v":1,"type":"done"}'),
      raw('not json'),
      raw(''),
    ]);
    expect(counts).toEqual({ facts: 3, duplicates: 2, other: 1, unreadable: 3, unverifiable: 0 });
    expect([...transactions.keys()]).toEqual([ID]);
  });

  it('counts apart what nobody can vouch for, and believes none of it', () => {
    const asked: (string | null)[] = [];
    const { counts, transactions } = gathered(
      [
        doneRecord(ID, 'p-a', 'committed', START_MS),
        doneRecord(ID, 'p-b', 'rolled-back', START_MS),
        eventRecord(ID, 5, [], START_MS),
      ],
      (_record, participant) => {
        asked.push(participant);
        return participant !== 'p-b';
      },
    );
    expect(asked).toEqual(['p-a', 'p-b', null]);
    expect(counts).toMatchObject({ facts: 2, unverifiable: 1 });
    expect([...(transactions.get(ID)?.said.keys() ?? [])]).toEqual(['p-a']);
  });
});
