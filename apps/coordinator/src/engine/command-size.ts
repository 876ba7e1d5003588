import { ConcordatError, type OperationCall } from '@concordat/protocol';

/**
 * Bound of the inputs that one command carries, in bytes of JSON: a PREPARE holds all deferred operations of its
 * participant, an EXECUTE one. What the transport sends at once is 900,000 bytes; the rest is for what goes with them.
 */
export const COMMAND_INPUT_BYTES_MAX = 768 * 1024;

/** Calls never change, and one is asked about again with each that comes after it. */
const sizes = new WeakMap<OperationCall, number>();

/**
 * A command that is too large for Kafka would be sent in vain until the deadline, again and again.
 * @throws ConcordatError body-too-large
 */
export function mustFitOneCommand(participant: string, operations: Iterable<OperationCall>): void {
  let bytes = 0;
  for (const call of operations) bytes += sizeOf(call);
  if (bytes <= COMMAND_INPUT_BYTES_MAX) return;
  throw new ConcordatError(
    'body-too-large',
    `The operations of ${participant} in one transaction may have ${COMMAND_INPUT_BYTES_MAX} bytes together; these have ${bytes}.`,
    { participant },
  );
}

function sizeOf(call: OperationCall): number {
  const known = sizes.get(call);
  if (known !== undefined) return known;
  const bytes = Buffer.byteLength(JSON.stringify(call));
  sizes.set(call, bytes);
  return bytes;
}
