import { describe, expect, test } from 'vitest';
import { DAY_MS } from '../../schemas/durations.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { zoneOrUtc } from '../../schemas/local-time.ts';
import { consents, events, profiles, type Topic } from '../../schemas/topics.ts';
import { type Population, population } from './population.ts';

const FROM = Date.UTC(2026, 0, 5);
const people = population({ users: 400 });

describe('the population of the demo', () => {
  test('is the same for the same seed and another for another', () => {
    expect(population({ users: 50 })).toEqual(population({ users: 50 }));
    expect(population({ users: 50, seed: 2 })).not.toEqual(population({ users: 50 }));
  });

  test('begins with the smaller one when it is larger', () => {
    const few = population({ users: 20 });
    const ids = new Set(few.profiles.map((p) => p.userId));
    expect(population({ users: 40 }).events.filter((e) => ids.has(e.userId))).toEqual(few.events);
  });

  test.each([
    ['profiles', profiles, people.profiles],
    ['consents', consents, people.consents],
    ['events', events, people.events],
  ] as [string, Topic<unknown>, readonly unknown[]][])(
    '%s are in the JSON form and in order of time',
    (_, topic, records) => {
      const form = jsonForm(topic);
      let last = 0;
      for (const record of records) {
        expect(form.read(JSON.parse(form.write(record)))).toEqual(record);
        expect(topic.timeOf(record)).toBeGreaterThanOrEqual(last);
        last = topic.timeOf(record);
      }
    },
  );

  test('makes about a hundred events a user in a month, with ids of their own', () => {
    expect(people.events.length / 400).toBeGreaterThan(75);
    expect(people.events.length / 400).toBeLessThan(150);
    expect(new Set(people.events.map((e) => e.eventId)).size).toBe(people.events.length);
    expect(people.events[0]?.occurredAt).toBeGreaterThanOrEqual(FROM - DAY_MS);
    expect(people.events.at(-1)?.occurredAt).toBeLessThan(FROM + 31 * DAY_MS);
  });

  test('sleeps at night in its own zones', () => {
    const zones = new Map(people.profiles.map((p) => [p.userId, zoneOrUtc(p.timezone).zone]));
    const hours = new Array<number>(24).fill(0);
    for (const { userId, occurredAt, sessionId } of people.events) {
      if (sessionId === null) continue;
      const local = occurredAt + (zones.get(userId)?.offsetAt(occurredAt) ?? 0);
      const hour = Math.floor((local % DAY_MS) / 3_600_000);
      hours[hour] = (hours[hour] ?? 0) + 1;
    }
    const between = (from: number, to: number): number =>
      hours.slice(from, to).reduce((a, b) => a + b, 0) / (to - from);
    expect(between(18, 22)).toBeGreaterThan(10 * between(2, 5));
  });

  test('leaves carts, misses deposits, falls silent and comes back', () => {
    const count = (type: string): number => people.events.filter((e) => e.type === type).length;
    expect(count('add_to_cart')).toBeGreaterThan(count('purchase'));
    for (const type of ['purchase', 'savings_deposit', 'savings_deposit_missed'])
      expect(count(type)).toBeGreaterThan(50);
    expect(longestSilences(people).filter((ms) => ms >= 7 * DAY_MS).length).toBeGreaterThan(20);
  });

  test('mostly agrees, and some revoke midway', () => {
    const asked = new Set(people.consents.map((c) => c.userId));
    expect(asked.size).toBeGreaterThan(320);
    expect(asked.size).toBeLessThan(400);
    const revoked = people.consents.filter((c) => !c.granted);
    expect(revoked.length).toBeGreaterThan(15);
    expect(revoked.every((c) => c.changedAt > FROM)).toBe(true);
  });

  test('has addresses that reach nobody', () => {
    for (const { contacts } of people.profiles) {
      expect(contacts.sms).toMatch(/^\+10{6}\d{4}$/);
      if (contacts.email !== undefined) expect(contacts.email).toMatch(/@example\.com$/);
    }
  });
});

/** Each user's longest time between two events of their own, ms. */
function longestSilences({ events: all }: Population): readonly number[] {
  const last = new Map<string, number>();
  const longest = new Map<string, number>();
  for (const { userId, occurredAt } of all) {
    const silence = occurredAt - (last.get(userId) ?? occurredAt);
    longest.set(userId, Math.max(longest.get(userId) ?? 0, silence));
    last.set(userId, occurredAt);
  }
  return [...longest.values()];
}
