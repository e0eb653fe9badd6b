import { expect, test } from 'vitest';
import type { NewRecord } from '../runtime/log.ts';
import { GroupAppender, LogUnavailable } from './group-appender.ts';

const record = (timestamp: number): NewRecord => ({ topic: 't', partition: 0, timestamp, key: null, value: null });

/** A log whose appends end when they are told to. */
function heldLog() {
  const appends: { readonly times: readonly number[]; readonly end: (error?: Error) => void }[] = [];
  const append = (records: readonly NewRecord[]): Promise<readonly number[]> => {
    const { promise, resolve, reject } = Promise.withResolvers<readonly number[]>();
    const times = records.map(({ timestamp }) => timestamp);
    appends.push({ times, end: (error) => (error === undefined ? resolve([]) : reject(error)) });
    return promise;
  };
  return { append, appends };
}

test('what comes while an append is under way goes with the next one, in order', async () => {
  const log = heldLog();
  const appender = new GroupAppender(log);
  const all = [appender.append([record(1)]), appender.append([record(2), record(3)]), appender.append([record(4)])];
  expect(log.appends.map(({ times }) => times)).toEqual([[1]]);
  log.appends[0]?.end();
  await all[0];
  expect(log.appends.map(({ times }) => times)).toEqual([[1], [2, 3, 4]]);
  log.appends[1]?.end();
  await Promise.all(all);
  const later = appender.append([record(5)]);
  log.appends[2]?.end();
  await later;
  expect(log.appends).toHaveLength(3);
});

test('all whose records were in an append that failed are told, and the next ones go on', async () => {
  const log = heldLog();
  const appender = new GroupAppender(log);
  const failing = appender.append([record(1)]);
  const following = appender.append([record(2)]);
  log.appends[0]?.end(new Error('away'));
  await expect(failing).rejects.toThrow(LogUnavailable);
  log.appends[1]?.end();
  await following;
});
