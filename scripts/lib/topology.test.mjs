import { describe, expect, it } from '@jest/globals';
import {
  coordinatorEnvironment,
  coordinatorsOf,
  participantEnvironment,
  readSettings,
  UsageError,
} from './topology.mjs';

describe('the settings of the starter', () => {
  it('have their defaults', () => {
    expect(readSettings({}, {})).toMatchObject({ port: 8080, demo: true, databaseUrl: undefined });
    expect(readSettings({}, {}).replicas).toBeUndefined(); // as many as the data directory has
  });

  it.each([['80x'], ['-1'], ['65530'], ['1.5']])('refuse PORT=%s', (port) => {
    expect(() => readSettings({ PORT: port }, {})).toThrow(UsageError);
  });

  it.each([['0'], ['x'], ['1.5'], ['10']])('refuse --replicas %s in one sentence', (replicas) => {
    expect(() => readSettings({}, { replicas })).toThrow(UsageError);
  });

  it('take a number of replicas', () => {
    expect(readSettings({}, { replicas: '3' }).replicas).toBe(3);
  });

  it('give every replica a name, a port, a database and a directory of its own', () => {
    expect(coordinatorsOf({ ...readSettings({ DATA_DIR: '/d' }, {}), replicas: 2 })).toEqual([
      { name: 'coordinator-1', id: 1, database: 'concordat_1', portOffset: 0, dataDirectory: '/d/coordinator-1' },
      { name: 'coordinator-2', id: 2, database: 'concordat_2', portOffset: 1, dataDirectory: '/d/coordinator-2' },
    ]);
  });
});

describe('what an app is told', () => {
  const where = { port: 9001, databaseUrl: 'postgres://one', brokers: '127.0.0.1:9092' };

  it('names its own port, database and brokers, whatever the starter was given', () => {
    const env = coordinatorEnvironment(
      { PORT: '9000', DATABASE_URL: 'postgres://server', DATA_DIR: 'd', KAFKA_CLIENT: 'kafkajs' },
      {
        ...where,
        id: 1,
        dataDirectory: '/d/coordinator-1',
        raftPort: 7001,
        peers: '1=127.0.0.1:7001,2=127.0.0.1:7002',
        url: 'http://127.0.0.1:9001',
      },
    );
    expect(env).toMatchObject({
      PORT: '9001',
      DATABASE_URL: 'postgres://one',
      KAFKA_BROKERS: '127.0.0.1:9092',
      KAFKA_CLIENT: 'kafkajs',
      DATA_DIR: '/d/coordinator-1',
      NODE_ID: '1',
      RAFT_PORT: '7001',
      PEERS: '1=127.0.0.1:7001,2=127.0.0.1:7002',
      ADVERTISED_URL: 'http://127.0.0.1:9001',
      LOG_LEVEL: 'info',
    });
  });

  it('gives a participant its name and the coordinators, but not the data directory', () => {
    const env = participantEnvironment(
      { DATA_DIR: 'd' },
      { ...where, name: 'bank', coordinatorUrls: ['http://c', 'http://d'] },
    );
    expect(env).toMatchObject({ PARTICIPANT_NAME: 'bank', COORDINATOR_URLS: 'http://c,http://d', PORT: '9001' });
    expect(env).not.toHaveProperty('DATA_DIR');
  });
});
