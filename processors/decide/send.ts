// Gate 9: the moment of sending. Campaign, consent, cap, channel and address are looked at afresh; quiet hours are not.
import type { Campaign } from '../../schemas/campaign.ts';
import { consentTo } from './consent.ts';
import { filledOr } from './content.ts';
import { capped } from './frequency-cap.ts';
import { block, type Case, iso, pass, type Told, type Verdict } from './gate.ts';
import { obstacleBesideConsent } from './reach.ts';

export function mayBeSent(c: Case, status: Campaign['status'], channel: string): Verdict {
  const at = iso(c.now);
  if (status !== 'active') return block('campaign-inactive', { at, status });
  const { granted, why } = consentTo(channel, c.campaign, c.consents, c.now);
  if (!granted) return block('no-consent', { at, [channel]: why });
  const facts: Told = { at };
  const broken = capped(c, null, c.now, facts);
  if (broken !== null) {
    facts.rule = broken;
    return block('frequency-cap', facts);
  }
  const own: Told = { at };
  const ownRule = capped(c, channel, c.now, own);
  if (ownRule !== null) {
    own.rule = ownRule;
    return block('frequency-cap', own);
  }
  const obstacle = obstacleBesideConsent(channel, c);
  if (obstacle !== undefined) return block('no-channel', { at, [channel]: obstacle });
  const lacking = filledOr(c, channel);
  if (lacking !== undefined) return block('bad-request', { at, ...lacking });
  return pass(Object.assign(facts, own));
}
