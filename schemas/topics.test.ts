import { readdirSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import * as cells from './cells.ts';
import { recordOf } from './testing/arbitrary.ts';
import { allTopics, keyOf, topicNamed } from './topics.ts';

describe('topics', () => {
  it('are one for each schema file, under its name', () => {
    const files = readdirSync(new URL('./avsc/', import.meta.url)).map((file) => file.replace('.avsc', ''));
    expect(allTopics.map((t) => t.name).sort()).toEqual(files.sort());
    for (const topic of allTopics) expect(topic.topic).toBe(`engagement.${topic.name}`);
  });

  it('are found by short and by full name', () => {
    for (const topic of allTopics) expect([topicNamed(topic.name), topicNamed(topic.topic)]).toEqual([topic, topic]);
    expect(topicNamed('constructor')).toBeUndefined();
  });

  it.each(allTopics.map((topic) => [topic.name, topic] as const))('%s take key and time from the value', (_, topic) => {
    const id = topic.keyed === 'user' ? 'userId' : 'campaignId';
    fc.assert(
      fc.property(recordOf<Record<string, string>>(topic.schema), (value) => {
        expect(topic.keyOf(value)).toBe(keyOf(value.tenantId as string, value[id] as string));
        expect(topic.timeOf(value)).toBeGreaterThanOrEqual(0);
      }),
      { numRuns: 10 },
    );
  });
});

describe('cells', () => {
  const { budgetLedger, reservation, budgetDay, ...ofUsers } = cells;

  it('have a tag of their own among those of their key', () => {
    for (const family of [Object.values(ofUsers), [budgetLedger, reservation, budgetDay]]) {
      expect(new Set(family.map((cell) => cell.tag)).size).toBe(family.length);
      expect(new Set(family.map((cell) => cell.name)).size).toBe(family.length);
      for (const { tag } of family) expect(tag >= 0 && tag <= 255).toBe(true);
    }
  });

  it('are one for each state schema, and the profile', () => {
    const files = readdirSync(new URL('./state/', import.meta.url)).map((file) => file.replace('.avsc', ''));
    expect(
      Object.values(cells)
        .map((cell) => cell.name)
        .sort(),
    ).toEqual([...files, 'profiles'].sort());
  });
});
