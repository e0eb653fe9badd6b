import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Definitions, POLICY_ID } from '../../schemas/definitions.ts';
import { formatDuration } from '../../schemas/durations.ts';
import { parsePolicy, policyToJson } from '../../schemas/policy.ts';
import type { UserEvent, UserProfile } from '../../schemas/types.ts';
import { engage } from '../../topologies/engage.ts';
import { pace } from '../../topologies/pace.ts';
import { DAY, HOUR } from '../oracle/common.ts';
import { changesOf, type SegmentCondition, type SegmentInput } from '../oracle/segments.ts';
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
      for (const userId of USERS) {
        const line = (kind: string, segment: unknown, at: number): string =>
          `${kind} ${segment} ${new Date(at).toISOString()}`;
        expect(told.filter((s) => s.userId === userId).map((s) => line(s.kind, s.facts.segment, s.firedAt))).toEqual(
          expected.filter((c) => c.userId === userId).map((c) => line(c.kind, c.segment, c.at)),
        );
      }
      found += expected.length;
    });
    await fc.assert(property, runs(300));
    expect(found).toBeGreaterThan(300);
  });
});
