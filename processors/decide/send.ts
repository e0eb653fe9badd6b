// Gate 9: the moment of sending. Campaign, consent, cap and address are looked at afresh; quiet hours are not.
import type { Campaign } from '../../schemas/campaign.ts';
import { consentTo } from './consent.ts';
import { filledOr } from './content.ts';
import { capped } from './frequency-cap.ts';
import { block, type Case, iso, pass, type Verdict } from './gate.ts';
import { addressOf } from './reach.ts';

export function mayBeSent(c: Case, status: Campaign['status'], channel: string): Verdict {
  const at = iso(c.now);
  if (status !== 'active') return block('campaign-inactive', { at, status });
  const { granted, why } = consentTo(channel, c.campaign, c.consents, c.now);
  if (!granted) return block('no-consent', { at, [channel]: why });
  const all = capped(c, null, c.now);
  if (all.rule !== null) return block('frequency-cap', { at, ...all.facts, rule: all.rule });
  const own = capped(c, channel, c.now);
  if (own.rule !== null) return block('frequency-cap', { at, ...own.facts, rule: own.rule });
  if (addressOf(channel, c) === undefined) return block('no-channel', { at, [channel]: 'no address' });
  const lacking = filledOr(c, channel);
  if (lacking !== undefined) return block('bad-request', { at, ...lacking });
  return pass({ at, ...all.facts, ...own.facts });
}
