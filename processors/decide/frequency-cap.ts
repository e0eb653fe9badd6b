// Gate 5: how many messages a user may get. Judged for the earliest moment of sending, and again at that of sending.
import { DAY_MS } from '../../schemas/durations.ts';
import { localDay, type Zone } from '../../schemas/local-time.ts';
import type { Cap } from '../../schemas/policy/caps.ts';
import { capMax } from '../../schemas/policy.ts';
import type { SentMessage } from '../../schemas/state-types.ts';
import { block, type Case, type Facts, type Gate, iso, pass } from './gate.ts';
import { earliestMoment } from './moments.ts';
import { obstacleToReach } from './reach.ts';
import { rank, type Scored } from './score.ts';
import { cameTooLate } from './send-time.ts';

export const frequencyCap: Gate = {
  name: 'frequency-cap',
  applies: (c) => !cameTooLate(c),
  judge(c) {
    const at = earliestMoment(c, likely(c));
    const over = capped(c, null, at);
    const facts = { at: iso(at), ...over.facts };
    return over.rule === null ? pass(facts) : block('frequency-cap', { ...facts, rule: over.rule });
  },
};

/** The channel that would be chosen, were there no caps of its own. */
function likely(c: Case): string {
  const reached = c.consented.filter((id) => obstacleToReach(id, c) === undefined);
  const [first = c.consented[0] as string, ...others] = reached;
  // Unless each channel has hours of its own, they all have the same moment.
  if (others.length === 0 || c.campaign.schedule.sendTime !== 'best') return first;
  return (rank(reached, c)[0] as Scored).channel;
}

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
  let broken: string | null = null;
  for (const cap of c.policy.caps) {
    if (cap.channel !== channel) continue;
    const count = mostWith(c.messages.sent, cap, at, c.zone) - 1;
    facts[cap.rule] = count;
    if (broken === null && count >= capMax(c.policy, cap, c.profile?.notificationFrequency ?? null)) broken = cap.rule;
  }
  return { rule: broken, facts };
}

/** The most messages that any of the cap's windows would hold that contains a message at `at`, that message included. */
function mostWith(sent: readonly SentMessage[], cap: Cap, at: number, zone: Zone): number {
  const here = positionOf(at, cap, zone);
  // Asked several times a decision, and most users got no message lately: a list is made only where there is something in it.
  let others: number[] | undefined;
  for (const { sentAt, failed, class: kind, channel } of sent) {
    if (failed || kind === 'transactional' || (cap.channel !== null && channel !== cap.channel)) continue;
    others ??= [];
    others.push(positionOf(sentAt, cap, zone));
  }
  if (others === undefined) return 1;
  const width = cap.calendar ? cap.windowMs / DAY_MS : cap.windowMs;
  let most = within(others, here, width);
  for (const end of others) {
    if (end >= here && end - width < here) most = Math.max(most, within(others, end, width));
  }
  return most + 1;
}

/** Where an instant is on the cap's scale: its local day, or itself. */
function positionOf(instant: number, cap: Cap, zone: Zone): number {
  return cap.calendar ? localDay(instant, zone) : instant;
}

function within(positions: readonly number[], end: number, width: number): number {
  let count = 0;
  for (const position of positions) if (position > end - width && position <= end) count++;
  return count;
}
