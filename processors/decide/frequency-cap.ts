// Gate 5: how many messages a user may get. Judged for the earliest moment of sending, and again at that of sending.
import { DAY_MS } from '../../schemas/durations.ts';
import { localDay, type Zone } from '../../schemas/local-time.ts';
import type { Cap } from '../../schemas/policy/caps.ts';
import { capMax } from '../../schemas/policy.ts';
import type { SentMessage } from '../../schemas/state-types.ts';
import { block, type Case, type Gate, iso, pass, type Told } from './gate.ts';
import { earliestMoment } from './moments.ts';
import { obstacleToReach } from './reach.ts';
import { rank, type Scored } from './score.ts';
import { cameTooLate } from './send-time.ts';

export const frequencyCap: Gate = {
  name: 'frequency-cap',
  applies: (c) => !cameTooLate(c),
  judge(c) {
    const at = earliestMoment(c, likely(c));
    const facts: Told = { at: iso(at) };
    const rule = capped(c, null, at, facts);
    if (rule === null) return pass(facts);
    facts.rule = rule;
    return block('frequency-cap', facts);
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
 * The first cap that a message at an instant would break, or null. `channel` null: the caps over all channels; else those of
 * that channel alone. Transactional messages are never capped. `facts` is told how many messages each cap already counts and, as
 * `winner`, the campaign of the newest message in the window that is full.
 */
export function capped(c: Case, channel: string | null, at: number, facts?: Told): string | null {
  if (c.campaign.class === 'transactional') return null;
  let broken: string | null = null;
  for (const cap of c.policy.caps) {
    if (cap.channel !== channel) continue;
    const count = mostWith(c.messages.sent, cap, at, c.zone) - 1;
    if (facts !== undefined) facts[cap.rule] = count;
    if (broken !== null || count < capMax(c.policy, cap, c.profile?.notificationFrequency ?? null)) continue;
    broken = cap.rule;
    const winner = facts === undefined ? undefined : newestIn(c.messages.sent, cap, at, c.zone);
    if (facts !== undefined && winner !== undefined) facts.winner = winner.campaignId;
  }
  return broken;
}

/** The most messages that any of the cap's windows would hold that contains a message at `at`, that message included. */
function mostWith(sent: readonly SentMessage[], cap: Cap, at: number, zone: Zone): number {
  const here = positionOf(at, cap, zone);
  const width = cap.calendar ? cap.windowMs / DAY_MS : cap.windowMs;
  let most = 0;
  let isLast = true;
  for (const message of sent) {
    if (!counts(message, cap)) continue;
    const position = positionOf(message.sentAt, cap, zone);
    if (position > here) isLast = false;
    else if (position > here - width) most++;
  }
  // Windows that end later matter only where a message was sent later. Asked several times a decision: hardly any needs a list.
  if (isLast) return most + 1;
  const others = sent.filter((m) => counts(m, cap)).map((m) => positionOf(m.sentAt, cap, zone));
  for (const end of others) {
    if (end > here && end - width < here) most = Math.max(most, within(others, end, width));
  }
  return most + 1;
}

/** The newest message in the fullest of the cap's windows that contain the instant; of equally full ones the first to end. */
function newestIn(sent: readonly SentMessage[], cap: Cap, at: number, zone: Zone): SentMessage | undefined {
  const here = positionOf(at, cap, zone);
  const width = cap.calendar ? cap.windowMs / DAY_MS : cap.windowMs;
  const counted = sent
    .filter((message) => counts(message, cap))
    .map((message) => ({ message, position: positionOf(message.sentAt, cap, zone) }))
    .sort((a, b) => a.message.sentAt - b.message.sentAt);
  const ends = [here, ...counted.map(({ position }) => position).filter((end) => end > here && end - width < here)];
  let newest: SentMessage | undefined;
  let most = 0;
  for (const end of ends) {
    const inside = counted.filter(({ position }) => position > end - width && position <= end);
    if (inside.length <= most) continue;
    most = inside.length;
    newest = inside[inside.length - 1]?.message;
  }
  return newest;
}

function counts({ failed, class: kind, channel }: SentMessage, cap: Cap): boolean {
  return !failed && kind !== 'transactional' && (cap.channel === null || channel === cap.channel);
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
