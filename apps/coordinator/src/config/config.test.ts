import { describe, expect, it } from '@jest/globals';
import { ConfigError, readConfig } from './config.js';

const GOOD = { DATABASE_URL: 'postgres://user@127.0.0.1:5432/concordat', KAFKA_BROKERS: 'a:9092, b:9093' };

describe('the configuration', () => {
  it('has a default for everything but Postgres and Kafka', () => {
    expect(readConfig({ ...GOOD, PORT: '' })).toEqual({
      host: '127.0.0.1',
      port: 8080,
      databaseUrl: GOOD.DATABASE_URL,
      kafkaBrokers: ['a:9092', 'b:9093'],
      kafkaClient: undefined,
      dataDirectory: '.data',
      nodeId: 1,
      logLevel: 'info',
      retentionMs: 86_400_000,
      idempotencyKeyMs: 86_400_000,
      inFlightMax: 10_000,
      stopGraceMs: 10_000,
      peers: new Map(),
      raftListen: '127.0.0.1:0',
      advertisedUrl: undefined,
      electionTimeoutMs: 1000,
      tlsFiles: undefined,
      credentials: undefined,
    });
  });

  it('knows its peers, listens for them where they look for it, and must be one of them', () => {
    const cluster = { ...GOOD, PEERS: '1=a:7001, 2=b:7002', NODE_ID: '2', ADVERTISED_URL: 'http://b:8080/' };
    expect(readConfig(cluster)).toMatchObject({
      peers: new Map([
        [1, 'a:7001'],
        [2, 'b:7002'],
      ]),
      raftListen: '127.0.0.1:7002',
      advertisedUrl: 'http://b:8080',
    });
    expect(readConfig({ ...cluster, RAFT_PORT: '9000', HOST: '::', API_KEYS_FILE: 'keys.json' }).raftListen).toBe(
      '[::]:9000',
    );
    expect(() => readConfig({ ...cluster, NODE_ID: '3' })).toThrow('PEERS does not name this replica');
    expect(() => readConfig({ ...cluster, PEERS: 'b:7002' })).toThrow('PEERS cannot be used');
  });

  it('takes all three files of mutual TLS or none', () => {
    expect(() => readConfig({ ...GOOD, TLS_CA_FILE: 'ca.pem' })).toThrow(ConfigError);
    const files = { TLS_CA_FILE: 'ca.pem', TLS_CERT_FILE: 'cert.pem', TLS_KEY_FILE: 'key.pem' };
    expect(readConfig({ ...GOOD, ...files }).tlsFiles).toEqual({
      authority: 'ca.pem',
      certificate: 'cert.pem',
      key: 'key.pem',
    });
  });

  it('names everything that is wrong at once', () => {
    const read = () => readConfig({ PORT: '99999', KAFKA_BROKERS: 'nonsense', LOG_LEVEL: 'loud', KAFKA_CLIENT: 'x' });
    expect(read).toThrow(ConfigError);
    for (const name of [
      'PORT cannot',
      'DATABASE_URL is not set',
      'KAFKA_BROKERS cannot',
      'LOG_LEVEL',
      'KAFKA_CLIENT',
    ]) {
      expect(read).toThrow(name);
    }
  });

  it('never repeats a value, since it may be a secret', () => {
    expect(() => readConfig({ ...GOOD, DATABASE_URL: 'mysql://user:hunter2@db/x' })).toThrow(
      /^DATABASE_URL cannot be used: expected a Postgres URL such as \S+$/,
    );
  });
});
