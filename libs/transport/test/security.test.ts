/** Who may speak to the broker, and where: SASL, TLS and the ACL of docs/security-kafka.md, against a broker that asks. */
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { inspect } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { createTransport } from '../src/create-transport.js';
import { readTransportEnvironment } from '../src/environment.js';
import type { TransportOptions } from '../src/options.js';
import type { Transport } from '../src/transport.js';
import { openSecureBroker, passwordOf, type SecureBroker } from './secure-broker.js';
import { collect, uniqueName, until } from './test-broker.js';

let broker: SecureBroker;
let authorityFile: string;
const open = new Set<Transport>();

beforeAll(async () => {
  broker = await openSecureBroker(['concordat', 'accounts']);
  authorityFile = (await broker.authority.issue('client')).TLS_CA_FILE;
  await broker.allow('concordat', [
    { resource: 'topic', name: 'concordat.', prefixed: true, operations: ['Create', 'Describe', 'Read', 'Write'] },
    { resource: 'group', name: 'concordat-coordinator-', prefixed: true, operations: ['Read'] },
  ]);
  await broker.allow('accounts', [
    { resource: 'topic', name: 'concordat.commands.accounts', operations: ['Describe', 'Read'] },
    { resource: 'topic', name: 'concordat.replies', operations: ['Describe', 'Write'] },
    { resource: 'topic', name: 'concordat.dead-letters.accounts', operations: ['Describe', 'Write'] },
    { resource: 'group', name: 'concordat.participant.accounts', operations: ['Read'] },
  ]);
}, 120_000);

afterAll(() => broker?.close(), 60_000);

afterEach(async () => {
  await Promise.all([...open].map((transport) => transport.close()));
  open.clear();
}, 60_000);

/** As the environment of a process says it. */
async function environmentOf(user: string, mechanism: string, password = passwordOf(user)) {
  const file = join(broker.directory, uniqueName('password'));
  await writeFile(file, `${password}\n`);
  return {
    KAFKA_TLS_CA_FILE: authorityFile,
    KAFKA_SASL_MECHANISM: mechanism,
    KAFKA_SASL_USERNAME: user,
    KAFKA_SASL_PASSWORD_FILE: file,
  };
}

function make(options: Partial<TransportOptions>, env: NodeJS.ProcessEnv): Transport {
  const { security } = readTransportEnvironment(env);
  const transport = createTransport({
    brokers: broker.secureBrokers,
    clientId: uniqueName('test'),
    ...(security && { security }),
    ...options,
  });
  open.add(transport);
  return transport;
}

describe.each(['platformatic', 'kafkajs'] as const)('a broker that asks who one is, by %s', (client) => {
  const connect = async (user: string, mechanism = 'SCRAM-SHA-512') => {
    const transport = make({ client }, await environmentOf(user, mechanism));
    await transport.connect();
    return transport;
  };

  it.each(['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'])('takes the right password by %s', async (mechanism) => {
    const transport = await connect('concordat', mechanism);
    const topic = uniqueName('concordat.test');
    await transport.ensureTopics([{ name: topic, partitions: 2 }]);
    const received = await collect(transport, topic, 'end', 'concordat-coordinator-1');
    await transport.send({ topic, key: 'k', value: 'v' });
    await until(() => received.length === 1);
  });

  it('refuses a wrong password, which says so and is not tried for ever, and nobody prints it', async () => {
    const env = await environmentOf('concordat', 'SCRAM-SHA-512', 'wrong-secret');
    const error = await make({ client }, env)
      .connect()
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    expect(error).toMatchObject({ code: 'transport-unauthorized', retryable: false });
    expect(String(error)).toMatch(/refused our name or password.*KAFKA_SASL_PASSWORD_FILE/);
    expect(inspect(error, { depth: 10, showHidden: true })).not.toContain('wrong-secret');
  });

  it('is itself refused with a certificate of an authority that we do not know', async () => {
    const { createAuthority } = await import(new URL('../../../test/product/certificates.mjs', import.meta.url).href);
    const stranger = await (await createAuthority(broker.directory, uniqueName('elsewhere'))).issue('x');
    const env = { ...(await environmentOf('concordat', 'PLAIN')), KAFKA_TLS_CA_FILE: stranger.TLS_CA_FILE };
    await expect(make({ client }, env).connect()).rejects.toMatchObject({
      code: 'transport-unauthorized',
      message: expect.stringMatching(/certificate cannot be trusted/),
    });
  });

  it('lets each in only where its ACL says', async () => {
    const coordinator = await connect('concordat');
    const own = ['concordat.replies', 'concordat.commands.accounts', 'concordat.dead-letters.accounts'];
    const topics = own.map((name) => ({ name, partitions: 1 }));
    await coordinator.ensureTopics([...topics, { name: 'concordat.commands.other', partitions: 1 }]);
    const accounts = await connect('accounts');
    // Topics that are there need no right to make them.
    await accounts.ensureTopics(topics);
    const commands = await collect(
      accounts,
      'concordat.commands.accounts',
      'committed',
      'concordat.participant.accounts',
    );
    const replies = await collect(coordinator, 'concordat.replies', 'end', 'concordat-coordinator-1');
    await coordinator.send({ topic: 'concordat.commands.accounts', key: client, value: 'prepare' });
    await until(() => commands.some(({ key }) => key === client));
    await accounts.send({ topic: 'concordat.replies', key: client, value: 'vote' });
    await until(() => replies.some(({ key }) => key === client));
    for (const topic of ['concordat.commands.accounts', 'concordat.commands.other']) {
      const forged = accounts.send({ topic, key: client, value: 'commit' });
      await expect(forged).rejects.toMatchObject({ code: 'transport-unauthorized', retryable: false });
    }
  });
});

describe('the environment of a process', () => {
  it.each([
    [{ KAFKA_SASL_USERNAME: 'x' }, /KAFKA_SASL_MECHANISM cannot be used: expected one of PLAIN/],
    [{ KAFKA_SASL_MECHANISM: 'SCRAM-SHA-512' }, /KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD_FILE go with/],
    [
      { KAFKA_SASL_MECHANISM: 'PLAIN', KAFKA_SASL_USERNAME: 'x', KAFKA_SASL_PASSWORD_FILE: '/dev/null' },
      /PLAIN sends the password as it is/,
    ],
    [{ KAFKA_TLS_CERT_FILE: '/dev/null' }, /KAFKA_TLS_CA_FILE is not set/],
    [{ KAFKA_TLS_CA_FILE: '/dev/null', KAFKA_TLS_KEY_FILE: '/dev/null' }, /go together/],
    [{ KAFKA_TLS_CA_FILE: '/nowhere/ca.pem' }, /KAFKA_TLS_CA_FILE cannot be read/],
    [{ MESSAGE_KEYS_FILE: '/x', MESSAGE_KEYS_MODE: 'lax' }, /MESSAGE_KEYS_MODE cannot be used: expected one of strict/],
  ])('that cannot be used is refused in a sentence: %p', (env, sentence) => {
    expect(() => readTransportEnvironment(env)).toThrow(sentence);
  });

  it('without any of it asks for nothing', () => {
    expect(readTransportEnvironment({ KAFKA_TLS_CA_FILE: '' })).toEqual({
      security: undefined,
      messageKeys: undefined,
    });
  });

  it('may give a certificate of our own', async () => {
    const { TLS_CA_FILE, TLS_CERT_FILE, TLS_KEY_FILE } = await broker.authority.issue('us');
    const { security } = readTransportEnvironment({
      KAFKA_TLS_CA_FILE: TLS_CA_FILE,
      KAFKA_TLS_CERT_FILE: TLS_CERT_FILE,
      KAFKA_TLS_KEY_FILE: TLS_KEY_FILE,
    });
    expect(security?.tls?.certificate).toEqual(await readFile(TLS_CERT_FILE));
  });
});
