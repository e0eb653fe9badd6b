// A policy and campaigns that use every feature at once.
import { type Campaign, parseCampaign } from '../../../schemas/campaign.ts';
import { DAY_MS } from '../../../schemas/durations.ts';
import { type Policy, parsePolicy } from '../../../schemas/policy.ts';
import type { Parsed } from '../../../schemas/problems.ts';

/** Epoch ms. Nine days later the clocks of Europe go forward. */
export const FROM = Date.UTC(2026, 2, 20);

/** The date of a day, counted from the first. */
export function date(day: number): string {
  return new Date(FROM + day * DAY_MS).toISOString().slice(0, 10);
}

export function policyWith(hold: string | undefined): Policy {
  return taken(
    parsePolicy({
      caps: [
        { max: 4, window: '1d' },
        { max: 14, window: '7d' },
        { max: 1, window: '1d', channel: 'sms', calendar: true },
      ],
      notificationFrequency: { low: 0.5 },
      quietHours: '21:00-08:00',
      ...(hold === undefined ? {} : { hold }),
      holidays: ['03-24'],
      channels: { sms: { receiptWithin: '4h' }, whatsapp: { receiptWithin: '90m' } },
      holdout: '3%',
      segments: {
        active: { metric: 'events@1d', gte: 5 },
        kenyans: { attribute: 'country', eq: 'KE' },
        buyers: {
          all: [
            { metric: 'events.purchase@3d', gte: 1 },
            { metric: 'daysSinceLastSeen', lt: 2 },
          ],
        },
      },
    }),
  );
}

const all = ['sms', 'whatsapp', 'email'];
const roomy = { total: 100_000 };
const often = { window: '1h' };

/** Budgets are roomy: who gets the last of one that binds follows the order in which candidates reach pace. */
const files: Readonly<Record<string, object>> = {
  thanks: {
    trigger: { event: 'add_to_cart' },
    priority: 60,
    channels: all,
    content: {
      variants: [
        { name: 'a', share: '50%', bodies: { en: { default: 'Hi {{ data.price }}', sms: '{{ profile.nickname }}' } } },
        { name: 'b', share: '50%', bodies: { en: 'Hello {{ data.price }}' } },
      ],
    },
    dedupe: { window: '3h', key: 'shop' },
    conversion: { event: 'product_view', within: '1d', value: 'price' },
    holdout: '10%',
    budget: { ...roomy, daily: 50_000, perChannel: { sms: 90_000 } },
  },
  paced: {
    trigger: { session: 'closed' },
    channels: ['whatsapp', 'sms', 'email'],
    schedule: { sendTime: 'best', expiresAfter: '36h' },
    dedupe: { window: '6h' },
    budget: { total: 1_000_000, from: date(0), to: date(20), pacing: 'even' },
    conversion: { event: 'savings_deposit', within: '2d', value: 'amount' },
  },
  entered: { trigger: { segment: 'active' }, channels: ['email', 'push', 'sms'], dedupe: often },
  left: { trigger: { segment: 'buyers', on: 'left' }, channels: all, dedupe: often, budget: roomy },
  weekly: {
    trigger: { schedule: { every: ['monday', 'friday', 'sunday'], at: '02:30' } },
    audience: { not: { segment: 'kenyans', eq: true } },
    channels: ['whatsapp', 'email'],
    schedule: { sendTime: '09:15' },
    conversion: { event: 'app_open', within: '3d' },
  },
  daily: {
    trigger: { schedule: { every: 'day', at: '09:00' } },
    audience: { metric: 'events@1d', gte: 3 },
    channels: all,
    dedupe: often,
    budget: roomy,
    conversion: { event: 'balance_check', within: '1d' },
  },
  grouped: {
    trigger: { schedule: { every: ['tuesday', 'saturday'], at: '18:30' } },
    audience: { group: { in: ['savings-1', 'savings-2'] } },
    channels: all,
    dedupe: often,
    budget: roomy,
  },
  due: {
    class: 'transactional',
    trigger: { schedule: { attribute: 'dueOn', before: '1d', at: '10:00' } },
    channels: ['sms', 'email'],
    content: { text: 'due {{ profile.dueOn }}' },
  },
  once: {
    trigger: { schedule: { at: `${date(3)}T12:00` } },
    channels: ['email'],
    schedule: { sendTime: { at: `${date(4)}T12:00:00Z` } },
  },
  silent: { trigger: { signal: 'inactive', after: '3d' }, channels: all, schedule: { sendTime: '07:30' } },
  asked: {
    trigger: { api: true },
    audience: { metric: 'sessions@7d', gte: 1 },
    channels: all,
    content: { text: '{{ data.code }}' },
    dedupe: often,
    budget: roomy,
  },
  told: {
    class: 'transactional',
    trigger: { api: true },
    channels: ['sms', 'whatsapp'],
    dedupe: often,
    conversion: { event: 'app_open', within: '2d' },
  },
};

export const campaigns: readonly Campaign[] = Object.entries(files).map(([id, file]) =>
  taken(parseCampaign({ id, content: { text: 'hello' }, ...file })),
);

function taken<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Error(parsed.problems.map(({ path, reason }) => `${path}: ${reason}`).join('\n'));
}
