import { describe, expect, it } from 'vitest';
import { ANY_HOUR, hours } from './hours.ts';
import { capMax, channelOf, defaultPolicy, type Policy, parsePolicy, policyFromJson, policyToJson } from './policy.ts';
import { hint } from './problems.ts';

const MINUTE = 60_000;
const DAY = 86_400_000;

function policy(input: unknown): Policy {
  const parsed = parsePolicy(input);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

function refusals(input: unknown): string[] {
  const parsed = parsePolicy(input);
  return parsed.ok ? [] : parsed.problems.map(({ path, reason }) => `${path}: ${reason}`);
}

describe('the default policy', () => {
  it('is what the documentation says', () => {
    expect(defaultPolicy).toMatchObject({
      sessionGapMs: 30 * MINUTE,
      inactivityMs: [3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY],
      latenessMs: 5 * MINUTE,
      maxJumpMs: 400 * DAY,
      currency: 'USD',
      notificationFrequency: { high: 1, medium: 1, low: 1 },
      quietHours: null,
      holdout: 0,
      weights: { customerType: 0.3, engagement: 0.3, device: 0.2, urgency: 0.1, timeOfDay: 0.1 },
      retentionMs: {},
    });
    expect(defaultPolicy.caps.map(({ rule }) => rule)).toEqual(['3 per 1d', '10 per 7d']);
    expect(defaultPolicy.channels).toMatchObject({
      sms: { enabled: true, costMicros: 7500 },
      email: { enabled: true, costMicros: 100 },
      telegram: { enabled: true, costMicros: 0 },
    });
  });

  it('is that of an empty object', () => {
    expect(policy({})).toEqual(defaultPolicy);
  });
});

describe('caps', () => {
  it('are named by their rule', () => {
    const caps = [
      { max: 1, window: '24h', channel: 'sms' },
      { max: 2, window: '6h', class: 'marketing' },
      { max: 1, window: '7d', channel: 'email', class: 'marketing', calendar: true },
    ];
    expect(policy({ caps }).caps.map(({ rule }) => rule)).toEqual([
      '1 per 1d on sms',
      '2 per 6h of marketing',
      '1 per calendar 7d of marketing on email',
    ]);
  });

  it('may all be lifted, or let nothing through', () => {
    expect(policy({ caps: [] }).caps).toEqual([]);
    expect(policy({ caps: [{ max: 0, window: '1d' }] }).caps[0]).toMatchObject({
      max: 0,
      windowMs: DAY,
      calendar: false,
    });
  });

  it('count whole days by the calendar', () => {
    expect(refusals({ caps: [{ max: 1, window: '36h', calendar: true }] })).toEqual([
      'caps[0].window: a calendar window is whole days',
    ]);
    expect(policy({ caps: [{ max: 1, window: '48h', calendar: true }] }).caps[0]?.rule).toBe('1 per calendar 2d');
  });

  it('never concern transactional messages', () => {
    expect(refusals({ caps: [{ max: 1, window: '1d', class: 'transactional' }] })).toEqual([
      'caps[0].class: transactional messages are never capped',
    ]);
  });

  it('scale with the frequency a user wishes, rounded down', () => {
    const scaled = policy({
      notificationFrequency: { high: 2, low: 0.5, medium: 0.29 },
      caps: [
        { max: 3, window: '1d' },
        { max: 100, window: '7d' },
      ],
    });
    const [day, week] = scaled.caps;
    if (day === undefined || week === undefined) throw new Error('two caps');
    expect((['high', 'medium', 'low', null] as const).map((wish) => capMax(scaled, day, wish))).toEqual([6, 0, 1, 3]);
    expect(capMax(scaled, week, 'medium')).toBe(29);
  });
});

describe('channels and costs', () => {
  it('add to the defaults, and may register further channels', () => {
    const own = policy({ costs: { rcs: 0.01, sms: '0.02' }, channels: { rcs: {}, email: { enabled: false } } });
    const { rcs, sms, email } = own.channels;
    expect(rcs).toEqual({ ...channelOf(defaultPolicy, 'rcs'), costMicros: 10_000 });
    expect(sms).toEqual({ ...defaultPolicy.channels.sms, costMicros: 20_000 });
    expect(email).toEqual({ ...defaultPolicy.channels.email, enabled: false });
    expect(channelOf(own, 'never-named')).toMatchObject({ enabled: true, costMicros: 0, prior: 0.2 });
    expect(channelOf(own, 'constructor')).toMatchObject({ enabled: true, costMicros: 0 });
  });

  it('may have any name, even one that every object has', () => {
    expect(channelOf(policy({ channels: { constructor: { prior: '70%' } } }), 'constructor')).toMatchObject({
      enabled: true,
      costMicros: 0,
      prior: 0.7,
    });
  });

  it('may hold requests, which survives the way through JSON', () => {
    expect([defaultPolicy.holdMs, policy({ hold: '2m' }).holdMs]).toEqual([0, 120_000]);
    expect(policyFromJson(policyToJson(policy({ hold: '2m' })))).toEqual({ ok: true, value: policy({ hold: '2m' }) });
  });

  it('may say how long a receipt is waited for, which survives the way through JSON', () => {
    const own = policy({ channels: { sms: { receiptWithin: '90m' } } });
    expect([own.channels.sms?.receiptWithinMs, own.channels.email?.receiptWithinMs]).toEqual([5_400_000, null]);
    expect(policyFromJson(policyToJson(own))).toEqual({ ok: true, value: own });
    expect(refusals({ channels: { sms: { receiptWithin: 'soon' } } })[0]).toContain('channels.sms.receiptWithin');
  });

  it('say when messages are read, to everybody or to new and existing customers', () => {
    const bestHours = (value: unknown) => policy({ channels: { sms: { bestHours: value } } }).channels.sms?.bestHours;
    expect(bestHours('18:00-20:00')).toEqual({ existing: hours(18, 20), new: hours(18, 20) });
    expect(bestHours({ existing: ['07:00-08:00', '22:00-01:00'], new: 'any' })).toEqual({
      existing: hours(7, 8) | hours(22, 1),
      new: ANY_HOUR,
    });
    expect(refusals({ channels: { sms: { bestHours: '18:30-20:00' } } })).toEqual([
      'channels.sms.bestHours: "18:30-20:00" does not lie on whole hours',
    ]);
    expect(refusals({ channels: { sms: { bestHours: { existing: 'any' } } } })).toEqual([
      'channels.sms.bestHours.new: is missing',
    ]);
    expect(refusals({ channels: { sms: { bestHours: { existing: [], new: 9 } } } })).toEqual([
      'channels.sms.bestHours.existing: names no hour',
      'channels.sms.bestHours.new: is 9, not hours',
    ]);
  });

  it('are refused where the channel is not known', () => {
    expect(refusals({ costs: { smss: 1 } })).toEqual(['costs.smss: "smss" is not a known channel']);
    expect(refusals({ caps: [{ max: 1, window: '1d', channel: 'rcs' }] })).toEqual([
      'caps[0].channel: "rcs" is not a known channel',
    ]);
  });

  it('must be said in a currency that the defaults are not in', () => {
    expect(refusals({ currency: 'KES' })).toEqual(['costs: says nothing in KES for sms, whatsapp, email']);
    expect(policy({ currency: 'KES', costs: { sms: 1, whatsapp: 0.7, email: 0 } }).currency).toBe('KES');
  });
});

describe('weights', () => {
  it('add up to 1, 100 or 100%', () => {
    const { weights } = defaultPolicy;
    expect(
      policy({ weights: { customerType: '30%', engagement: '30%', device: '20%', urgency: '10%', timeOfDay: '10%' } })
        .weights,
    ).toEqual(weights);
    expect(
      policy({ weights: { customerType: 30, engagement: 30, device: 20, urgency: 10, timeOfDay: 10 } }).weights,
    ).toEqual(weights);
    expect(policy({ weights: { urgency: 1 } }).weights).toEqual({
      customerType: 0,
      engagement: 0,
      device: 0,
      urgency: 1,
      timeOfDay: 0,
    });
    expect(refusals({ weights: { urgency: 0.9 } })).toEqual(['weights: add up to 0.9']);
  });
});

describe('scores', () => {
  it('say otherwise of single places of the tables, and add rows', () => {
    const own = policy({
      channels: { rcs: {} },
      scores: { customerTypes: { new: { sms: '10%' }, 'co-op': { rcs: 1 } }, devices: { Tablet: { email: 0.9 } } },
    });
    expect(own.customerTypes.new).toEqual({ ...defaultPolicy.customerTypes.new, sms: 0.1 });
    expect(own.customerTypes.existing).toEqual(defaultPolicy.customerTypes.existing);
    expect(own.customerTypes['co-op']).toEqual({ rcs: 1 });
    expect(own.devices.tablet).toEqual({ email: 0.9 });
  });

  it('are refused for channels that are not known and beyond 1', () => {
    expect(refusals({ scores: { customerTypes: { new: { smss: 1 } } } })).toEqual([
      'scores.customerTypes.new.smss: "smss" is not a known channel',
    ]);
    expect(refusals({ scores: { devices: { ios: { sms: 2 } } } })).toEqual([
      'scores.devices.ios.sms: 2 is not a share',
    ]);
  });
});

describe('holidays', () => {
  it('are days of one year or of every year', () => {
    const holidays = ['2026-12-25', '12-25', '02-29', '2028-02-29'];
    expect(policy({ holidays }).holidays).toEqual(holidays);
    expect(refusals({ holidays: ['2026-02-29', '13-01', '25.12.', '2026-12-25T00:00:00Z'] })).toHaveLength(4);
  });

  it('leave some day of the year', () => {
    const days = (count: number) =>
      Array.from({ length: count }, (_, i) => new Date(DAY * i).toISOString().slice(5, 10));
    expect(policy({ holidays: days(100) }).holidays).toHaveLength(100);
    expect(refusals({ holidays: days(101) })).toEqual(['holidays: holds more than 100 days of every year']);
  });
});

it('refuses thresholds that do not ascend, and none at all', () => {
  expect(refusals({ inactivity: ['7d', '3d'] })).toEqual(['inactivity[1]: 3d does not follow in order']);
  expect(refusals({ inactivity: ['3d', '72h'] })).toEqual(['inactivity[1]: 3d does not follow in order']);
  expect(refusals({ inactivity: [] })).toEqual(['inactivity: is empty']);
});

it('lets lateness be nothing, and nothing else', () => {
  expect(policy({ lateness: '0s' }).latenessMs).toBe(0);
  expect(refusals({ sessionGap: '0s' })).toHaveLength(1);
});

it('keeps topics by their short names', () => {
  expect(policy({ retention: { events: '90d' } }).retentionMs).toEqual({ events: 90 * DAY });
  expect(refusals({ retention: { event: '90d' } })).toEqual(['retention.event: is not a known key']);
});

it('survives the way through JSON', () => {
  const rich = policy({
    lateness: '0s',
    currency: 'KES',
    caps: [{ max: 1, window: '7d', channel: 'rcs', class: 'marketing', calendar: true }],
    costs: { sms: '1.000001', whatsapp: 1, email: 0, rcs: 2 },
    channels: { rcs: { enabled: false, bestHours: { existing: '22:00-02:00', new: 'any' }, prior: 0.9, immediacy: 0 } },
    scores: { customerTypes: { vip: { rcs: 0.25 } }, devices: { ios: { sms: 0 } } },
    holidays: ['12-25', '2026-01-01'],
    quietHours: '21:00-08:00',
    holdout: '2.5%',
    retention: { sends: '36h' },
  });
  for (const each of [defaultPolicy, rich])
    expect(policyFromJson(policyToJson(each))).toEqual({ ok: true, value: each });
  expect(policyFromJson('{')).toMatchObject({ ok: false, problems: [{ path: '(file)', reason: 'is not JSON' }] });
});

it('suggests a known word only when one is close', () => {
  expect(hint('chanels', ['channels', 'content'])).toBe('did you mean "channels"?');
  expect(hint('SMS', ['sms', 'email'])).toBe('did you mean "sms"?');
  expect(hint('pigeon', ['sms', 'email'])).toBe('write one of: sms, email');
});

it('refuses what is nested without end instead of overflowing', () => {
  const circle: unknown[] = [];
  circle.push(circle);
  expect(refusals({ caps: circle })).toEqual(['(file): is nested more than 32 levels deep']);
});
