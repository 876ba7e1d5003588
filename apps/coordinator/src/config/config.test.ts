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
      retentionMs: 604_800_000,
      inFlightMax: 10_000,
      stopGraceMs: 10_000,
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
