import { expect, test } from 'vitest';
import { RegistryUnavailable } from '../schemas/confluent-registry.ts';
import { Metrics } from './metrics.ts';
import { observedRegistry } from './observed-registry.ts';
import { parseExposition, total } from './testing/exposition.ts';

const read = async (metrics: Metrics) => parseExposition((await metrics.scrape()).text);

test('counts the records of a restore while it goes on, and those of one that began anew', async () => {
  const metrics = new Metrics({ version: '0' });
  const task = { group: 'engage', partition: 2 };
  const records = async (): Promise<number> => total(await read(metrics), 'beckon_restore_records_total');
  metrics.restoring(task, 100);
  metrics.restoring(task, 250);
  expect(await records()).toBe(250);
  // The first restore failed; another begins.
  metrics.restoring(task, 40);
  metrics.restored(task, 60, 1500);
  expect(await records()).toBe(310);
  // The next one of the same task replays the tail alone.
  metrics.restored(task, 5, 10);
  expect(await records()).toBe(315);
  expect(total(await read(metrics), 'beckon_task_restores_total', { topology: 'engage', partition: '2' })).toBe(2);
});

test('counts what a commit took once it is on the log, and nothing of one that failed', async () => {
  const metrics = new Metrics({ version: '0' });
  const task = { group: 'engage', partition: 0 };
  const taken = { processed: 3, late: 1, duplicate: 0, timersFired: 2, deadLetters: ['not-avro'] };
  metrics.committing(task, taken);
  metrics.committing(task, taken)(20);
  const families = await read(metrics);
  expect(total(families, 'beckon_records_processed_total')).toBe(3);
  expect(total(families, 'beckon_dead_letters_total', { code: 'not-avro' })).toBe(1);
  expect(total(families, 'beckon_commits_total')).toBe(1);
});

test('tells of a registry that fails, and of ids that it does not know', async () => {
  const metrics = new Metrics({ version: '0' });
  const registry = observedRegistry(
    { register: () => Promise.reject(new RegistryUnavailable('away')), schema: async () => undefined },
    metrics,
  );
  await expect(registry.register({} as never)).rejects.toThrow('away');
  expect(await registry.schema(7)).toBeUndefined();
  const families = await read(metrics);
  expect(total(families, 'beckon_registry_errors_total', { kind: 'unavailable' })).toBe(1);
  expect(total(families, 'beckon_registry_errors_total', { kind: 'unknown-id' })).toBe(1);
});

test('tells for how long the log is silent, though nothing is there to be read, and the lag of what it does tell', async () => {
  let now = 1000;
  const metrics = new Metrics({ version: '0', stopwatch: { now: () => now } });
  const silent = new Set([0, 1]);
  const endOffset = async ({ partition }: { readonly partition: number }): Promise<number> => {
    if (silent.has(partition)) throw new Error('no broker answers');
    return 7;
  };
  const sink = { phase: 'running', positions: { sends: 5 }, atEnd: [], available: true, quiet: true } as const;
  const sinks = [0, 1].map((partition) => ({ ...sink, task: `deliver.${partition}` }));
  metrics.watch({ log: { endOffset }, time: 'wall', status: () => ({ tasks: [], sinks }) });
  const look = async (): Promise<[silence: number, lag: number]> => {
    const families = await read(metrics);
    return [total(families, 'beckon_log_silent_seconds'), total(families, 'beckon_sink_lag_records')];
  };
  now += 90_000;
  expect(await look()).toEqual([90, 0]);
  silent.delete(0);
  now += 5000;
  expect(await look()).toEqual([95, 2]);
});

test('a log that answers is not silent', async () => {
  let now = 1000;
  const metrics = new Metrics({ version: '0', stopwatch: { now: () => now } });
  const sinks = [
    { task: 'deliver.0', phase: 'running', positions: { sends: 5 }, atEnd: [], available: true, quiet: true },
  ] as const;
  metrics.watch({ log: { endOffset: async () => 5 }, time: 'wall', status: () => ({ tasks: [], sinks }) });
  now += 90_000;
  expect(total(await read(metrics), 'beckon_log_silent_seconds')).toBe(0);
});
