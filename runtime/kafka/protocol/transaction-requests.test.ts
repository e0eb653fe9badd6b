import { describe, expect, test } from 'vitest';
import { errorType, isFenced, isTransient, mayPass } from '../client.ts';
import { addingFrame, readAdding } from './produce-request.ts';
import {
  apiVersionsFrame,
  endFrame,
  offsetsFrame,
  readApiVersions,
  readEnded,
  readOffsetsCommitted,
} from './transaction-requests.ts';

// What stands here in hexadecimal digits was written by Kafka's own classes for these messages (kafka-clients 4.3.1).
const clientId = 'beckön';
const producer = { producerId: '4611686018427387905', producerEpoch: 3 };
const hex = (pieces: readonly Buffer[]): string => Buffer.concat(pieces).toString('hex');
const payload = (digits: string): Buffer => Buffer.from(digits, 'hex');

describe('a request of a transaction is as Kafka writes it:', () => {
  test('what versions there are', () => {
    expect(hex(apiVersionsFrame({ apiKey: 18, apiVersion: 3, correlationId: 5, clientId }))).toBe(
      '0000001c001200030000000500076265636bc3b66e00076265636b6f6e023100',
    );
  });

  test('the end', () => {
    const transaction = { ...producer, producerEpoch: 32_766, transactionalId: 'app.engäge.1' };
    expect(hex(endFrame({ apiKey: 26, apiVersion: 5, correlationId: 6, clientId }, transaction))).toBe(
      '0000002c001a00050000000600076265636bc3b66e000e6170702e656e67c3a467652e3140000000000000017ffe0100',
    );
  });

  test('offsets of several topics, one of a long name', () => {
    const offsets = [
      { topic: 'events', partition: 0, offset: Number.MAX_SAFE_INTEGER },
      { topic: 'x'.repeat(200), partition: 1, offset: 5 },
      { topic: 'events', partition: 130, offset: 0 },
    ];
    const commit = { ...producer, transactionalId: 'app.engage.1', groupId: 'app.engage', offsets };
    expect(hex(offsetsFrame({ apiKey: 28, apiVersion: 5, correlationId: 8, clientId }, commit))).toBe(
      '00000147001c00050000000800076265636bc3b66e000d6170702e656e676167652e310b6170702e656e6761676540000000000000010003ffffffff010003076576656e74730300000000001fffffffffffffffffffff0000000000820000000000000000ffffffff000000c901' +
        '78'.repeat(200) +
        '02000000010000000000000005ffffffff00000000',
    );
  });

  test('batches of several topics, one of a length of two bytes', () => {
    const large = Buffer.from(Array.from({ length: 300 }, (_, i) => i % 256));
    const batches = [
      { topic: 'out', partition: 0, bytes: large },
      { topic: 'chängelog', partition: 1, bytes: Buffer.from([4]) },
      { topic: 'out', partition: 2, bytes: Buffer.from([1, 2, 3]) },
    ];
    const head = { apiKey: 0, apiVersion: 12, correlationId: 9, clientId };
    expect(hex(addingFrame(head, 'app.engage.1', batches))).toBe(
      '0000017d0000000c0000000900076265636bc3b66e000d6170702e656e676167652e31ffff0000753003046f75740300000000ad02' +
        large.toString('hex') +
        '00000000020401020300000b6368c3a46e67656c6f6702000000010204000000',
    );
  });
});

describe('an answer is read as Kafka writes it:', () => {
  test('the versions that are taken and the features in force, which are not those that are known', () => {
    const { versions, features } = readApiVersions(
      payload(
        '00000300000000000d00001a00000005000000000003001a02147472616e73616374696f6e2e76657273696f6e0000000300' +
          '0108000000000000000c023003116d657461646174612e76657273696f6e001e001900147472616e73616374696f6e2e76657273696f6e0002000100',
      ),
    );
    expect([...versions]).toEqual([
      [0, 13],
      [26, 5],
    ]);
    expect([...features]).toEqual([
      ['metadata.version', 30],
      ['transaction.version', 2],
    ]);
  });

  test('that the version of the question is not known', () => {
    // As the oldest version has it, of which only the code is read.
    const { versions, features } = readApiVersions(payload('002300000001001200000002'));
    expect(versions.size + features.size).toBe(0);
  });

  test('where batches are, and what is wrong with each', () => {
    const { produced, throttleTime } = readAdding(
      payload(
        '0003046f757403000000000000001fffffffffffffffffffffffffffff0000000000000003010000000000020006ffffffffffffffffff' +
          'ffffffffffffffffffffffffffffff03000000010677726f6e6700000000020000066d6f766564010009000000030000000900000a6368' +
          '616e67656c6f6702000000010078ffffffffffffffffffffffffffffffffffffffffffffffff010000000000002801000d02000000030268000023840000',
      ),
    );
    expect(throttleTime).toBe(40);
    expect(produced.map(({ error, ...where }) => ({ ...where, error: errorType(error) }))).toEqual([
      { topic: 'out', partition: 0, offset: Number.MAX_SAFE_INTEGER, error: undefined },
      { topic: 'out', partition: 2, offset: -1, error: 'NOT_LEADER_FOR_PARTITION' },
      { topic: 'changelog', partition: 1, offset: -1, error: 'TRANSACTION_ABORTABLE' },
    ]);
    const [, moved, abortable] = produced.map(({ error }) => error);
    expect([isTransient(moved), isTransient(abortable), isFenced(abortable), mayPass(abortable)]).toEqual([
      ...[true, false, false, true],
    ]);
  });

  test('the id for the next transaction', () => {
    const ended = readEnded(payload('000000000200004000000000000002000000'));
    const next = { producerId: '4611686018427387906', producerEpoch: 0 };
    expect(ended).toEqual({ error: undefined, throttleTime: 2, next });
  });

  test('that another owner has the transactional id', () => {
    const { error } = readEnded(payload('0000000000005affffffffffffffffffff00'));
    expect([errorType(error), isFenced(error), isTransient(error)]).toEqual(['PRODUCER_FENCED', true, false]);
  });

  test('that some of several offsets were refused, by the first of the errors', () => {
    const { error, throttleTime } = readOffsetsCommitted(
      payload(
        '000000000104076576656e7473030000000000000000000001003300000970726f66696c657302000000010033000009636f6e73656e747302000000010010000000',
      ),
    );
    expect([errorType(error), isTransient(error), throttleTime]).toEqual(['CONCURRENT_TRANSACTIONS', true, 1]);
  });
});

test('an answer that ends too soon is no answer', () => {
  const whole = '000000000200004000000000000002000000';
  // But for the end of it, where there is nothing to be read.
  for (let end = 0; end < whole.length - 2; end += 2)
    expect(() => readEnded(payload(whole.slice(0, end)))).toThrow(RangeError);
  expect(() => readOffsetsCommitted(payload('000000000102076576656e'))).toThrow(RangeError);
});
