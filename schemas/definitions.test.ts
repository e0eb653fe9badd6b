import { beforeEach, describe, expect, it } from 'vitest';
import { Definitions } from './definitions.ts';
import { defaultPolicy } from './policy.ts';
import type { CampaignDefinition } from './types.ts';

const DAY = 86_400_000;
const campaign = (priority: number): object => ({
  id: 'c',
  name: 'C',
  class: 'marketing',
  priority,
  trigger: { event: 'view' },
  channels: ['sms'],
  content: { text: 'hi' },
  dedupe: { window: `${priority}d` },
});
function record(campaignId: string, version: number, effectiveFrom: number, definition: unknown): CampaignDefinition {
  const own = campaignId === 'policy' ? (definition as object) : { ...(definition as object), id: campaignId };
  return { tenantId: 't', campaignId, version, effectiveFrom, definition: JSON.stringify(own) };
}

describe('definitions', () => {
  let definitions: Definitions;
  beforeEach(() => {
    definitions = new Definitions();
  });
  const priorityAt = (time: number): number | undefined => definitions.campaign('t', 'c', time)?.definition.priority;

  it('in force are the newest with effectiveFrom at or before the time, in whatever order they came', () => {
    for (const [version, from] of [
      [3, 300],
      [1, 100],
      [2, 200],
    ] as const)
      definitions.apply(record('c', version, from, campaign(version)));
    expect([99, 100, 199, 200, 300, 1e12].map(priorityAt)).toEqual([undefined, 1, 1, 2, 3, 3]);
    expect(definitions.versions('t', 'c').map((v) => v.version)).toEqual([3, 2, 1]);
    expect([definitions.knows('t', 'c'), definitions.knows('other', 'c')]).toEqual([true, false]);
  });

  it('of one instant are ordered by version, and a version that comes again replaces itself', () => {
    definitions.apply(record('c', 2, 100, campaign(2)));
    definitions.apply(record('c', 1, 100, campaign(1)));
    expect(priorityAt(100)).toBe(2);
    definitions.apply(record('c', 2, 100, campaign(22)));
    expect(priorityAt(100)).toBe(22);
    expect(definitions.versions('t', 'c')).toHaveLength(2);
  });

  it('grow a revision with every change', () => {
    const before = definitions.revision;
    definitions.apply(record('c', 1, 100, campaign(1)));
    expect(definitions.revision).toBeGreaterThan(before);
  });

  it('list each campaign once, in byte order', () => {
    for (const id of ['b', 'a-1', 'a', 'b', 'a1']) definitions.apply(record(id, 1, 0, campaign(1)));
    expect(definitions.campaignIds('t')).toEqual(['a', 'a-1', 'a1', 'b']);
    expect(definitions.campaignIds('other')).toEqual([]);
  });

  it('take nothing of one that does not parse, and name its field', () => {
    const bad = record('c', 1, 0, { ...campaign(1), channels: 'sms' });
    expect(() => definitions.apply(bad)).toThrow(/channels/);
    expect([definitions.campaignIds('t'), definitions.knows('t', 'c')]).toEqual([[], false]);
    definitions.apply(record('c', 2, 0, campaign(2)));
    expect(definitions.campaignIds('t')).toEqual(['c']);
    expect(() => definitions.apply({ ...bad, definition: '{' })).toThrow();
    expect(priorityAt(0)).toBe(2);
  });

  it('have the default policy until one is in force', () => {
    expect(definitions.policy('t', 0)).toBe(defaultPolicy);
    definitions.apply(record('policy', 1, 100, { sessionGap: '10m' }));
    expect(definitions.policy('t', 99)).toBe(defaultPolicy);
    expect(definitions.policy('t', 100).sessionGapMs).toBe(600_000);
    expect(definitions.policy('other', 100)).toBe(defaultPolicy);
  });

  it("are the default tenant's policy until the first of the tenant's own is in force", () => {
    const ofDefault = (version: number, from: number, sessionGap: string): CampaignDefinition => ({
      ...{
        ...record('policy', version, from, { sessionGap, caps: [{ max: 1, window: `${version}d` }] }),
        tenantId: 'default',
      },
    });
    const gapAt = (time: number, tenantId = 't'): number => definitions.policy(tenantId, time).sessionGapMs / 60_000;
    definitions.apply(ofDefault(1, 0, '11m'));
    definitions.apply(ofDefault(9, 200, '12m'));
    expect([gapAt(0), gapAt(200), definitions.hasPolicy('t')]).toEqual([11, 12, false]);
    definitions.apply(record('policy', 1, 100, { sessionGap: '10m' }));
    expect([gapAt(0), gapAt(99), gapAt(100), gapAt(200)]).toEqual([11, 11, 10, 10]);
    expect([gapAt(200, 'default'), gapAt(200, 'other')]).toEqual([12, 12]);
    expect(definitions.policyVersions('t').map(({ effectiveFrom }) => effectiveFrom)).toEqual([100, 0]);
    expect([definitions.hasPolicy('t'), definitions.hasPolicy('other')]).toEqual([true, false]);
    // What was never the tenant's widens no window of its.
    expect([definitions.horizonMs('t'), definitions.horizonMs('default')]).toEqual([7 * DAY, 9 * DAY]);
  });

  it('reach back as far as the longest window of caps and dedupe, of any version, from a request about to expire', () => {
    expect(definitions.horizonMs('t')).toBe(7 * DAY);
    definitions.apply(record('c', 1, 0, campaign(30)));
    definitions.apply(record('c', 2, 100, campaign(1)));
    expect(definitions.horizonMs('t')).toBe(30 * DAY + 2 * DAY);
  });

  it('reach back as far as the default caps, which hold until a policy is in force', () => {
    definitions.apply(record('policy', 1, 1e12, { caps: [{ max: 1, window: '1d' }] }));
    expect(definitions.policy('t', 1e12 - 1).caps).toEqual(defaultPolicy.caps);
    expect(definitions.horizonMs('t')).toBe(7 * DAY);
  });
});
