// Changes of what is learned of a user's engagement. Every change adds to sums, so their order doesn't matter.
import { type Answer, type AnswerBits, weightOf } from './engagement.ts';
import type { ChannelEngagement, PendingActivity, RecentSend, UserEngagement } from './state-types.ts';

/** Messages whose answers are still heard. */
const RECENT = 32;

const ANSWERS: Readonly<Record<Answer, AnswerBits>> = { opened: 1, clicked: 2, replied: 4, failed: 8 };

const NOTHING: UserEngagement = { channels: [], hours: [], recent: [], pending: [] };

/** The bit of a receipt's status; undefined where it is no answer, and no failure. */
export function answerOf(status: string): AnswerBits | undefined {
  return Object.hasOwn(ANSWERS, status) ? ANSWERS[status as Answer] : undefined;
}

/** 52 bits of a sendId: two FNV-1a hashes. */
export function hashOfSend(sendId: string): number {
  let low = 0x811c9dc5 | 0;
  let high = 0x2c1b3c6d | 0;
  for (let i = 0; i < sendId.length; i++) {
    const code = sendId.charCodeAt(i);
    low = Math.imul(low ^ code, 0x01000193);
    high = Math.imul(high ^ code, 0x01000193);
  }
  return (high & 0xf_ffff) * 2 ** 32 + (low >>> 0);
}

/** With a message sent on a day (days since 1970-01-01, UTC). */
export function withSend(known = NOTHING, send: number, channel: string, day: number): UserEngagement {
  if (known.recent.some((r) => r.send === send)) return known;
  const sent: RecentSend = { send, channel, day, answers: 0 };
  const kept = known.recent.length < RECENT ? known.recent : known.recent.slice(known.recent.length - RECENT + 1);
  return { ...known, recent: kept.concat([sent]), channels: counted(known.channels, sent, undefined) };
}

/** With a session or an answer. An answer is heard once a message, and only where the message is among the latest. */
export function withActivity(known = NOTHING, { day, hour, send, answer }: PendingActivity): UserEngagement {
  if (send === null) return { ...known, hours: withHour(known.hours, hour, weightOf(day)) };
  const at = known.recent.findIndex((r) => r.send === send);
  const before = known.recent[at];
  if (before === undefined || (before.answers & answer) !== 0) return known;
  const after = { ...before, answers: before.answers | answer };
  const channels = counted(known.channels, after, before);
  const recent = known.recent.with(at, after);
  if (answer === ANSWERS.failed) return { ...known, channels, recent };
  const weight = weightOf(day);
  return {
    ...known,
    recent,
    channels: channels.map((c) => (c.channel === after.channel ? { ...c, hours: withHour(c.hours, hour, weight) } : c)),
    hours: withHour(known.hours, hour, weight),
  };
}

/** As a request knows it that came after so many of what is pending; all of it, where the request did not have to wait. */
export function asKnownAfter(
  known: UserEngagement | undefined,
  pending = known?.pending.length,
): UserEngagement | undefined {
  if (known === undefined || known.pending.length === 0) return known;
  return known.pending.slice(0, pending).reduce(withActivity, { ...known, pending: [] });
}

const IDLE = new Array<number>(24).fill(0);

function withHour(hours: readonly number[], hour: number, weight: number): readonly number[] {
  const copy = (hours.length === 0 ? IDLE : hours).slice();
  copy[hour] = (copy[hour] as number) + weight;
  return copy;
}

/** The channels with what a message counts after an answer, instead of what it counted before. */
function counted(
  channels: readonly ChannelEngagement[],
  after: RecentSend,
  before: RecentSend | undefined,
): readonly ChannelEngagement[] {
  const { channel, day } = after;
  const weight = weightOf(day);
  const now = standing(after.answers);
  const then = before === undefined ? standing(ANSWERS.failed) : standing(before.answers);
  const at = channels.findIndex((c) => c.channel === channel);
  const known = channels[at] ?? {
    channel,
    sends: 0,
    opened: 0,
    clicked: 0,
    replied: 0,
    weight: 0,
    response: 0,
    hours: [],
  };
  const next: ChannelEngagement = {
    channel,
    sends: known.sends + now.sends - then.sends,
    opened: known.opened + now.opened - then.opened,
    clicked: known.clicked + now.clicked - then.clicked,
    replied: known.replied + now.replied - then.replied,
    weight: known.weight + weight * (now.sends - then.sends),
    response: known.response + weight * (now.response - then.response),
    hours: known.hours,
  };
  return at < 0 ? channels.concat([next]) : channels.with(at, next);
}

/** What a message counts with its answers: the best one alone. One that failed counts nothing. */
function standing(answers: number): Pick<ChannelEngagement, 'sends' | 'opened' | 'clicked' | 'replied' | 'response'> {
  if ((answers & ANSWERS.failed) !== 0) return FAILED;
  if ((answers & ANSWERS.replied) !== 0) return REPLIED;
  if ((answers & ANSWERS.clicked) !== 0) return CLICKED;
  return (answers & ANSWERS.opened) !== 0 ? OPENED : SENT;
}

const FAILED = { sends: 0, opened: 0, clicked: 0, replied: 0, response: 0 };
const SENT = { ...FAILED, sends: 1 };
const OPENED = { ...SENT, opened: 1, response: 0.5 };
const CLICKED = { ...OPENED, clicked: 1, response: 0.8 };
const REPLIED = { ...CLICKED, replied: 1, response: 1 };
