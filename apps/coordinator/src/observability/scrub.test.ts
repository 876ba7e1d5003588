import { describe, expect, it } from '@jest/globals';
import { createLogger } from './logger.js';

const SECRET = 'Zm9vYmFyLXNlY3JldC1vZi00My1jaGFyYWN0ZXJzLWxvbmc';
const TOKEN = `eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ4In0.${SECRET}`;

describe('what is logged', () => {
  const lines: string[] = [];
  const logger = createLogger('trace', {}, { write: (line: string) => void lines.push(line) });

  it.each<[string, unknown, string]>([
    ['an API key in a message', {}, `refused concordat_shop-1_${SECRET} today`],
    ['a token in a message', {}, `got ${TOKEN}`],
    ['an Authorization header in an object', { headers: { authorization: `Bearer ${SECRET}` } }, 'x'],
    ['a header in a text', {}, `Authorization: Bearer ${SECRET}`],
    ['basic credentials', {}, `Authorization: Basic ${SECRET}=`],
    ['the password of a URL', { url: `postgres://user:${SECRET}@host:5432/db` }, 'x'],
    ['a password with an @', { url: `postgres://user:a@b${SECRET}@host:5432/db` }, 'x'],
    ['a password in an error', { err: new Error(`cannot reach kafka://u:${SECRET}@h:1`) }, 'x'],
    ['a member named password, however deep', { a: { b: [{ sasl: { password: SECRET } }] } }, 'x'],
    ['a password with a quote', { password: `"${SECRET}` }, 'x'],
    ['JSON within a text', {}, `config {"client_secret":"${SECRET}"} taken`],
    ['the cause of an error', { err: new Error('x', { cause: new Error(`token ${TOKEN}`) }) }, 'x'],
  ])('holds no secret: %s', (_, object, message) => {
    for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'fatal'] as const) logger[level](object, message);
    const written = lines.splice(0);
    expect(written).toHaveLength(6);
    for (const line of written) {
      expect(line).not.toContain(SECRET);
      expect(line).toContain('[secret]');
      expect(() => JSON.parse(line)).not.toThrow();
    }
  });

  it('keeps what is no secret', () => {
    logger.info({ url: 'http://127.0.0.1:8080/a?b=c@d', transactionId: 'a-1-1', caller: 'shop' }, 'concordat ready');
    expect(JSON.parse(lines.splice(0).join(''))).toMatchObject({
      url: 'http://127.0.0.1:8080/a?b=c@d',
      transactionId: 'a-1-1',
      caller: 'shop',
      msg: 'concordat ready',
    });
  });

  it('stays one line, whatever a caller writes into it', () => {
    logger.info({ label: 'a\n{"level":60,"msg":"forged"}' }, 'x\r\ny');
    expect(lines.splice(0).join('').trimEnd()).not.toMatch(/[\r\n]/);
  });
});
