// Gate 5: how many messages a user may get. Judged for the earliest moment of sending, and again at that of sending.
import { DAY_MS } from '../../schemas/durations.ts';
import { localDay, type Zone } from '../../schemas/local-time.ts';
import { type Cap, capMax } from '../../schemas/policy.ts';
import type { SentMessage } from '../../schemas/types.ts';
import { block, type Case, type Facts, type Gate, iso, pass } from './gate.ts';
import { obstacleToReach } from './reach.ts';
import { cameTooLate, earliestMoment } from './send-time.ts';

export const frequencyCap: Gate = {
  name: 'frequency-cap',
  applies: (c) => !cameTooLate(c),
  judge(c) {
    // For the channel that would be chosen, were there no caps of its own.
    const reached = c.consented.find((id) => obstacleToReach(id, c) === undefined) ?? (c.consented[0] as string);
    const at = earliestMoment(c, reached);
    const over = capped(c, null, at);
    const facts = { at: iso(at), ...over.facts };
    return over.rule === null ? pass(facts) : block('frequency-cap', { ...facts, rule: over.rule });
  },
};

/**
 * The first cap that a message at an instant would break, and how many messages each cap already counts. `channel` null:
 * the caps over all channels; else those of that channel alone. Transactional messages are never capped.
 */
export function capped(
  c: Case,
  channel: string | null,
  at: number,
): { readonly rule: string | null; readonly facts: Facts } {
  const facts: Record<string, number> = {};
  if (c.campaign.class === 'transactional') return { rule: null, facts };
  const counted = c.messages.sent.filter((m) => !m.failed && m.class !== 'transactional');
  let broken: string | null = null;
  for (const cap of c.policy.caps) {
    if (cap.channel !== channel) continue;
    const count =
      mostWith(
        counted.filter((m) => cap.channel === null || m.channel === cap.channel),
        cap,
        at,
        c.zone,
      ) - 1;
    facts[cap.rule] = count;
    if (broken === null && count >= capMax(c.policy, cap, c.profile?.notificationFrequency ?? null)) broken = cap.rule;
  }
  return { rule: broken, facts };
}

/** The most messages that any of the cap's windows would hold that contains a message at `at`, that message included. */
function mostWith(sent: readonly SentMessage[], cap: Cap, at: number, zone: Zone): number {
  const position = (instant: number): number => (cap.calendar ? localDay(instant, zone) : instant);
  const width = cap.calendar ? cap.windowMs / DAY_MS : cap.windowMs;
  const here = position(at);
  const others = sent.map((m) => position(m.sentAt));
  let most = 0;
  for (const end of [here, ...others]) {
    if (end < here || end - width >= here) continue;
    most = Math.max(most, 1 + others.filter((p) => p > end - width && p <= end).length);
  }
  return most;
}
