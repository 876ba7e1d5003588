import { once } from 'node:events';
import { type ClientDuplexStream, type ServerDuplexStream, status } from '@grpc/grpc-js';
import { type Message, MessageType } from '../core/messages.js';
import type { SnapshotPart, SnapshotProgress } from './grpc-service.js';
import { decodeMessages, encodeMessages } from './message-codec.js';
import { SNAPSHOT_CHUNK_BYTES, type SnapshotSink, type SnapshotSource, type TransportReceiver } from './transport.js';

/** One attempt: asks how far the peer is, sends the rest, waits until it has taken all of it. */
export async function sendSnapshotOnce(
  stream: ClientDuplexStream<SnapshotPart, SnapshotProgress>,
  message: Message,
  source: SnapshotSource,
): Promise<void> {
  const answers = stream[Symbol.asyncIterator]() as AsyncIterator<SnapshotProgress>;
  try {
    stream.write({ message: encodeMessages([message]) });
    const begun = await answers.next();
    if (begun.done) throw new Error('the peer does not take the snapshot');
    for (let position = begun.value.receivedBytes; position < source.totalBytes; ) {
      const chunk = new Uint8Array(SNAPSHOT_CHUNK_BYTES);
      const count = await source.read(position, chunk);
      if (count === 0) throw new Error('the snapshot ends early');
      if (!stream.write({ chunk: chunk.subarray(0, count) })) await once(stream, 'drain');
      position += count;
    }
    stream.end();
    const end = await answers.next();
    if (end.done || !end.value.finished) throw new Error('the peer did not take the snapshot to its end');
  } catch (error) {
    stream.cancel();
    throw error;
  }
}

/** The other side of it. */
export function receiveSnapshot(
  call: ServerDuplexStream<SnapshotPart, SnapshotProgress>,
  receiver: TransportReceiver,
): void {
  receiveParts(call, receiver).then(
    () => call.end(),
    (error) => {
      // Emitted, an error becomes the status that the caller gets; a destroyed stream would say nothing.
      if (!call.destroyed) call.emit('error', { code: status.ABORTED, details: String(error) });
    },
  );
}

async function receiveParts(
  call: ServerDuplexStream<SnapshotPart, SnapshotProgress>,
  receiver: TransportReceiver,
): Promise<void> {
  let sink: SnapshotSink | undefined;
  try {
    const parts: AsyncIterable<SnapshotPart> = call.iterator({ destroyOnReturn: false });
    for await (const { message, chunk } of parts) {
      if (message && !sink) {
        const [snapshot] = decodeMessages(message);
        if (snapshot?.type !== MessageType.Snap) throw new Error('a snapshot begins with its message');
        sink = await receiver.openSnapshotSink(snapshot);
        call.write({ receivedBytes: sink.receivedBytes, finished: false });
      } else if (chunk && sink) {
        await sink.write(chunk);
      } else throw new Error('a part of a snapshot at the wrong place');
    }
    if (!sink) throw new Error('a snapshot without any part');
  } catch (error) {
    await sink?.abandon();
    throw error;
  }
  await sink.finish();
  call.write({ receivedBytes: sink.receivedBytes, finished: true });
}
