import { describe, expect, it } from '@jest/globals';
import { readConfig } from './config.js';

const GOOD = { DATABASE_URL: 'postgres://user@127.0.0.1:5432/concordat', KAFKA_BROKERS: 'a:9092' };
const IDENTITY = { JWKS_URL: 'https://id.example/jwks', JWT_ISSUER: 'https://id.example', JWT_AUDIENCE: 'concordat' };

describe('credentials in the configuration', () => {
  it.each(['127.0.0.1', '127.1.2.3', '::1', 'localhost'])('are not needed on %s', (HOST) => {
    expect(readConfig({ ...GOOD, HOST }).credentials).toBeUndefined();
  });

  it.each(['0.0.0.0', '::', '10.0.0.7', 'host.example', '127.0.0.1.example', 'localhost.example', '::ffff:0.0.0.0'])(
    'are needed on %s, and the refusal says what to do',
    (HOST) => {
      expect(() => readConfig({ ...GOOD, HOST })).toThrow(
        /API_KEYS_FILE .* or JWKS_URL; or leave HOST at 127\.0\.0\.1/,
      );
      expect(readConfig({ ...GOOD, HOST, API_KEYS_FILE: '/keys.json' }).credentials?.apiKeysFile).toBe('/keys.json');
      expect(readConfig({ ...GOOD, HOST, ...IDENTITY }).credentials?.identity).toMatchObject({
        jwksUrl: IDENTITY.JWKS_URL,
        rolesClaim: 'roles',
        rolesPrefix: '',
        participantsClaim: 'participants',
      });
    },
  );

  it.each(['JWT_ISSUER', 'JWT_AUDIENCE'])('take no tokens without %s', (name) => {
    expect(() => readConfig({ ...GOOD, ...IDENTITY, [name]: '' })).toThrow('JWT_ISSUER and JWT_AUDIENCE');
  });

  it.each(['http://id.example/jwks', 'file:///etc/jwks', 'id.example'])('take no keys from %s', (JWKS_URL) => {
    expect(() => readConfig({ ...GOOD, ...IDENTITY, JWKS_URL })).toThrow('JWKS_URL cannot be used: expected an https');
  });

  it('take keys over plain HTTP from this machine', () => {
    const config = readConfig({ ...GOOD, ...IDENTITY, JWKS_URL: 'http://127.0.0.1:9/jwks' });
    expect(config.credentials?.identity?.jwksUrl).toBe('http://127.0.0.1:9/jwks');
  });
});
