import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';
import Decoder from 'kafkajs/src/protocol/decoder.js';
import decodeBatch from 'kafkajs/src/protocol/recordBatch/v0/decoder.js';
import createRequest from 'kafkajs/src/protocol/request.js';
import produceVersions from 'kafkajs/src/protocol/requests/produce/index.js';
import { describe, expect, test } from 'vitest';
import { ByteWriter } from '../../../schemas/byte-writer.ts';
import type { NewRecord } from '../../log.ts';
import { type EncodedBatch, frame } from './produce-request.ts';
import { BATCH_HEAD, type BatchHead, encodeBatch, mostBytes } from './record-batch.ts';

const head: BatchHead = { producerId: '4611686018427387905', producerEpoch: 7, firstSequence: 5, transactional: true };
const AT_CHECKSUM = 17;
const AT_ATTRIBUTES = 21;

const bytes = fc.uint8Array({ maxLength: 300, size: 'max' }).map((array) => Buffer.from(array));
const content = fc.option(bytes, { freq: 4 });
const text = fc.string({ unit: 'grapheme', maxLength: 60, size: 'max' });
// kafkajs's decoder takes headers by the names of an object's own methods for repeated ones.
const headerName = text.filter((name) => !(name in Object.prototype));
const recordOf = (timestamp: fc.Arbitrary<number>): fc.Arbitrary<NewRecord> =>
  fc.record({
    topic: fc.constant('t'),
    partition: fc.constant(0),
    timestamp,
    key: content,
    value: content,
    headers: fc.oneof({ weight: 3, arbitrary: fc.constant({}) }, fc.dictionary(headerName, text, { maxKeys: 5 })),
  });
const anyTime = fc.oneof(
  fc.integer({ min: 1_700_000_000_000, max: 1_700_000_100_000 }),
  fc.integer({ min: 0, max: 8_640_000_000_000_000 }),
);

async function decoded(batch: Buffer) {
  const decoder = new Decoder(batch);
  const read = await decodeBatch(decoder);
  expect(decoder.canReadBytes(1)).toBe(false);
  return read;
}

async function expectReadBack(batch: Buffer, records: readonly NewRecord[]): Promise<void> {
  const read = await decoded(batch);
  const { firstTimestamp, maxTimestamp, lastOffsetDelta, inTransaction } = read;
  expect({ firstTimestamp, maxTimestamp, lastOffsetDelta, inTransaction }).toEqual({
    firstTimestamp: String(records[0]?.timestamp),
    maxTimestamp: String(records.reduce((most, { timestamp }) => Math.max(most, timestamp), Number.MIN_SAFE_INTEGER)),
    lastOffsetDelta: records.length - 1,
    inTransaction: true,
  });
  expect(read).toMatchObject({ producerId: head.producerId, producerEpoch: 7, firstSequence: 5 });
  expect(batch.readUInt32BE(AT_CHECKSUM)).toBe(crc32c(batch.subarray(AT_ATTRIBUTES)));
  const texts = (headers: object): [string, string][] =>
    Object.entries(headers).map(([name, value]) => [name, String(value)]);
  expect(
    read.records.map(({ offset, timestamp, key, value, headers }) => [offset, timestamp, key, value, texts(headers)]),
  ).toEqual(
    records.map(({ timestamp, key, value, headers = {} }, i) => [
      String(i),
      String(timestamp),
      key,
      value,
      texts(headers),
    ]),
  );
}

describe('a batch of records', () => {
  test('is read back as it was by another decoder, and takes no more room than it was given', async () => {
    const writer = new ByteWriter(4096);
    await fc.assert(
      fc.asyncProperty(fc.array(recordOf(anyTime), { minLength: 1, maxLength: 60, size: 'max' }), async (records) => {
        const batch = encodeBatch(writer, records, head);
        expect(batch.length).toBeLessThanOrEqual(records.reduce((sum, r) => sum + mostBytes(r), BATCH_HEAD));
        await expectReadBack(batch, records);
      }),
      { numRuns: 150 },
    );
  });

  test.each([1, 63, 64, 65, 2000])('is read back where it has %d of them', async (count) => {
    const records = Array.from({ length: count }, (_, i) => ({
      topic: 't',
      partition: 0,
      timestamp: 1_700_000_000_000 + ((i * 7919) % 4001) - 2000,
      key: i % 3 === 0 ? null : Buffer.from(`key ${i}`),
      value: i % 5 === 0 ? Buffer.alloc(0) : Buffer.alloc(i * 9, i),
      ...(i % 4 === 0 ? { headers: { trace: `ü${i}`, empty: '' } } : {}),
    }));
    await expectReadBack(encodeBatch(new ByteWriter(), records, head), records);
  });

  test.each([0, 2 ** 30, 2 ** 31, 2 ** 40, 2 ** 52])('has times %d ms apart, either way', async (apart) => {
    const of = (timestamp: number): NewRecord => ({ topic: 't', partition: 0, timestamp, key: null, value: null });
    const records = [of(apart), of(0), of(apart + 1), of(apart - 1), of(2 * apart)];
    await expectReadBack(encodeBatch(new ByteWriter(), records, head), records);
  });

  test('keeps its bytes while others are encoded by the same writer', () => {
    const writer = new ByteWriter(256);
    const of = (n: number): NewRecord[] => [
      { topic: 't', partition: 0, timestamp: n, key: null, value: Buffer.alloc(40 * n, n) },
    ];
    const batches = [1, 2, 3, 4, 30, 5].map((n) => encodeBatch(writer, of(n), head));
    const again = [1, 2, 3, 4, 30, 5].map((n) => encodeBatch(new ByteWriter(), of(n), head));
    expect(batches).toEqual(again);
  });

  test('has the checksum that the protocol asks for', () => {
    // https://datatracker.ietf.org/doc/html/rfc3720#appendix-B.4
    expect(crc32c(Buffer.alloc(32))).toBe(0x8a9136aa);
    expect(crc32c(Buffer.alloc(32, 0xff))).toBe(0x62a8ab43);
    const [record] = fc.sample(recordOf(anyTime), { numRuns: 1, seed: 4 });
    const batch = encodeBatch(new ByteWriter(), [record as NewRecord], head);
    expect(batch.readUInt32BE(AT_CHECKSUM)).toBe(crc32c(batch.subarray(AT_ATTRIBUTES)));
  });
});

describe('a produce request', () => {
  // kafkajs counts times from the least of a batch, we from the first.
  const late = fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 });
  const leastFirst = fc.array(recordOf(late), { minLength: 1, maxLength: 30 }).map((records) => {
    const least = Math.min(...records.map(({ timestamp }) => timestamp));
    return records.map((record, i) => (i === 0 ? { ...record, timestamp: least } : record));
  });

  test("is kafkajs's own, byte for byte", async () => {
    const batchOf = fc.record({
      topic: fc.constantFrom('a', 'b', 'tüpic'),
      partition: fc.nat(12),
      firstSequence: fc.nat(2 ** 31 - 1),
      records: leastFirst,
    });
    const batches = fc.uniqueArray(batchOf, {
      minLength: 1,
      maxLength: 6,
      selector: ({ topic, partition }) => `${topic}/${partition}`,
    });
    await fc.assert(
      fc.asyncProperty(batches, fc.option(text), fc.nat(2 ** 31 - 1), async (sent, transactionalId, correlationId) => {
        // An empty one is none to kafkajs.
        fc.pre(transactionalId !== '');
        const producer = { producerId: '9007199254740993', producerEpoch: 3 };
        const encoded = sent.map(({ topic, partition, firstSequence, records }): EncodedBatch => {
          const by = { ...producer, firstSequence, transactional: transactionalId !== null };
          return { topic, partition, bytes: encodeBatch(new ByteWriter(), records, by) };
        });
        const topicData = [...Map.groupBy(sent, ({ topic }) => topic)].map(([topic, of]) => ({
          topic,
          partitions: of.map(({ partition, firstSequence, records }) => ({
            partition,
            firstSequence,
            messages: records.map(({ timestamp, key, value, headers = {} }) => ({
              timestamp: String(timestamp),
              key,
              value,
              headers: { ...headers },
            })),
          })),
        }));
        const { request } = produceVersions.protocol({ version: 7 })({
          ...producer,
          acks: -1,
          timeout: 30_000,
          transactionalId,
          topicData,
        });
        const clientId = 'beckön';
        const theirs = await createRequest({ correlationId, clientId, request });
        const ours = frame({ apiKey: 0, apiVersion: 7, correlationId, clientId }, transactionalId, encoded);
        expect(Buffer.concat(ours).equals(theirs.buffer)).toBe(true);
      }),
      { numRuns: 100 },
    );
  });
});
