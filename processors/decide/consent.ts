// Gate 3: consent to the campaign's purpose, channel by channel.
import type { Campaign } from '../../schemas/campaign.ts';
import type { ConsentLedger } from '../../schemas/state-types.ts';
import { EVERY_PURPOSE } from '../../schemas/topics.ts';
import { block, type Facts, type Gate, iso, pass } from './gate.ts';

const TRANSACTIONAL = 'transactional';
const NONE: ConsentLedger['entries'] = [];

export const consent: Gate = {
  name: 'consent',
  judge(c) {
    const facts: Record<string, Facts[string]> = { purpose: purposeOf(c.campaign) };
    const consented = c.campaign.channels.filter((channel) => {
      const { granted, why } = consentTo(channel, c.campaign, c.consents, c.now);
      facts[channel] = why;
      return granted;
    });
    c.consented = consented;
    return consented.length > 0 ? pass(facts) : block('no-consent', facts);
  },
};

/**
 * Whether a message of the campaign may go to the channel at an instant, and why. Of all changes that concern purpose and
 * channel the latest wins, a revocation on a tie; a revocation counts as soon as it is known, a grant from its date. That of a
 * user who unsubscribed concerns no transactional message.
 */
export function consentTo(
  channel: string,
  campaign: Campaign,
  ledger: ConsentLedger | undefined,
  now: number,
): { readonly granted: boolean; readonly why: string } {
  const purpose = purposeOf(campaign);
  const transactional = campaign.class === 'transactional';
  let revokedAt = Number.NEGATIVE_INFINITY;
  let unsubscribed = false;
  let grantedAt = Number.NEGATIVE_INFINITY;
  for (const entry of ledger?.entries ?? NONE) {
    if (entry.channel !== null && entry.channel !== channel) continue;
    if (entry.purpose !== purpose && entry.purpose !== EVERY_PURPOSE) continue;
    if (entry.unsubscribed && transactional) continue;
    if (entry.revokedAt !== null && entry.revokedAt >= revokedAt) {
      unsubscribed = entry.unsubscribed || (unsubscribed && entry.revokedAt === revokedAt);
      revokedAt = entry.revokedAt;
    }
    for (const at of entry.grantedAt) if (at <= now && at > grantedAt) grantedAt = at;
  }
  if (grantedAt > revokedAt) return { granted: true, why: grantedWords(grantedAt) };
  if (revokedAt > Number.NEGATIVE_INFINITY) {
    return { granted: false, why: `${unsubscribed ? 'unsubscribed' : 'revoked'} ${iso(revokedAt)}` };
  }
  if (transactional) return { granted: true, why: 'not needed' };
  return { granted: false, why: 'never granted' };
}

let lastGrantedAt = Number.NaN;
let lastWords = '';

/** Asked for each channel, at each gate: mostly of the same grant. */
function grantedWords(at: number): string {
  if (at !== lastGrantedAt) {
    lastGrantedAt = at;
    lastWords = `granted ${iso(at)}`;
  }
  return lastWords;
}

/** A transactional message needs no consent, whatever its purpose; only an opt-out of that class stops it. */
function purposeOf({ class: kind, purpose }: Campaign): string {
  return kind === 'transactional' ? TRANSACTIONAL : purpose;
}
