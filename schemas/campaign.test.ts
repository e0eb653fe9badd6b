import { describe, expect, it } from 'vitest';
import { type Campaign, campaignFromJson, campaignToJson, parseCampaign } from './campaign.ts';
import { hours } from './hours.ts';

const DAY = 86_400_000;
const least = { id: 'a', trigger: { event: 'x' }, channels: ['sms'], content: { text: 'hi' } };
const full = {
  id: 'winback-7d',
  name: 'Win back after a week',
  class: 'marketing',
  purpose: 'offers',
  priority: 80,
  status: 'paused',
  timezone: 'Africa/Nairobi',
  trigger: { signal: 'inactive', after: '7d', where: { fact: 'threshold', eq: '7d' } },
  audience: { all: [{ attribute: 'country', in: ['KE', 'UG'] }, { not: { metric: 'sessions', lt: 2 } }] },
  channels: ['whatsapp', 'sms', 'email'],
  content: { template: 'winback', locales: ['en', 'sw', 'fr'] },
  dedupe: { window: '48h', key: 'winback' },
  schedule: {
    ...{ quietHours: '21:00-08:00', holidays: 'ignore', sendTime: 'best', bestHours: ['12:00-14:00', '22:00-01:00'] },
    expiresAfter: '36h',
  },
  urgency: 'low',
  priors: { sms: '40%' },
  budget: {
    currency: 'USD',
    total: 500,
    daily: '50.5',
    perChannel: { sms: 300 },
    from: '2026-01-01',
    to: '2026-01-31',
  },
  holdout: '10%',
  conversion: { event: 'loan_repaid', within: '7d', value: 'amount' },
};

function campaign(over: object = {}): Campaign {
  const parsed = parseCampaign({ ...least, ...over });
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.problems));
  return parsed.value;
}

function refusals(over: object): string[] {
  const parsed = parseCampaign({ ...least, ...over });
  return parsed.ok ? [] : parsed.problems.map(({ path, reason, mend }) => `${path}: ${reason} (${mend})`);
}

describe('a campaign file', () => {
  it('needs an id, a trigger, channels and content; the rest has defaults', () => {
    expect(campaign()).toEqual({
      id: 'a',
      name: 'a',
      class: 'marketing',
      purpose: 'marketing',
      priority: 50,
      status: 'active',
      timezone: 'UTC',
      trigger: { kind: 'event', event: 'x', where: null },
      audience: null,
      channels: ['sms'],
      content: { text: 'hi' },
      dedupe: { windowMs: DAY, key: null },
      schedule: { quietHours: null, holidays: 'keep', sendTime: 'asap', bestHours: null, expiresAfterMs: 2 * DAY },
      urgency: 'normal',
      priors: {},
      budget: null,
      holdout: 0,
      conversion: null,
    });
    const parsed = parseCampaign({});
    expect(parsed.ok ? [] : parsed.problems.map(({ path }) => path)).toEqual(['id', 'trigger', 'channels', 'content']);
  });

  it('is normalised to milliseconds, micro-units and shares', () => {
    expect(campaign(full)).toMatchObject({
      purpose: 'offers',
      trigger: { kind: 'signal', signal: 'inactive', afterMs: 7 * DAY, where: { fact: 'threshold', eq: '7d' } },
      dedupe: { windowMs: 2 * DAY, key: 'winback' },
      schedule: {
        ...{ quietHours: '21:00-08:00', holidays: 'ignore', sendTime: 'best' },
        ...{ bestHours: hours(12, 14) | hours(22, 1), expiresAfterMs: 1.5 * DAY },
      },
      urgency: 'low',
      priors: { sms: 0.4 },
      budget: {
        currency: 'USD',
        totalMicros: 500_000_000,
        dailyMicros: 50_500_000,
        perChannelMicros: { sms: 300_000_000 },
        pacing: 'even',
        fromAt: Date.UTC(2025, 11, 31, 21),
        toAt: Date.UTC(2026, 0, 30, 21),
      },
      holdout: 0.1,
      conversion: { event: 'loan_repaid', withinMs: 7 * DAY, value: 'amount' },
    });
  });

  it('survives the way through JSON', () => {
    const triggers = [
      { session: 'closed' },
      { signal: 'returned' },
      { api: true },
      { event: 'x', where: { property: 'n', exists: false } },
      { segment: 'vip' },
      { segment: 'vip', on: 'left' },
      { schedule: { every: 'day', at: '09:00' } },
      { schedule: { every: ['sunday', 'monday'], at: '23:59' } },
      { schedule: { every: 'month', day: 31, at: '00:00' } },
      { schedule: { attribute: 'due', before: '3d', at: '09:00' } },
      { schedule: { attribute: 'due', after: '1d', at: '09:00' } },
      { schedule: { attribute: 'due', at: '09:00' } },
      { schedule: { at: '2026-03-01T09:00' } },
      { schedule: { at: '2026-03-01T09:00+03:00' } },
    ];
    const all = [
      campaign(),
      campaign(full),
      ...triggers.map((trigger) => campaign({ trigger })),
      campaign({ schedule: { sendTime: '09:05' } }),
      campaign({ schedule: { sendTime: { at: '2026-03-02T09:00:00+03:00' } } }),
      campaign({ budget: { daily: '9007199254.740991' } }),
      campaign({
        timezone: 'Africa/Nairobi',
        budget: {
          ...{ total: 7, from: '2026-01-01' },
          pacing: [
            { at: '2026-01-01', share: '0.000001%' },
            { at: '2026-01-10', share: '33.333333%' },
            { at: '2026-01-11', share: '33.333333%' },
          ],
        },
      }),
    ];
    for (const each of all) expect(campaignFromJson(campaignToJson(each))).toEqual({ ok: true, value: each });
    expect(campaignFromJson('nope')).toMatchObject({ ok: false, problems: [{ reason: 'is not JSON' }] });
  });
});

describe('a trigger', () => {
  it('is exactly one of event, session, signal, segment, schedule and api', () => {
    expect(campaign({ trigger: { api: true } }).trigger).toEqual({ kind: 'api' });
    expect(campaign({ trigger: { signal: 'returned', after: '30d' } }).trigger).toMatchObject({ afterMs: 30 * DAY });
    expect(refusals({ trigger: {} })[0]).toMatch(
      /^trigger: does not say what triggers the campaign \(give exactly one of/,
    );
    expect(refusals({ trigger: { event: 'a', api: true } })[0]).toMatch(/^trigger: names event and api at once/);
    expect(refusals({ trigger: { event: 'a', after: '7d' } })[0]).toMatch(/^trigger.after: belongs to a signal/);
    expect(refusals({ trigger: { api: true, where: { fact: 'a', eq: 1 } } })[0]).toMatch(
      /^trigger.where: has no event/,
    );
  });

  it.each([
    [{}, /^trigger.schedule.at: is missing/],
    [{ at: '09:00' }, /^trigger.schedule.at: "09:00" is no moment from 1970 to 2099 \(write 2026-03-01T09:00/],
    [{ at: '2026-02-30T09:00' }, /at: "2026-02-30T09:00" is no moment/],
    [{ at: '2100-01-01T00:00' }, /is no moment/],
    [{ every: 'monday', at: '9:00' }, /^trigger.schedule.at: "9:00" is not a time of day/],
    [{ every: 'weekday', at: '09:00' }, /^trigger.schedule.every: is "weekday" \(write day, month, monday to sunday/],
    [{ every: ['monday', 'monday'], at: '09:00' }, /^trigger.schedule.every/],
    [{ every: [], at: '09:00' }, /^trigger.schedule.every/],
    [{ every: 'month', at: '09:00' }, /^trigger.schedule.day: is missing/],
    [{ every: 'day', day: 3, at: '09:00' }, /^trigger.schedule.day: belongs to every: month/],
    [{ every: 'day', before: '3d', at: '09:00' }, /^trigger.schedule.before: belongs to an attribute/],
    [{ attribute: 'due', before: '36h', at: '09:00' }, /^trigger.schedule.before: 36h is not whole days/],
    [{ attribute: 'due', before: '3d', after: '3d', at: '09:00' }, /names before and after at once/],
    [{ attribute: 'due', every: 'day', at: '09:00' }, /names every and attribute at once/],
  ])('by a schedule of %j is refused with a reason', (schedule, message) => {
    expect(refusals({ trigger: { schedule } })[0]).toMatch(message);
  });

  it('by a segment is when it is entered, unless it says left', () => {
    expect(campaign({ trigger: { segment: 'vip' } }).trigger).toEqual({
      kind: 'segment',
      segment: 'vip',
      on: 'entered',
    });
    expect(refusals({ trigger: { event: 'a', on: 'left' } })[0]).toMatch(/^trigger.on: belongs to a segment/);
    expect(refusals({ trigger: { segment: 'vip', on: 'leaving' } })[0]).toMatch(/^trigger.on/);
  });

  it('by a schedule asks nothing of a cause', () => {
    const schedule = { every: 'day', at: '09:00' };
    expect(refusals({ trigger: { schedule, where: { fact: 'a', eq: 1 } } })[0]).toMatch(/^trigger.where: has no event/);
  });
});

describe('a schedule', () => {
  const sendTime = (value: unknown) => campaign({ schedule: { sendTime: value } }).schedule.sendTime;

  it('sends as soon as it may, at best hours, at a local time or not before an instant', () => {
    expect(sendTime('best')).toBe('best');
    expect(sendTime('09:05')).toEqual({ localMinutes: 545 });
    expect(sendTime({ at: '2026-03-02T09:00:00+03:00' })).toEqual({ at: Date.UTC(2026, 2, 2, 6) });
  });

  it.each([
    ['noon', /^schedule.sendTime: "noon" is no time to send at \(write asap, best, a time of the user's day/],
    ['24:00', /^schedule.sendTime: "24:00" is no time to send at/],
    [9, /^schedule.sendTime: 9 is no time/],
    [{}, /^schedule.sendTime.at: /],
    [{ at: '2026-03-02' }, /^schedule.sendTime.at: "2026-03-02" is no instant with its zone/],
    [{ at: '2026-03-02T09:00:00Z', zone: 'UTC' }, /^schedule.sendTime.zone: is not a known key/],
    [{ at: '1969-03-02T09:00:00Z' }, /^schedule.sendTime.at: is not from 1970 to 2099/],
  ])('refuses %j as its send time', (value, words) => {
    expect(refusals({ schedule: { sendTime: value } })[0]).toMatch(words);
  });
});

describe('the choice of a channel', () => {
  it('is urgent for transactional messages, unless said otherwise', () => {
    expect(campaign({ class: 'transactional' }).urgency).toBe('high');
    expect(campaign({ class: 'transactional', urgency: 'low' }).urgency).toBe('low');
  });

  it('has priors for its own channels alone', () => {
    expect(refusals({ priors: { email: 0.3 } })).toEqual([
      'priors.email: "email" is none of the campaign\'s channels (write one of: sms)',
    ]);
  });
});

describe('a budget', () => {
  const budget = (over: object): string[] => refusals({ budget: { total: 100, ...over } });
  const span = { from: '2026-01-01', to: '2026-02-01' };

  it('is paced evenly where from, to and total are given, unless it says otherwise', () => {
    const pacing = (over: object): string | undefined => campaign({ budget: over }).budget?.pacing;
    expect(pacing({ total: 1, ...span })).toBe('even');
    expect(pacing({ total: 1, ...span, pacing: 'asap' })).toBe('asap');
    expect(pacing({ total: 1, from: span.from })).toBe('asap');
    expect(budget({ pacing: 'even', from: span.from })[0]).toMatch(
      /^budget.pacing: even pacing needs to \(give to, or write pacing: asap\)/,
    );
    expect(budget({ pacing: 'evenly' })[0]).toBe(
      'budget.pacing: is "evenly" (write one of: even, asap, or give a list of points { at, share })',
    );
  });

  it('is paced along points, whose dates are those of the campaign zone', () => {
    const pacing = [
      { at: '2026-01-10', share: '40%' },
      { at: '2026-01-20T12:00:00Z', share: 0.5 },
      { at: '2026-02-01', share: '100%' },
    ];
    expect(campaign({ timezone: 'Africa/Nairobi', budget: { total: 1, ...span, pacing } }).budget).toMatchObject({
      pacing: 'curve',
      curve: [
        { at: Date.UTC(2026, 0, 9, 21), share: 0.4 },
        { at: Date.UTC(2026, 0, 20, 12), share: 0.5 },
        { at: Date.UTC(2026, 0, 31, 21), share: 1 },
      ],
    });
  });

  it('is refused where its points are not those of a curve', () => {
    const curve = (points: unknown[], over: object = span): string[] => budget({ pacing: points, ...over });
    const at = '2026-01-10';
    expect(curve([{ at, share: '40%' }], {})).toEqual(['budget.pacing: a curve needs from (give from)']);
    expect(refusals({ budget: { pacing: [{ at, share: 1 }] } })).toContain(
      'budget.pacing: a curve needs from and total (give from and total)',
    );
    expect(curve([])).toEqual(['budget.pacing: is empty (give at least one point, or write even or asap)']);
    expect(
      curve([
        { at, share: 0.4 },
        { at: '2026-01-11', share: 0.3 },
      ]),
    ).toEqual(['budget.pacing[1].share: is 30%, less than the 40% before it (write 40% or more: a curve never falls)']);
    expect(
      curve([
        { at, share: 0.4 },
        { at, share: 0.5 },
      ]),
    ).toEqual(['budget.pacing[1].at: is not after the point before it (write points in order of time)']);
    expect(curve([{ at: '2025-12-31', share: 0.4 }])[0]).toMatch(/^budget.pacing\[0\].at: is before from/);
    expect(curve([{ at: '2026-02-02', share: 0.4 }])[0]).toMatch(/^budget.pacing\[0\].at: is after to/);
    expect(curve([{ at: 'soon', share: 0.4 }])[0]).toMatch(/^budget.pacing\[0\].at: "soon" is no date/);
    expect(curve([{ at, share: '140%' }])[0]).toMatch(/^budget.pacing\[0\].share: "140%" is not a share/);
    expect(curve([{ at, share: 0.123456789 }])[0]).toMatch(/^budget.pacing\[0\].share: .*finer than/);
    expect(curve([{ at, shar: 1 }])).toContain('budget.pacing[0].shar: is not a known key (did you mean "share"?)');
    expect(curve([{ share: 1 }])[0]).toMatch(/^budget.pacing\[0\].at: is missing/);
    expect(curve(['even'])[0]).toMatch(/^budget.pacing\[0\]: is text, not keys with values/);
  });

  it('begins and ends at midnight in the campaign zone, or at an instant with its zone', () => {
    const from = (text: string, timezone = 'UTC'): number | null | undefined =>
      campaign({ timezone, budget: { from: text } }).budget?.fromAt;
    expect(from('2026-03-29', 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 28, 23));
    expect(from('2026-03-30', 'Europe/Berlin')).toBe(Date.UTC(2026, 2, 29, 22));
    expect(from('2026-01-01T12:00:00+03:00', 'America/New_York')).toBe(Date.UTC(2026, 0, 1, 9));
    expect(from('1970-01-01')).toBe(0);
    expect(refusals({ timezone: 'Africa/Nairobi', budget: { from: '1970-01-01' } })[0]).toMatch(
      /^budget.from: is not between/,
    );
    expect(from('2026-01-01T12:00Z')).toBe(Date.UTC(2026, 0, 1, 12));
  });

  it.each(['2026-02-30', '2026-01-01T12:00:00', '01.02.2026', '1969-12-31', '2100-01-01', 'soon', ''])(
    'refuses the date %j',
    (from) => {
      expect(budget({ from })[0]).toMatch(/^budget.from: (.* is no date and no instant|is not between 1970 and 2100)/);
    },
  );

  it('is refused where it cannot be kept or limits nothing', () => {
    expect(budget({ from: '2026-01-31', to: '2026-01-31' })[0]).toMatch(/^budget.to: is not after from/);
    expect(budget({ daily: 100 })).toEqual([]);
    expect(budget({ daily: 101 })[0]).toMatch(/^budget.daily: impossible budget: daily is more than total/);
    expect(budget({ perChannel: { email: 5 } })[0]).toMatch(/^budget.perChannel.email: is not among the channels/);
    expect(budget({ total: '0.0000001' })[0]).toMatch(/^budget.total: 0.0000001 has more than 6 decimals/);
    expect(refusals({ budget: { currency: 'USD' } })[0]).toMatch(/^budget: limits nothing/);
  });
});

describe('a refusal', () => {
  it('names a near miss', () => {
    expect(refusals({ chanels: ['sms'] })).toEqual(['chanels: is not a known key (did you mean "channels"?)']);
    expect(refusals({ schedule: { quiethours: '21:00-08:00' } })).toEqual([
      'schedule.quiethours: is not a known key (did you mean "quietHours"?)',
    ]);
    expect(refusals({ audience: { atribute: 'a', eq: 1 } })).toEqual([
      'audience.atribute: is not a known key (did you mean "attribute"?)',
    ]);
    expect(refusals({ class: 'marketting' })).toEqual(['class: is "marketting" (did you mean "marketing"?)']);
    expect(refusals({ channels: ['sms', 'watsapp'] })[0]).toMatch(
      /^channels\[1\]: "watsapp" is not a known channel \(did you mean "whatsapp"\?/,
    );
  });

  it('lists everything that is wrong at once', () => {
    expect(
      refusals({ id: 'policy', timezone: 'Nairobi', priority: 101, holdout: 10, dedupe: { window: 24 } }),
    ).toHaveLength(5);
  });

  it('never repeats a message', () => {
    for (const content of ['Dear Jane', ['Dear Jane'], { text: ['Dear Jane'] }, { text: 'Dear Jane', template: 'x' }]) {
      expect(refusals({ content }).join()).not.toContain('Jane');
    }
  });

  it.each([
    [{ id: 'policy' }, /^id: "policy" names the policy itself/],
    [{ id: 'Win Back' }, /^id: "Win Back" is not an id/],
    [{ id: 7 }, /^id: is 7, not text \(write text \(in quotes\)\)/],
    [{ timezone: '+03:00' }, /^timezone: "\+03:00" is not a time zone/],
    [{ channels: ['sms', 'sms'] }, /^channels\[1\]: "sms" is there twice/],
    [{ channels: [] }, /^channels: is empty/],
    [{ content: {} }, /^content: has neither text nor template/],
    [{ content: { text: 'a', locales: ['en'] } }, /^content: mixes text/],
    [{ schedule: { quietHours: '08:00-08:00' } }, /^schedule.quietHours: "08:00-08:00" starts where it ends/],
    [{ schedule: null }, /^schedule: has no value/],
    [{ holdout: 10 }, /^holdout: 10 is not a share/],
    [{ holdout: '110%' }, /^holdout: "110%" is not a share/],
    [{ conversion: { event: 'x' } }, /^conversion.within: is missing/],
  ])('of %j says what and where', (over, message) => {
    expect(refusals(over)[0]).toMatch(message);
  });
});

it('knows a channel that the policy registers, and trusts what was published', () => {
  const own = { ...least, channels: ['rcs'] };
  expect(parseCampaign(own).ok).toBe(false);
  const parsed = parseCampaign(own, ['rcs']);
  expect(parsed.ok && campaignFromJson(campaignToJson(parsed.value)).ok).toBe(true);
});
