import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { TransportTls } from '@concordat/raft';
import { WatchedFiles } from '@concordat/transport';
import type { EngineLogger } from '../engine/ports.js';

interface Certificates {
  readonly authority: Buffer;
  readonly certificate: Buffer;
  readonly key: Buffer;
}

/**
 * The certificates between replicas, read again when their files change. A certificate and a key that do not go together
 * are half of a change: the ones before stay until the other half is there.
 */
export class ReloadedTls implements TransportTls {
  readonly #files: WatchedFiles<Certificates>;
  readonly #listeners: (() => void)[] = [];

  /** @throws Error when a file cannot be read, or they do not go together */
  constructor(paths: Readonly<Record<keyof Certificates, string>>, logger: EngineLogger) {
    this.#files = new WatchedFiles({
      paths: [paths.authority, paths.certificate, paths.key],
      parse: certificatesOf,
      onChange: ({ certificate }) => {
        const { validTo } = new X509Certificate(certificate);
        logger.info({ ...paths, validTo }, 'the certificates between replicas were read again');
        for (const listener of this.#listeners) listener();
      },
      onError: (err) => logger.warn({ ...paths, err }, 'the new certificates cannot be used yet; the old ones stay'),
    });
  }

  get authority(): Buffer {
    return this.#files.value.authority;
  }

  get certificate(): Buffer {
    return this.#files.value.certificate;
  }

  get key(): Buffer {
    return this.#files.value.key;
  }

  onChange(listener: () => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#files.close();
  }
}

/** The reasons of OpenSSL may repeat what stands in a file; ours do not. */
function certificatesOf([authority, certificate, key]: readonly Buffer[]): Certificates {
  const read = <T>(what: string, make: () => T): T => {
    try {
      return make();
    } catch {
      throw new Error(`${what} is no PEM that can be read`);
    }
  };
  read('TLS_CA_FILE', () => new X509Certificate(authority as Buffer));
  const leaf = read('TLS_CERT_FILE', () => new X509Certificate(certificate as Buffer));
  const secret = read('TLS_KEY_FILE', () => createPrivateKey(key as Buffer));
  if (!leaf.checkPrivateKey(secret)) throw new Error('TLS_CERT_FILE and TLS_KEY_FILE do not go together');
  return { authority: authority as Buffer, certificate: certificate as Buffer, key: key as Buffer };
}
