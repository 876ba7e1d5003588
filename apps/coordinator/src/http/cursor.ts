import { ConcordatError, parseTransactionId } from '@concordat/protocol';

const VERSION = 'v1:';

/** Opaque to callers: names the last transaction of a page. */
export const encodeCursor = (lastId: string): string => Buffer.from(VERSION + lastId).toString('base64url');

/** The id that the next page begins before. @throws ConcordatError `cursor-invalid` */
export function decodeCursor(cursor: string): string {
  const text = Buffer.from(cursor, 'base64url').toString('latin1');
  const id = text.slice(VERSION.length);
  if (!text.startsWith(VERSION) || !parseTransactionId(id) || encodeCursor(id) !== cursor) {
    throw new ConcordatError('cursor-invalid', 'The cursor is not one that this service has given out.');
  }
  return id;
}
