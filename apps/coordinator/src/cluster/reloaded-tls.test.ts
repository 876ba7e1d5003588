import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { createAuthority } from '../../../../test/product/certificates.mjs';
import { RecordingLogger } from '../../test/engine.js';
import { ReloadedTls } from './reloaded-tls.js';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'concordat-tls-'));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

const until = async (condition: () => boolean) => {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
};

describe('certificates that are read again', () => {
  it('change only as a pair: half of a change leaves the old ones, and no file is repeated in a message', async () => {
    const authority = await createAuthority(directory, 'house');
    const [first, second] = [await authority.issue('first'), await authority.issue('second')];
    const logger = new RecordingLogger();
    const paths = { authority: first.TLS_CA_FILE, certificate: first.TLS_CERT_FILE, key: first.TLS_KEY_FILE };
    const tls = new ReloadedTls(paths, logger);
    let changes = 0;
    tls.onChange(() => {
      changes += 1;
    });
    const old = tls.certificate;
    await writeFile(first.TLS_CERT_FILE, await readFile(second.TLS_CERT_FILE));
    await until(() => logger.lines.length === 1);
    expect(logger.lines).toEqual(['warn the new certificates cannot be used yet; the old ones stay']);
    expect(tls.certificate).toEqual(old);
    await writeFile(first.TLS_KEY_FILE, await readFile(second.TLS_KEY_FILE));
    await until(() => changes === 1);
    expect(tls.certificate).toEqual(await readFile(second.TLS_CERT_FILE));
    expect(tls.key).toEqual(await readFile(second.TLS_KEY_FILE));
    tls.close();
    await writeFile(first.TLS_KEY_FILE, '-----BEGIN PRIVATE KEY-----\nhunter2\n-----END PRIVATE KEY-----');
    expect(() => new ReloadedTls(paths, logger)).toThrow(/^TLS_KEY_FILE is no PEM that can be read$/);
  });
});
