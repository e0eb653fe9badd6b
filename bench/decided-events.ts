// Campaigns that every event of the load triggers a decision of, so that decisions are what is measured. The policy's caps are
// wide: six in ten of the requests go through every gate and are sent, the others are refused as duplicates.
import { type Campaign, parseCampaign } from '../schemas/campaign.ts';
import { type Policy, parsePolicy } from '../schemas/policy.ts';
import type { Parsed } from '../schemas/problems.ts';
import { EVENT_TYPES } from './load.ts';

export const widePolicy: Policy = taken(
  parsePolicy({
    caps: [
      { max: 100, window: '1d' },
      { max: 400, window: '7d' },
    ],
  }),
);

/** One for each type of event. A budget never binds, but each message that would be sent asks pace for a slot. */
export function campaignsOnEveryEvent(budgeted: boolean): readonly Campaign[] {
  const budget = { currency: 'USD', total: 1_000_000, pacing: 'even', from: '2026-01-01', to: '2026-02-01' };
  return EVENT_TYPES.map((event) =>
    taken(
      parseCampaign({
        id: `on-${event.replace('_', '-')}`,
        trigger: { event },
        channels: ['email', 'whatsapp'],
        content: { template: 'hello', locales: ['en', 'sw', 'de'] },
        dedupe: { window: '1m' },
        ...(budgeted ? { budget } : {}),
      }),
    ),
  );
}

function taken<T>(parsed: Parsed<T>): T {
  if (parsed.ok) return parsed.value;
  throw new Error(JSON.stringify(parsed.problems));
}
