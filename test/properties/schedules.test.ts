import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { campaignToJson, parseCampaign } from '../../schemas/campaign.ts';
import { Definitions } from '../../schemas/definitions.ts';
import type { UserEvent, UserProfile } from '../../schemas/types.ts';
import { engage } from '../../topologies/engage.ts';
import { pace } from '../../topologies/pace.ts';
import { DAY } from '../oracle/common.ts';
import { momentsOf, type OracleSchedule, type ScheduledCampaign, type ScheduleInput } from '../oracle/schedules.ts';
import { runEngine } from './engine.ts';
import { sorted } from './lines.ts';
import { runs } from './runs.ts';

const STEP = 15 * 60_000;
/** So long before changes of clocks that each lies within: Berlin, New York, Cairo; Lord Howe's is of half an hour. */
const BASES = [Date.UTC(2026, 2, 5), Date.UTC(2026, 3, 1), Date.UTC(2026, 3, 20), Date.UTC(2026, 9, 22)];
const SPAN = 1300;
const NEAR = [
  ...['America/New_York', 'Africa/Cairo', 'Europe/Berlin', 'Australia/Lord_Howe', 'Africa/Nairobi', 'Asia/Kathmandu'],
  ...['Pacific/Kiritimati', 'Pacific/Pago_Pago'],
];
const ZONES = Intl.supportedValuesOf('timeZone');
const USERS = ['u1', 'u2', 'ü3', 'u4'];

const zone = fc.oneof(fc.constantFrom(...NEAR), fc.constantFrom(...ZONES), fc.constantFrom(null, 'Nowhere/Town'));
const time = fc.oneof(fc.constantFrom('00:00', '00:30', '01:30', '02:00', '02:15', '02:30', '03:00', '09:00', '23:45'));
const days = fc.subarray(['monday', 'thursday', 'saturday', 'sunday'], { minLength: 1 });
const dayText = (base: number, day: number): string => new Date(base + day * DAY).toISOString().slice(0, 10);

function schedules(base: number): fc.Arbitrary<OracleSchedule> {
  const distance = fc.constantFrom({}, { before: '1d' }, { before: '3d' }, { after: '1d' }, { after: '2d' });
  return fc.oneof(
    fc.record({ every: fc.constant('day' as const), at: time }),
    fc.record({ every: days, at: time }),
    fc.record({ every: fc.constant('month' as const), day: fc.constantFrom(1, 15, 29, 30, 31), at: time }),
    fc.tuple(distance, time).map(([around, at]) => ({ attribute: 'due', ...around, at })),
    fc.tuple(fc.nat(13), time, fc.constantFrom('', 'Z', '+03:00', '-05:30')).map(([day, at, suffix]) => ({
      at: `${dayText(base, day)}T${at}${suffix}`,
    })),
  );
}

/** Files in order. */
const worlds: fc.Arbitrary<ScheduleInput> = fc.constantFrom(...BASES).chain((base) => {
  const instant = fc
    .tuple(fc.nat(SPAN), fc.constantFrom(0, 0, 0, 1, -1))
    .map(([step, off]) => base + step * STEP + off);
  const user = fc.constantFrom(...USERS);
  const due = fc.option(
    fc
      .tuple(fc.nat(14), fc.constantFrom('', 'T23:45:00Z', 'T01:00:00Z', 'T10:00'))
      .map(([d, t]) => dayText(base, d) + t),
  );
  const campaign = fc.record({
    id: fc.constantFrom('a', 'b', 'c'),
    version: fc.constant(1),
    effectiveFrom: fc.oneof(fc.constant(0), instant),
    active: fc.constantFrom(true, true, true, false),
    schedule: schedules(base),
  });
  return fc.record({
    events: fc
      .array(fc.record({ userId: user, occurredAt: instant }), { maxLength: 12 })
      .map((list) => list.sort((a, b) => a.occurredAt - b.occurredAt).map(eventOf)),
    profiles: fc
      .array(fc.record({ userId: user, updatedAt: fc.oneof(instant, fc.constant(base - 90 * DAY)), zone, due }), {
        minLength: 1,
        maxLength: 8,
      })
      .map((list) => list.sort((a, b) => a.updatedAt - b.updatedAt).map(profileOf)),
    campaigns: fc
      .array(campaign, { minLength: 1, maxLength: 5 })
      .map((list) => list.map((one, i): ScheduledCampaign => ({ ...one, version: i + 1 }))),
    until: fc.nat(SPAN + 200).map((step) => base + step * STEP),
  });
});

function eventOf({ userId, occurredAt }: Pick<UserEvent, 'userId' | 'occurredAt'>, i: number): UserEvent {
  return { eventId: `e${i}`, tenantId: 'default', userId, sessionId: null, occurredAt, type: 'view', properties: {} };
}

interface ProfileRow extends Pick<UserProfile, 'userId' | 'updatedAt'> {
  readonly zone: string | null;
  readonly due: string | null;
}

function profileOf({ userId, updatedAt, zone: timezone, due }: ProfileRow): UserProfile {
  return {
    ...{ tenantId: 'default', userId, timezone, locale: null, contacts: {}, channelPreferences: [] },
    ...{ customerType: null, device: null, notificationFrequency: null, attributes: { due }, groups: [], updatedAt },
  };
}

function definitionsOf(campaigns: readonly ScheduledCampaign[]): Definitions {
  const definitions = new Definitions();
  for (const { id, version, effectiveFrom, active, schedule } of campaigns) {
    const status = active ? 'active' : 'paused';
    const file = { id, status, class: 'transactional', trigger: { schedule }, channels: ['sms'] };
    const parsed = parseCampaign({ ...file, content: { text: 'hi' }, dedupe: { window: '1s' } });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const definition = campaignToJson(parsed.value);
    definitions.apply({ tenantId: 'default', campaignId: id, version, effectiveFrom, definition });
  }
  return definitions;
}

describe('the moments of schedules', () => {
  it.each([1, 4])(
    'are those of the oracle in every zone, whatever profiles change, on %d partitions',
    async (partitions) => {
      let found = 0;
      const property = fc.asyncProperty(worlds, async (world) => {
        const definitions = definitionsOf(world.campaigns);
        const run = await runEngine(
          {
            ...{ events: world.events, profiles: world.profiles, consents: [], sendRequests: [], campaigns: [] },
            ...{ policy: { gapMs: STEP, thresholds: [DAY], caps: [] }, lateness: 0, until: world.until },
          },
          { partitions, build: () => [engage(definitions), pace(definitions)] },
        );
        const asked = run.decisions.map((d) => `${d.userId} ${d.campaignId} ${new Date(d.requestedAt).toISOString()}`);
        const expected = momentsOf(world).map((m) => `${m.userId} ${m.campaignId} ${new Date(m.at).toISOString()}`);
        expect(sorted(asked)).toEqual(sorted(expected));
        found += expected.length;
      });
      await fc.assert(property, runs(80));
      expect(found).toBeGreaterThan(80);
    },
  );
});

describe('a simulation without an end', () => {
  it('goes on until nothing but schedules that recur is pending, and leaves no message behind', async () => {
    const at = '23:30';
    const definitions = definitionsOf([
      { id: 'a', version: 1, effectiveFrom: 0, active: true, schedule: { every: 'day', at } },
      { id: 'b', version: 1, effectiveFrom: 0, active: true, schedule: { at: '2026-03-20T10:00' } },
    ]);
    const base = BASES[0] as number;
    const profile = profileOf({ userId: 'u1', updatedAt: base, zone: 'UTC', due: null });
    const consents = [{ tenantId: 'default', userId: 'u1', purpose: 'marketing', channel: null, granted: true }];
    const run = await runEngine(
      {
        ...{ events: [eventOf({ userId: 'u1', occurredAt: base }, 0)], sendRequests: [], campaigns: [] },
        profiles: [{ ...profile, contacts: { sms: '1' } }],
        consents: consents.map((c) => ({ ...c, version: null, source: null, changedAt: base })),
        ...{ policy: { gapMs: STEP, thresholds: [DAY, 30 * DAY], caps: [] }, lateness: 0 },
      },
      { build: () => [engage(definitions), pace(definitions)] },
    );
    const asked = run.decisions.filter((d) => d.campaignId === 'a').map((d) => d.requestedAt);
    // Until the silence of thirty days is certain.
    expect(asked).toHaveLength(30);
    expect(asked.at(-1)).toBe(Date.UTC(2026, 3, 3, 23, 30));
    expect(run.decisions.filter((d) => d.campaignId === 'b').map((d) => d.requestedAt)).toEqual([
      Date.UTC(2026, 2, 20, 10),
    ]);
    expect(new Set(run.decisions.map((d) => d.outcome))).toEqual(new Set(['sent']));
  });

  it('ends where messages of a schedule are always due after its next moment', async () => {
    const parsed = parseCampaign({
      ...{ id: 'a', class: 'transactional', trigger: { schedule: { every: 'day', at: '09:00' } }, channels: ['sms'] },
      ...{
        content: { text: 'hi' },
        dedupe: { window: '1s' },
        schedule: { quietHours: '09:00-08:59', expiresAfter: '3d' },
      },
    });
    if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
    const definitions = new Definitions();
    const definition = campaignToJson(parsed.value);
    definitions.apply({ tenantId: 'default', campaignId: 'a', version: 1, effectiveFrom: 0, definition });
    const base = BASES[0] as number;
    const run = await runEngine(
      {
        ...{ events: [eventOf({ userId: 'u1', occurredAt: base }, 0)], consents: [], sendRequests: [], campaigns: [] },
        profiles: [{ ...profileOf({ userId: 'u1', updatedAt: base, zone: 'UTC', due: null }), contacts: { sms: '1' } }],
        ...{ policy: { gapMs: STEP, thresholds: [3 * DAY], caps: [] }, lateness: 0 },
      },
      { build: () => [engage(definitions), pace(definitions)] },
    );
    const outcomes = run.decisions.map((d) => d.outcome);
    expect(outcomes.filter((o) => o === 'scheduled')).toHaveLength(outcomes.filter((o) => o !== 'scheduled').length);
    expect(outcomes.length).toBeGreaterThan(0);
  });
});
