/**
 * The two requests of the hot path, Produce (version 9) and Fetch (version 12). Every broker that the client library
 * supports knows these versions, both name topics by name, and neither needs a session.
 */
import { type Connection, Reader, Writer } from '@platformatic/kafka';
import { ByteReader } from './byte-reader.js';

const produceKey = 0;
const produceVersion = 9;
const fetchKey = 1;
const fetchVersion = 12;

/** The encoded records of one partition. */
export interface PartitionBatch {
  topic: string;
  partition: number;
  records: Buffer;
}

/** What the broker said about one partition. 0 is success, as everywhere in Kafka. */
export interface PartitionAnswer {
  topic: string;
  partition: number;
  errorCode: number;
}

/** Has the batches stored by all in-sync replicas. Rejects when the broker cannot be asked. */
export function produce(
  connection: Connection,
  batches: readonly PartitionBatch[],
  timeoutMs: number,
): Promise<PartitionAnswer[]> {
  const request = () => {
    const writer = Writer.create().appendString(null).appendInt16(-1).appendInt32(timeoutMs);
    writer.appendUnsignedVarInt(batches.length + 1);
    for (const { topic, partition, records } of batches) {
      writer.appendString(topic).appendUnsignedVarInt(2).appendInt32(partition);
      writer.appendUnsignedVarInt(records.length + 1).append(records);
      writer.appendTaggedFields().appendTaggedFields();
    }
    return writer.appendTaggedFields();
  };
  return exchange(connection, produceKey, produceVersion, request, parseProduceResponse);
}

function parseProduceResponse(reader: ByteReader): PartitionAnswer[] {
  const answers: PartitionAnswer[] = [];
  for (let topics = reader.compactCount(); topics > 0; topics -= 1) {
    const topic = reader.compactText();
    for (let partitions = reader.compactCount(); partitions > 0; partitions -= 1) {
      const partition = reader.int32();
      answers.push({ topic, partition, errorCode: reader.int16() });
      reader.position += 24;
      for (let errors = reader.compactCount(); errors > 0; errors -= 1) {
        reader.position += 4;
        reader.compactText();
        reader.skipTags();
      }
      reader.compactText();
      reader.skipTags();
    }
    reader.skipTags();
  }
  return answers;
}

/** What to read, and how much of it at once. */
export interface FetchOptions {
  topic: string;
  /** Partition to offset. */
  positions: ReadonlyMap<number, number>;
  /** How long the broker waits for something to come. */
  waitMs: number;
  bytesMax: number;
  partitionBytesMax: number;
}

/** What came from one partition. */
export interface FetchedPartition extends PartitionAnswer {
  records: Buffer | undefined;
  /** The offset that the next message of the partition will have; -1 where the broker does not know. */
  end: number;
}

/** Reads, waiting for the first byte if there is none. Rejects when the broker cannot be asked. */
export function fetch(connection: Connection, options: FetchOptions): Promise<FetchedPartition[]> {
  const request = () => {
    const writer = Writer.create().appendInt32(-1).appendInt32(options.waitMs).appendInt32(1);
    writer.appendInt32(options.bytesMax).appendInt8(0).appendInt32(0).appendInt32(-1);
    writer.appendUnsignedVarInt(2).appendString(options.topic);
    writer.appendUnsignedVarInt(options.positions.size + 1);
    for (const [partition, offset] of options.positions) {
      writer.appendInt32(partition).appendInt32(-1).appendInt64(BigInt(offset)).appendInt32(-1).appendInt64(-1n);
      writer.appendInt32(options.partitionBytesMax).appendTaggedFields();
    }
    return writer.appendTaggedFields().appendUnsignedVarInt(1).appendString('').appendTaggedFields();
  };
  return exchange(connection, fetchKey, fetchVersion, request, parseFetchResponse);
}

function parseFetchResponse(reader: ByteReader): FetchedPartition[] {
  reader.position += 4;
  const errorCode = reader.int16();
  if (errorCode !== 0) throw new Error(`The broker refused to be read from (code ${errorCode}).`);
  reader.position += 4;
  const fetched: FetchedPartition[] = [];
  for (let topics = reader.compactCount(); topics > 0; topics -= 1) {
    const topic = reader.compactText();
    for (let partitions = reader.compactCount(); partitions > 0; partitions -= 1) {
      fetched.push(parseFetchedPartition(reader, topic));
    }
    reader.skipTags();
  }
  return fetched;
}

function parseFetchedPartition(reader: ByteReader, topic: string): FetchedPartition {
  const partition = reader.int32();
  const errorCode = reader.int16();
  const end = reader.int64();
  reader.position += 16;
  for (let aborted = reader.compactCount(); aborted > 0; aborted -= 1) {
    reader.position += 16;
    reader.skipTags();
  }
  reader.position += 4;
  const bytes = reader.uvarint() - 1;
  const records = bytes > 0 ? reader.bytes(bytes) : undefined;
  reader.skipTags();
  return { topic, partition, errorCode, records, end };
}

function exchange<Response>(
  connection: Connection,
  apiKey: number,
  version: number,
  request: () => Writer,
  parse: (reader: ByteReader) => Response,
): Promise<Response> {
  const parser = (_correlationId: number, _apiKey: number, _version: number, reader: Reader): Response => {
    const body = reader.buffer.slice(reader.position, reader.buffer.length);
    return parse(new ByteReader(body));
  };
  return new Promise((resolve, reject) => {
    connection.send(apiKey, version, request, parser, true, true, (error, response) => {
      if (error) reject(error);
      else resolve(response as Response);
    });
  });
}
