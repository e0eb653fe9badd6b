import { describe, expect, test } from 'vitest';
import type { Log } from '../runtime/log.ts';
import { deadLetter } from '../runtime/serde.ts';
import { DEAD_LETTERS, events, sends } from '../schemas/topics.ts';
import { listDeadLetters, REPLAYED_FROM, replayDeadLetters } from './dead-letters.ts';
import { topicLines } from './reader.ts';
import { openLog } from './testing/instance.ts';

const PARTITIONS = 2;

/** A log with dead letters of `offsets`, from partition 0 of a topic that has its own. */
async function logWith(topic: string, offsets: readonly number[], tenantId = 'default'): Promise<Log> {
  const { log } = await openLog(PARTITIONS);
  await log.createTopics([{ topic: DEAD_LETTERS, partitions: PARTITIONS, cleanup: 'delete' }]);
  await log.append(
    offsets.map((offset) => {
      const record = {
        key: Buffer.from(`${tenantId}/u${offset}`),
        value: Buffer.from([offset]),
        timestamp: offset,
        offset,
      };
      return deadLetter(record, { topic, partition: 0 }, { code: 'not-avro', message: 'no' });
    }),
  );
  return log;
}

async function recordsOf(log: Log, topic: string): Promise<string[]> {
  const all: string[] = [];
  for (let partition = 0; partition < PARTITIONS; partition++) {
    for (const { key, value, timestamp, headers } of await log.read({ topic, partition }, 0, 100))
      all.push(`${key} ${value?.[0]} ${timestamp} ${headers[REPLAYED_FROM]}`);
  }
  return all.sort();
}

describe('a replay', () => {
  test('puts keys, values and times back as they were, and says where they come from', async () => {
    const log = await logWith(events.topic, [5, 7]);
    expect(await replayDeadLetters(log, {})).toEqual({
      replayed: { [events.topic]: 2 },
      already: 0,
      internal: 0,
      lost: 0,
    });
    expect(await recordsOf(log, events.topic)).toEqual(['default/u5 5 5 0:0', 'default/u7 7 7 0:1']);
  });

  test('that can not commit has put nothing back, and the next one does it', async () => {
    const log = await logWith(events.topic, [5, 7]);
    const failing: Log = Object.create(log, {
      partitions: { value: log.partitions.bind(log) },
      endOffset: { value: log.endOffset.bind(log) },
      read: { value: log.read.bind(log) },
      openTask: {
        value: async (group: string, partition: number) => {
          const task = await log.openTask(group, partition);
          // A later owner fences this one before it commits.
          await log.openTask(group, partition);
          return task;
        },
      },
    });
    await expect(replayDeadLetters(failing, {})).rejects.toMatchObject({ name: 'TaskFenced' });
    expect(await recordsOf(log, events.topic)).toEqual([]);
    expect(await replayDeadLetters(log, {})).toMatchObject({ replayed: { [events.topic]: 2 }, already: 0 });
    expect(await replayDeadLetters(log, {})).toMatchObject({ replayed: {}, already: 2 });
    expect(await recordsOf(log, events.topic)).toHaveLength(2);
  });

  test('of one place takes that one alone', async () => {
    const log = await logWith(events.topic, [5, 7, 9]);
    const place = { partition: 0, offset: 1 };
    expect(await replayDeadLetters(log, { place })).toMatchObject({ replayed: { [events.topic]: 1 } });
    expect(await recordsOf(log, events.topic)).toEqual(['default/u7 7 7 0:1']);
    expect(await replayDeadLetters(log, {})).toMatchObject({ replayed: { [events.topic]: 2 }, already: 1 });
  });

  test('leaves what Beckon wrote where it is, unless its topic is named', async () => {
    const log = await logWith(sends.topic, [5]);
    expect(await replayDeadLetters(log, {})).toEqual({ replayed: {}, already: 0, internal: 1, lost: 0 });
    expect(await replayDeadLetters(log, { topic: 'sends' })).toMatchObject({ replayed: { [sends.topic]: 1 } });
  });

  test('counts what is of a topic that is not there', async () => {
    const log = await logWith('gone', [5]);
    expect(await replayDeadLetters(log, { topic: 'gone' })).toEqual({ replayed: {}, already: 0, internal: 0, lost: 1 });
  });
});

test('those of one tenant are told by their keys, and go back alone', async () => {
  const log = await logWith(events.topic, [5, 7], 'acme');
  const filtered = async (tenant: string): Promise<number> => (await listDeadLetters(log, { tenant }, 9)).matching;
  expect([await filtered('acme'), await filtered('acm'), await filtered('default')]).toEqual([2, 0, 0]);
  expect(await replayDeadLetters(log, { tenant: 'default' })).toMatchObject({ replayed: {} });
  expect(await replayDeadLetters(log, { tenant: 'acme' })).toMatchObject({ replayed: { [events.topic]: 2 } });
});

test('all of them can be read, also one whose time no date has', async () => {
  const { log, serde } = await openLog(PARTITIONS);
  await log.createTopics([{ topic: DEAD_LETTERS, partitions: PARTITIONS, cleanup: 'delete' }]);
  const record = { key: null, value: Buffer.from('x'), timestamp: 9e15, offset: 3 };
  await log.append([deadLetter(record, { topic: 'events', partition: 1 }, { code: 'not-avro', message: 'no' })]);
  let text = '';
  for await (const piece of topicLines(log, serde, 'dead-letters')) text += piece;
  expect(JSON.parse(text)).toEqual({
    ...{ topic: 'events', partition: 1, offset: 3, code: 'not-avro', message: 'no', time: '9000000000000000' },
    ...{ key: null, valueBase64: 'eA==' },
  });
});

test('a list shows the newest, oldest first, and counts the others', async () => {
  const log = await logWith(events.topic, [5, 9, 7, 3]);
  const { lines, matching } = await listDeadLetters(log, { since: 4 }, 2);
  expect([matching, lines.map(({ offset }) => offset)]).toEqual([3, [7, 9]]);
  expect(lines[0]).not.toHaveProperty('valueBase64');
});
