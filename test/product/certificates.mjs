// An authority and certificates of its own for a test, by openssl.
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const openssl = (...words) => promisify(execFile)('openssl', words);
const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

/**
 * @param {string} directory for the files
 * @param {string} name of the authority, and the beginning of the files' names
 */
export async function createAuthority(directory, name) {
  const authority = join(directory, `${name}-ca.pem`);
  const authorityKey = join(directory, `${name}-ca.key`);
  const subject = ['-subj', `/CN=${name}`];
  await openssl('req', '-x509', ...NEW_KEY, '-keyout', authorityKey, '-out', authority, '-days', '2', ...subject);
  return {
    /**
     * A certificate for 127.0.0.1, as a coordinator's environment wants it.
     * @param {string} owner
     * @returns {Promise<{ TLS_CA_FILE: string, TLS_CERT_FILE: string, TLS_KEY_FILE: string }>}
     */
    async issue(owner) {
      const file = (kind) => join(directory, `${name}-${owner}.${kind}`);
      const [key, request, certificate, extensions] = [file('key'), file('csr'), file('pem'), file('ext')];
      await writeFile(extensions, 'subjectAltName=IP:127.0.0.1\n');
      await openssl('req', ...NEW_KEY, '-keyout', key, '-out', request, '-subj', `/CN=${owner}`);
      const signed = [
        '-CA',
        authority,
        '-CAkey',
        authorityKey,
        '-set_serial',
        `0x${randomBytes(8).toString('hex')}`, // a file that counts them would be shared by those issued at once
        '-days',
        '2',
        '-extfile',
        extensions,
      ];
      await openssl('x509', '-req', '-in', request, '-out', certificate, ...signed);
      return { TLS_CA_FILE: authority, TLS_CERT_FILE: certificate, TLS_KEY_FILE: key };
    },
  };
}
