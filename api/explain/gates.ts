// A gate's verdict and facts in plain English. Facts that are not known here are shown as they are.
import { formatMicros } from '../../schemas/money.ts';
import { isReason, reasonText } from '../../schemas/reasons.ts';
import type { Decision, DecisionStep } from '../../schemas/types.ts';
import { instant, isoInstant, span } from './words.ts';

type Facts = DecisionStep['facts'];
type Teller = (facts: Facts, step: DecisionStep, context: GateContext) => readonly string[];

export interface GateContext {
  /** Of costs. */
  readonly currency: string;
  /** The request's id to its instant, for messages that another one waits behind. */
  readonly requestedAt: (requestId: string) => number | undefined;
}

/** One line: "frequency cap: blocked: 3 of 3 messages in 1d". */
export function gateText(step: DecisionStep, context: GateContext): string {
  const tell = tellers[step.gate] ?? others;
  const verdict = step.verdict === 'pass' ? 'passed' : 'blocked';
  const words = tell(step.facts, step, context).filter((part) => part !== '');
  return [step.gate.replaceAll('-', ' '), verdict, ...(words.length === 0 ? [] : [words.join(', ')])].join(': ');
}

/** Why the decision was not to send, in words; undefined when it has no reason. */
export function reasonWords({ reason }: Pick<Decision, 'reason'>): string | undefined {
  if (reason === null) return undefined;
  return isReason(reason) ? reasonText[reason] : reason;
}

const tellers: Readonly<Record<string, Teller>> = {
  campaign: ({ status, ...rest }) => [
    status === 'unknown' ? 'no campaign of this id was in force' : `the campaign is ${status}`,
    ...others(rest),
  ],
  request: ({ reserved, ...rest }) => [
    `ids that begin with "${reserved}" are Beckon's own: ask with another`,
    ...others(rest),
  ],
  audience: ({ why, ...rest }, { verdict }) => [
    verdict === 'pass' ? 'the user is in the audience' : String(why ?? 'the user is not in the audience'),
    ...others(rest),
  ],
  holdout: ({ scope, share, ...rest }, { verdict }) => [
    verdict === 'pass'
      ? 'not held out'
      : `the user is among the ${percent(share)} held out of ${scope === 'global' ? 'all campaigns' : 'this campaign'}`,
    ...others(rest),
  ],
  consent: ({ purpose, ...channels }) => [`purpose ${purpose}`, ...Object.entries(channels).map(consentWords)],
  duplicate: ({ windowMs, pending, sentBefore, sentAt, repeated, ...rest }, _, { requestedAt }) => {
    if (repeated === true) return ['the very same request came before', ...others(rest)];
    if (pending !== undefined) {
      const at = requestedAt(String(pending));
      return [
        `a message asked for${at === undefined ? '' : ` at ${instant(at)}`} is still to be sent`,
        ...others(rest),
      ];
    }
    const window = typeof windowMs === 'number' ? ` within ${span(windowMs)}` : '';
    if (sentBefore !== undefined)
      return [`one was sent at ${isoInstant(sentAt)}, so none may follow${window}`, ...others(rest)];
    return [`no such message${window}`, ...others(rest)];
  },
  'frequency-cap': ({ at, winner, ...caps }, { verdict }) => [
    ...capWords(caps, verdict),
    winnerWords(winner),
    judgedFor(at),
  ],
  channel: ({ chosen, why, confidence, ...channels }) => {
    const score = channels[String(chosen)];
    return [
      chosen === undefined
        ? ''
        : typeof score === 'number'
          ? `${chosen} chosen with a score of ${score}`
          : `${chosen} chosen`,
      why === undefined ? '' : `because of ${why}`,
      ...others(Object.fromEntries(Object.entries(channels).filter(([channel]) => channel !== chosen))),
      confidence === undefined ? '' : `confidence ${percent(confidence)}`,
    ];
  },
  content: ({ missing, failed, chosen, ...channels }) => [
    ...lacking(missing, failed),
    ...(chosen === undefined ? [] : [`${chosen} chosen`]),
    ...others(channels),
  ],
  'send-time': ({
    earliestAt,
    expiresAt,
    timezone,
    timezoneKnown,
    quietHours,
    sendTime,
    bestHours,
    bestHoursOf,
    notBefore,
    ...rest
  }) => [
    `earliest ${isoInstant(earliestAt, timezone)}`,
    quietHours === undefined ? '' : `outside the quiet hours ${quietHours} (${timezone})`,
    sendTimeWords(sendTime, bestHours, bestHoursOf, timezone),
    notBefore === undefined ? '' : `asked for no earlier than ${isoInstant(notBefore)}`,
    timezoneKnown === false ? "UTC, as the user's zone is not known" : '',
    expiresAt === undefined ? '' : `expires ${isoInstant(expiresAt)}`,
    ...others(rest),
  ],
  budget: ({ reservedMicros, totalMicros, dailyMicros, movedBy, movers, ...rest }, _, { currency }) => [
    reservedMicros === undefined ? '' : `${money(reservedMicros, currency)} was reserved before`,
    totalMicros === undefined ? '' : `total ${money(totalMicros, currency)}`,
    dailyMicros === undefined ? '' : `${money(dailyMicros, currency)} a day`,
    movedWords(movers ?? movedBy),
    ...others(rest),
  ],
  delivery: ({ channel, hop, error, noReceiptWithin, ...rest }) => [
    `${deliveryWords(String(channel), error, noReceiptWithin)}, so the next channel was tried`,
    ...others(rest),
  ],
  send: ({ at, status, missing, failed, winner, ...rest }, { verdict }) => [
    status === undefined ? '' : `the campaign is ${status}`,
    ...lacking(missing, failed),
    ...capWords(rest, verdict),
    winnerWords(winner),
    judgedFor(at),
  ],
};

/** Why the next channel was tried. */
function deliveryWords(channel: string, error: Facts[string] | undefined, within: Facts[string] | undefined): string {
  if (within !== undefined) return `nobody said within ${within} that ${channel} had delivered the message`;
  return `${channel} could not deliver the message${error == null ? '' : ` (${error})`}`;
}

/** Why a message's text could not be made. */
function lacking(missing: Facts[string] | undefined, failed: Facts[string] | undefined): readonly string[] {
  if (missing !== undefined) return [`the text needs ${missing}, which has no value`];
  return failed === undefined ? [] : [String(failed)];
}

/** The campaign's wish; none where it is as soon as may be. */
function sendTimeWords(
  sendTime: Facts[string] | undefined,
  bestHours: Facts[string] | undefined,
  of: Facts[string] | undefined,
  timezone: Facts[string] | undefined,
): string {
  if (sendTime === undefined) return '';
  if (sendTime !== 'best') {
    const isTime = /^\d\d:\d\d$/.test(String(sendTime));
    return isTime ? `at ${sendTime} (${timezone})` : `planned for ${isoInstant(sendTime)}`;
  }
  if (bestHours === 'any') return 'at any hour, as none is known to be better';
  return bestHours === undefined
    ? `at the channel's best hours (${timezone})`
    : `at the ${of}'s best hours ${bestHours} (${timezone})`;
}

function others(facts: Facts): readonly string[] {
  return Object.entries(facts).map(([name, value]) => `${name} ${value}`);
}

function consentWords([channel, why]: [string, Facts[string]]): string {
  const [verb, at] = String(why).split(' ');
  const isDated = ['granted', 'revoked', 'unsubscribed'].includes(verb ?? '') && at !== undefined;
  return `${channel} ${isDated ? `${verb} ${isoInstant(at)}` : why}`;
}

/** Caps as "3 of 3 messages in 1d": a cap's fact is named "3 per 1d" and counts what it already holds. */
function capWords({ rule, ...facts }: Facts, verdict: DecisionStep['verdict']): readonly string[] {
  const all = Object.entries(facts).map(([name, count]) => {
    const cap = /^(\d+) per (.+)$/.exec(name);
    if (cap === null) return { name, text: consentWords([name, count]) };
    const text = `${count} of ${cap[1]} messages in ${cap[2]}`;
    const isLowered = name === rule && typeof count === 'number' && count < Number(cap[1]);
    return { name, text: isLowered ? `${text} (the user wishes for fewer, which lowers the cap)` : text };
  });
  // What blocked comes first; the caps that had room say nothing then.
  const broken = verdict === 'block' && rule !== undefined ? all.filter(({ name }) => name === rule) : all;
  return broken.map(({ text }) => text);
}

function winnerWords(winner: Facts[string] | undefined): string {
  return winner === undefined ? '' : `the last of them from ${winner}`;
}

function judgedFor(at: Facts[string] | undefined): string {
  return at === undefined ? '' : `at ${isoInstant(at)}`;
}

const MOVERS: Readonly<Record<string, string>> = {
  'budget-window': "the budget's first day",
  'budget-pace': 'pacing',
  'budget-daily': 'the daily limit',
  'quiet-hours': 'quiet hours',
};

/** "moved by pacing, then by quiet hours", of reasons with commas between them. */
function movedWords(reasons: Facts[string] | undefined): string {
  if (typeof reasons !== 'string') return '';
  const all = reasons.split(', ').map((reason) => `by ${MOVERS[reason] ?? reason}`);
  return `moved ${all.join(', then ')}`;
}

function percent(share: Facts[string] | undefined): string {
  return typeof share === 'number' ? `${Number((share * 100).toFixed(4))} %` : 'share';
}

function money(micros: Facts[string] | undefined, currency: string): string {
  return typeof micros === 'number' ? formatMicros(micros, currency) : String(micros);
}
