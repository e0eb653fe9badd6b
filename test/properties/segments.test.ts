import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Pipeline } from '../../runtime/pipeline.ts';
import type { SourceRecord } from '../../runtime/simulation.ts';
import { Definitions, POLICY_ID } from '../../schemas/definitions.ts';
import { formatDuration } from '../../schemas/durations.ts';
import { parsePolicy, policyToJson } from '../../schemas/policy.ts';
import { events, profiles, signals, type Topic } from '../../schemas/topics.ts';
import type { Signal, UserEvent, UserProfile } from '../../schemas/types.ts';
import { engage } from '../../topologies/engage.ts';
import { pace } from '../../topologies/pace.ts';
import { DAY, HOUR } from '../oracle/common.ts';
import { type Change, changesOf, type SegmentCondition, type SegmentInput } from '../oracle/segments.ts';
import { runEngine } from './engine.ts';
import { runs } from './runs.ts';

const BASE = Date.UTC(2026, 2, 2);
/** So coarse that windows, days and records meet. */
const STEP = 6 * HOUR;
const SPAN = 60;
const USERS = ['u1', 'u2', 'ü3'];
/** One of them is a property that every object has. */
const TYPES = ['view', 'buy', 'constructor', 'a@b'];

const metric: fc.Arbitrary<SegmentCondition> = fc
  .record(
    {
      metric: fc.constantFrom(
        'events' as const,
        'events' as const,
        'daysSinceFirstSeen' as const,
        'daysSinceLastSeen' as const,
      ),
      type: fc.constantFrom(...TYPES),
      windowMs: fc.constantFrom(STEP, DAY, 3 * DAY, 7 * DAY),
      op: fc.constantFrom('eq' as const, 'ne' as const, 'gt' as const, 'gte' as const, 'lt' as const, 'lte' as const),
      value: fc.constantFrom(0, 1, 1, 2, 3, 5, 1.5),
    },
    { requiredKeys: ['metric', 'op', 'value'] },
  )
  .map((made) => {
    if (made.metric === 'events') return made;
    const { type: _, windowMs: __, ...days } = made;
    return days;
  });
const leaf: fc.Arbitrary<SegmentCondition> = fc.oneof(
  { weight: 5, arbitrary: metric },
  { weight: 1, arbitrary: fc.constantFrom('KE', 'UG').map((eq) => ({ attribute: 'country', eq })) },
  { weight: 1, arbitrary: fc.constantFrom('a', 'b').map((group) => ({ group })) },
);
const condition: fc.Arbitrary<SegmentCondition> = fc.oneof(
  { weight: 4, arbitrary: leaf },
  { weight: 1, arbitrary: fc.array(leaf, { minLength: 1, maxLength: 3 }).map((all) => ({ all })) },
  { weight: 1, arbitrary: fc.array(leaf, { minLength: 1, maxLength: 3 }).map((any) => ({ any })) },
  { weight: 1, arbitrary: leaf.map((not) => ({ not })) },
);

const instant = fc
  .tuple(fc.nat(SPAN), fc.constantFrom(0, 0, 0, 0, 1, -1))
  .map(([step, off]) => BASE + step * STEP + off);
const user = fc.constantFrom('u1', 'u1', ...USERS);

/** Files in order. */
const worlds: fc.Arbitrary<SegmentInput> = fc.record({
  events: fc
    .array(fc.record({ userId: user, occurredAt: instant, type: fc.constantFrom(...TYPES) }), {
      maxLength: 25,
      size: 'max',
    })
    .map((list) => list.sort((a, b) => a.occurredAt - b.occurredAt).map(eventOf)),
  profiles: fc
    .array(
      fc.record({
        userId: user,
        updatedAt: fc.oneof(instant, fc.constant(BASE - 90 * DAY)),
        country: fc.constantFrom('KE', 'UG'),
        groups: fc.subarray(['a', 'b']),
      }),
      { maxLength: 6 },
    )
    .map((list) => list.sort((a, b) => a.updatedAt - b.updatedAt).map(profileOf)),
  segments: fc.dictionary(fc.constantFrom('s1', 's2', 's3'), condition, { minKeys: 1, maxKeys: 3 }),
  until: fc.integer({ min: 1, max: SPAN + 60 }).map((step) => BASE + step * STEP),
});

function eventOf(row: Pick<UserEvent, 'userId' | 'occurredAt' | 'type'>, i: number): UserEvent {
  return { eventId: `e${i}`, tenantId: 'default', sessionId: null, properties: {}, ...row };
}

interface ProfileRow extends Pick<UserProfile, 'userId' | 'updatedAt' | 'groups'> {
  readonly country: string;
}

function profileOf({ userId, updatedAt, country, groups }: ProfileRow): UserProfile {
  return {
    ...{ tenantId: 'default', userId, timezone: null, locale: null, contacts: {}, channelPreferences: [] },
    ...{ customerType: null, device: null, notificationFrequency: null, attributes: { country }, groups, updatedAt },
  };
}

function fileForm(asked: SegmentCondition): object {
  if ('all' in asked) return { all: asked.all.map(fileForm) };
  if ('any' in asked) return { any: asked.any.map(fileForm) };
  if ('not' in asked) return { not: fileForm(asked.not) };
  if (!('metric' in asked)) return asked;
  const { metric: counted, type, windowMs, op, value } = asked;
  const name = `${counted}${type === undefined ? '' : `.${type}`}`;
  return { metric: windowMs === undefined ? name : `${name}@${formatDuration(windowMs)}`, [op]: value };
}

function definitionsOf(segments: SegmentInput['segments']): Definitions {
  const definitions = new Definitions();
  const form = Object.fromEntries(Object.entries(segments).map(([name, asked]) => [name, fileForm(asked)]));
  const parsed = parsePolicy({ segments: form });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  const definition = policyToJson(parsed.value);
  definitions.apply({ tenantId: 'default', campaignId: POLICY_ID, version: 1, effectiveFrom: 0, definition });
  return definitions;
}

/** "segment-entered s1 2026-…", in order. */
function linesOf(told: readonly Signal[], userId: string): string[] {
  const own = told.filter((s) => s.kind.startsWith('segment-') && s.userId === userId);
  return own.map((s) => `${s.kind} ${s.facts.segment} ${new Date(s.firedAt).toISOString()}`);
}

function expectedLines(changes: readonly Change[], userId: string): string[] {
  const own = changes.filter((change) => change.userId === userId);
  return own.map((c) => `${c.kind} ${c.segment} ${new Date(c.at).toISOString()}`);
}

/** Events in order, each profile so long (ms, the numbers in turn) before its time, in their order, as tables are read ahead. */
function readAhead({ events: seen, profiles: known, until }: SegmentInput, leads: readonly number[]): SourceRecord[] {
  let last = Number.NEGATIVE_INFINITY;
  const tables = known
    .filter((profile) => profile.updatedAt < until)
    .map((value, i) => ({ value, at: value.updatedAt - (leads[i % leads.length] as number) }))
    // A profile is not read before one that stands before it: so that one is read no later.
    .reverse()
    .map(({ value, at }, i) => {
      last = i === 0 ? at : Math.min(last, at);
      return { topic: profiles as Topic<unknown>, value, line: 0, at: last, order: 0 };
    })
    .reverse();
  const streams = seen
    .filter((event) => event.occurredAt < until)
    .map((value) => ({ topic: events as Topic<unknown>, value, line: 0, at: value.occurredAt, order: 1 }));
  return [...tables, ...streams].sort((a, b) => a.at - b.at || a.order - b.order);
}

describe('segments entered and left', () => {
  it.each([1, 4])('are those of the oracle for files in order, on %d partitions', async (partitions) => {
    let found = 0;
    const property = fc.asyncProperty(worlds, async (world) => {
      const definitions = definitionsOf(world.segments);
      const run = await runEngine(
        {
          ...{ events: world.events, profiles: world.profiles, consents: [], sendRequests: [], campaigns: [] },
          ...{ policy: { gapMs: HOUR, thresholds: [DAY], caps: [] }, lateness: 0, until: world.until },
        },
        { partitions, build: () => [engage(definitions), pace(definitions)] },
      );
      const told = run.signals.filter((s) => s.kind.startsWith('segment-'));
      expect(new Set(told.map((s) => s.signalId)).size).toBe(told.length);
      const expected = changesOf(world);
      for (const userId of USERS) expect(linesOf(told, userId)).toEqual(expectedLines(expected, userId));
      found += expected.length;
    });
    await fc.assert(property, runs(300));
    expect(found).toBeGreaterThan(300);
  });

  it.each([1, 4])(
    'are the same however far ahead of events profiles are read, on %d partitions',
    async (partitions) => {
      let [found, ahead] = [0, 0];
      const leads = fc.array(fc.constantFrom(0, 1, STEP, 3 * DAY, 400 * DAY), { minLength: 1, maxLength: 6 });
      const property = fc.property(worlds, leads, (world, lead) => {
        // Time begins with an event: where there is none, it would begin with the newest profile, whenever that is read.
        fc.pre(world.events.some((event) => event.occurredAt < world.until));
        const definitions = definitionsOf(world.segments);
        const told: Signal[] = [];
        const pipeline = new Pipeline({
          topologies: [engage(definitions), pace(definitions)],
          partitions,
          lateness: 0,
          onOutput: (topic, value) => {
            if (topic === signals) told.push(value as Signal);
          },
          onFailure: (where, { message }) => {
            throw new Error(`${where}: ${message}`);
          },
        });
        for (const { topic, value } of readAhead(world, lead)) expect(pipeline.pipe(topic, value)).toBe('processed');
        pipeline.advance(world.until);
        expect(new Set(told.map((s) => s.signalId)).size).toBe(told.length);
        const expected = changesOf(world);
        for (const userId of USERS) expect(linesOf(told, userId)).toEqual(expectedLines(expected, userId));
        found += expected.length;
        if (lead.some((ms) => ms > 0)) ahead += world.profiles.length;
      });
      fc.assert(property, runs(300));
      expect(Math.min(found, ahead)).toBeGreaterThan(300);
    },
  );
});
