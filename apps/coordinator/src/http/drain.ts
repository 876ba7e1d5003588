import type { IncomingMessage } from 'node:http';

/** Beyond either bound the connection is closed on a client that still writes. */
const DRAIN_BYTES_MAX = 64 * 1024 * 1024;
const DRAIN_MS_MAX = 10_000;

/**
 * Reads the rest of a body and throws it away. Many clients write all of it before they read, and lose the answer when
 * the connection is closed under their hands. Resolves at the end, or when it takes too long or is too much.
 */
export function drain(request: IncomingMessage): Promise<void> {
  return new Promise((resolve) => {
    let bytes = 0;
    const finish = (): void => {
      clearTimeout(timer);
      request.off('data', count);
      resolve();
    };
    const count = (chunk: Buffer): void => {
      bytes += chunk.length;
      if (bytes > DRAIN_BYTES_MAX) finish();
    };
    const timer = setTimeout(finish, DRAIN_MS_MAX).unref();
    if (request.complete || request.destroyed) return finish();
    request.on('data', count).once('end', finish).once('close', finish).resume();
  });
}
