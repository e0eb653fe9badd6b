// Why a campaign made no request for a user: its trigger never happened, or happened and was turned away.

import { counted, instant, span } from '../../api/explain/words.ts';
import { type Timetable, timetableText } from '../../schemas/campaign/timetable.ts';
import type { Trigger } from '../../schemas/campaign/trigger.ts';
import type { Campaign } from '../../schemas/campaign.ts';
import { comparisonsOf } from '../../schemas/condition.ts';
import { formatDuration } from '../../schemas/durations.ts';
import { quoted } from '../../schemas/problems.ts';
import type { Unmatched } from '../../schemas/streams.ts';
import type { Decision, UserProfile } from '../../schemas/types.ts';
import { attributeOf } from '../../schemas/user-facts.ts';
import type { Replay } from './replay.ts';
import type { Story } from './story.ts';

/** Causes that are told one by one; of more the newest. */
const TOLD = 3;
/** How the ids of causes that are moments of schedules begin. */
const SCHEDULE = 'schedule:';

/** Sentences, the first of which names the cause. */
export function whySilent(campaignId: string, story: Story, past: Replay): readonly string[] {
  const { definitions, tenantId } = story;
  const [newest] = definitions?.versions(tenantId, campaignId) ?? [];
  if (newest === undefined) return [`no campaign "${campaignId}" is known`];
  const campaign = newest.definition;
  if (campaign.status !== 'active') return [`the campaign is ${campaign.status}, so it asks for nothing`];
  const turnedAway = unmatchedOf(campaignId, past);
  if (turnedAway.length > 0) return [...turnedAway, ...segmentsLeft(campaign, past)];
  const lost = lostInRun(campaignId, story, past);
  if (lost.length > 0) return lost;
  const whys = [...neverTriggered(campaign, story, past), ...uncounted(past)];
  return past.differs ? [...whys, lateInRun(past)] : whys;
}

/** When the user left the segments that the audience asks for. */
function segmentsLeft({ audience }: Campaign, { signals }: Replay): readonly string[] {
  const asked = new Set(audience === null ? [] : comparisonsOf(audience).map(({ segment }) => segment));
  return [...asked].flatMap((segment) => {
    const last = segment === undefined ? undefined : signals.findLast(({ facts }) => facts.segment === segment);
    return last?.kind === 'segment-left' ? [`the user left segment ${segment} on ${instant(last.firedAt)}`] : [];
  });
}

/** What the user's own records ask for and the run never decided: their events came late in it. */
export function lostInRun(campaignId: string, { decisions }: Story, past: Replay): readonly string[] {
  const known = new Set(decisions.map(({ requestId }) => requestId));
  // Not the moments of schedules: for one user alone time begins and ends elsewhere.
  const isLost = (d: Decision): boolean =>
    d.campaignId === campaignId && !known.has(d.requestId) && d.cause?.startsWith(SCHEDULE) !== true;
  const lost = past.decisions.filter(isLost);
  const times = [...new Set(lost.map((d) => d.requestedAt))];
  if (times.length === 0) return [];
  const told = times.slice(-TOLD).map(instant).join(', ');
  const more = times.length > TOLD ? ` and ${times.length - TOLD} times before` : '';
  return [`the user's records alone ask for it at ${told}${more}`, lateInRun(past)];
}

/** The causes that matched the trigger but not the rest, newest last. */
export function unmatchedOf(campaignId: string, past: Replay): readonly string[] {
  const missed = past.unmatched.filter((m) => m.campaignId === campaignId);
  const told = missed.slice(-TOLD).map(missedText);
  if (missed.length <= TOLD) return told;
  return [`its trigger happened ${counted(missed.length, 'time')} and made no request; the last ${TOLD}:`, ...told];
}

function missedText({ cause, at, part, why }: Unmatched): string {
  return `its trigger happened (${causeKind(cause)}, ${instant(at)}), but the ${part} part does not hold: ${why}`;
}

/** What kind of record a cause's id is of. */
function causeKind(cause: string): string {
  const [kind, threshold] = cause.split(':');
  if (kind === 'event') return 'an event';
  if (kind === 'session') return 'a session';
  if (kind === 'schedule') return 'a moment of its schedule';
  if (kind === 'segment-entered' || kind === 'segment-left')
    return `the user ${kind === 'segment-left' ? 'left' : 'entered'} segment ${threshold?.split('#')[0]}`;
  return kind === 'inactive' ? `the signal inactive ${threshold}` : `the signal ${kind}`;
}

function lateInRun({ latenessMs }: Replay): string {
  return `in the run some of the user's events came more than ${span(latenessMs)} behind the time that the run had reached, by other records or by the clock: a late event triggers nothing`;
}

function neverTriggered(
  { trigger }: Campaign,
  { records, definitions, tenantId }: Story,
  past: Replay,
): readonly string[] {
  const { events } = records;
  switch (trigger.kind) {
    case 'api':
      return ['it is asked for by send-requests alone, and there was none for this user'];
    case 'event': {
      const seen = new Map<string, number>();
      for (const { type } of events) seen.set(type, (seen.get(type) ?? 0) + 1);
      if (seen.has(trigger.event))
        return [`the user's ${trigger.event} events came late or twice, or before the campaign was in force`];
      const types = [...seen]
        .sort(([, a], [, b]) => b - a)
        .slice(0, 5)
        .map(([type, n]) => `${type} ${n}`);
      const among = types.length === 0 ? 'the user has no event at all' : `the user's events: ${types.join(', ')}`;
      return [`its trigger never happened: no event "${trigger.event}" (${among})`];
    }
    case 'segment':
      return [neverChanged(trigger, past)];
    case 'schedule':
      return [neverScheduled(trigger.timetable, records.profiles.at(-1))];
    case 'session':
      return [
        `its trigger never happened: no session of the user has closed${events.length === 0 ? '; there is no event at all' : ''}`,
      ];
    case 'signal': {
      const least =
        trigger.afterMs ?? definitions?.policy(tenantId, events.at(-1)?.occurredAt ?? 0).inactivityMs[0] ?? 0;
      return [
        signalNever(
          trigger,
          least,
          events.map((e) => e.occurredAt),
          past,
        ),
      ];
    }
  }
}

function signalNever(
  trigger: Trigger & { kind: 'signal' },
  least: number,
  times: readonly number[],
  past: Replay,
): string {
  const after = formatDuration(least);
  if (times.length === 0)
    return `its trigger never happened: no \`${trigger.signal}\` signal, as the user has no event at all`;
  const sorted = [...times].sort((a, b) => a - b);
  const last = sorted.at(-1) as number;
  const gaps = sorted.slice(1).map((time, i) => time - (sorted[i] as number));
  if (trigger.signal === 'returned') {
    const longest = Math.max(0, ...gaps);
    return `its trigger never happened: no \`returned\` signal after ${after}: the longest silence that ended was ${span(longest)}`;
  }
  const end = past.until === undefined ? last : Math.max(last, past.until - past.latenessMs);
  const open = end - last;
  const longest = Math.max(open, ...gaps);
  const which = longest === open && open > 0 ? ', up to where time had come' : '';
  return `its trigger never happened: no \`inactive\` signal after ${after}: the longest silence was ${span(longest)}${which}`;
}

function neverChanged({ segment, on }: Trigger & { kind: 'segment' }, { signals }: Replay): string {
  const own = signals.filter(({ facts }) => facts.segment === segment);
  const never = `its trigger never happened: the user never ${on} segment ${segment}`;
  if (own.length === 0) return `${never}, and was ${on === 'left' ? 'never' : 'not'} in it`;
  const told = own
    .slice(-TOLD)
    .map(({ kind, firedAt }) => `${kind === 'segment-left' ? 'left' : 'entered'} it on ${instant(firedAt)}`);
  return `${never}, but ${told.join(', ')}`;
}

function neverScheduled(table: Timetable, profile: UserProfile | undefined): string {
  const never = `no moment of its schedule came while the user was known: ${timetableText(table)}`;
  if (table.kind !== 'attribute') return never;
  const date = attributeOf(profile, table.attribute);
  if (profile === undefined) return `${never}; the user has no profile`;
  if (date === null) return `${never}; the profile has no attribute ${table.attribute}`;
  return `${never}; the attribute is ${quoted(date)}`;
}

function uncounted({ late, duplicate }: Replay): readonly string[] {
  const parts = [
    ...(late > 0 ? [`${counted(late, 'event')} came late, which triggers nothing`] : []),
    ...(duplicate > 0 ? [`${counted(duplicate, 'event')} came twice`] : []),
  ];
  return parts.length === 0 ? [] : [`of the user's events ${parts.join('; ')}`];
}
