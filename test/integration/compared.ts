// Whether a log has what `simulate` gives.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { jsonForm } from '../../schemas/json-form.ts';
import { decisions, outcomes, sends, sessions, signals, type Topic } from '../../schemas/topics.ts';
import type { Outcome } from '../../schemas/types.ts';
import { newestOutcomes } from '../outcomes.ts';

export const OUTPUTS: readonly Topic<unknown>[] = [sessions, signals, decisions, sends, outcomes];
/** Fewer would hardly tell anything. */
const LEAST = 100;

/** The values of an output, in the order of the log, are those in the folder that `simulate` wrote: as sets, each once. */
export function expectSimulated(out: string, topic: Topic<unknown>, values: readonly unknown[]): void {
  const form = jsonForm(topic);
  const comparable = (all: readonly unknown[]): readonly string[] => {
    const told = topic === outcomes ? newestOutcomes(all as readonly Outcome[]) : all;
    return told.map((value) => form.write(value)).sort();
  };
  const lines = comparable(values);
  const expected = comparable(linesOf(join(out, `${topic.name}.ndjson`)).map((line) => form.read(JSON.parse(line))));
  expect(expected.length, topic.name).toBeGreaterThan(LEAST);
  expect(lines.length, topic.name).toBe(expected.length);
  expect(lines.filter((line, i) => line !== expected[i]).slice(0, 3), topic.name).toEqual([]);
}

export function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}
