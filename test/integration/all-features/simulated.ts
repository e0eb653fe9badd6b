// What `simulate` gives for people and the answers to what they are sent, and whether a log has the same.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'vitest';
import { runSimulation } from '../../../cli/simulation.ts';
import { jsonForm } from '../../../schemas/json-form.ts';
import type { Policy } from '../../../schemas/policy.ts';
import {
  consents,
  decisions,
  events,
  outcomes,
  profiles,
  receipts,
  sendRequests,
  sends,
  sessions,
  signals,
  type Topic,
} from '../../../schemas/topics.ts';
import type { Outcome, Receipt, SendCommand } from '../../../schemas/types.ts';
import { campaigns } from './definitions.ts';
import { answersTo, type People, UNTIL } from './people.ts';

export const OUTPUTS: readonly Topic<unknown>[] = [sessions, signals, decisions, sends, outcomes];
const MOST_ROUNDS = 20;

/** Simulates into `folder/out` until the receipts answer exactly the messages that are sent with them; resolves to those. */
export async function simulated(folder: string, all: People, policy: Policy): Promise<readonly Receipt[]> {
  const inputs = {
    events: write(folder, events, all.events),
    profiles: write(folder, profiles, all.profiles),
    consents: write(folder, consents, all.consents),
    sendRequests: write(folder, sendRequests, all.sendRequests),
  };
  const out = join(folder, 'out');
  let known: readonly Receipt[] = [];
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const given = write(folder, receipts, known);
    await runSimulation({ ...inputs, receipts: given, campaigns, policy, until: UNTIL, out });
    const sent = linesOf(join(out, 'sends.ndjson')).map(
      (line) => jsonForm(sends).read(JSON.parse(line)) as SendCommand,
    );
    const answers = answersTo(sent);
    if (JSON.stringify(answers) === JSON.stringify(known)) return known;
    known = answers;
  }
  throw new Error('the receipts never came to answer what was sent');
}

/**
 * The values of an output, in the order of the log, are those in `folder/out`, each once. Outcomes are told again, under the
 * same id, where a message had to wait for pace: the newest holds.
 */
export function expectSimulated(folder: string, topic: Topic<unknown>, values: readonly unknown[]): void {
  const form = jsonForm(topic);
  const told = topic === outcomes ? newest(values as readonly Outcome[]) : values;
  const lines = told.map((value) => form.write(value)).sort();
  const expected = linesOf(join(folder, 'out', `${topic.name}.ndjson`)).sort();
  expect(expected.length, topic.name).toBeGreaterThan(100);
  expect(lines.length, topic.name).toBe(expected.length);
  expect(lines.filter((line, i) => line !== expected[i]).slice(0, 3), topic.name).toEqual([]);
}

/** Of each outcome what was told last. */
export function newest(told: readonly Outcome[]): readonly Outcome[] {
  return [...new Map(told.map((outcome) => [outcome.outcomeId, outcome])).values()];
}

function write<T>(folder: string, topic: Topic<T>, values: readonly T[]): string {
  const file = join(folder, `${topic.name}.ndjson`);
  const form = jsonForm(topic);
  writeFileSync(file, values.map((value) => `${form.write(value)}\n`).join(''));
  return file;
}

function linesOf(file: string): string[] {
  return readFileSync(file, 'utf8').split('\n').filter(Boolean);
}
