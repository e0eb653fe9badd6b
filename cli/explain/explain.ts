// Tells in words what was decided for a user and why: a pure function of the story, for the command line and for servers.

import { type GateContext, gateText } from '../../api/explain/gates.ts';
import { finalText, scheduledText, zoneOf } from '../../api/explain/outcome.ts';
import { counted, instant, localInstant } from '../../api/explain/words.ts';
import { keyInId } from '../../schemas/topics.ts';
import type { Decision, Receipt } from '../../schemas/types.ts';
import { lostInRun, unmatchedOf, whySilent } from './silence.ts';
import type { Story } from './story.ts';

export interface RequestStory {
  readonly requestId: string;
  readonly campaignId: string;
  /** Epoch ms. */
  readonly requestedAt: number;
  /** Of the last decision: scheduled means that the message is still to be sent. */
  readonly outcome: Decision['outcome'];
  readonly reason: string | null;
  /** What asked for it. */
  readonly trigger: string;
  /** One line for each gate, in order. */
  readonly gates: readonly string[];
  /** What came of it, one line each. */
  readonly results: readonly string[];
}

export interface Explanation {
  readonly tenantId: string;
  readonly userId: string;
  /** The question can't be answered; says why and how to mend it. */
  readonly problem: string | null;
  readonly requests: readonly RequestStory[];
  /** Campaigns (or causes of the campaign asked about) that made no request, and why. */
  readonly silent: readonly { readonly campaignId: string; readonly why: readonly string[] }[];
}

/** The explanation as data. */
export function explainUser(story: Story): Explanation {
  const { tenantId, userId, campaignId, decisions } = story;
  const problem = problemOf(story);
  if (problem !== undefined) return { tenantId, userId, problem, requests: [], silent: [] };
  const byRequest = Map.groupBy(decisions, (d) => d.requestId);
  // An id may come again for another request, so it is the decisions' own that tell what belongs together.
  const requests = [...Map.groupBy(decisions, storyOf)]
    .filter(([, [first]]) => campaignId === undefined || first?.campaignId === campaignId)
    .map(([name, own]) => requestStory(name, own, story, byRequest))
    .sort((a, b) => a.requestedAt - b.requestedAt);
  return { tenantId, userId, problem: null, requests, silent: silentOf(story, requests) };
}

/** An explanation as JSON has it: times as ISO-8601, as everywhere. */
export type DatedExplanation = Omit<Explanation, 'requests'> & {
  readonly requests: readonly (Omit<RequestStory, 'requestedAt'> & { readonly requestedAt: string })[];
};

export function dated(explanation: Explanation): DatedExplanation {
  const requests = explanation.requests.map((request) => ({
    ...request,
    requestedAt: new Date(request.requestedAt).toISOString(),
  }));
  return { ...explanation, requests };
}

/** The explanation as text, for people. */
export function explain(story: Story): string {
  const { problem, requests, silent } = explainUser(story);
  if (problem !== null) return `${problem}\n`;
  const nameOf = (id: string): string => {
    const name = story.definitions?.versions(story.tenantId, id)[0]?.definition.name;
    return name === undefined || name === id ? id : `${id} (${name})`;
  };
  const blocks = [headline(story, requests)];
  requests.forEach(({ campaignId, requestedAt, trigger, gates, results }, i) => {
    const lines = [`asked for by ${trigger}`, ...gates, ...results.map((line) => `=> ${line}`)];
    blocks.push(
      [`${i + 1}. ${nameOf(campaignId)}, ${instant(requestedAt)}`, ...lines.map((line) => `   ${line}`)].join('\n'),
    );
  });
  for (const { campaignId, why } of silent) {
    const asked = requests.some((r) => r.campaignId === campaignId);
    const title = `${nameOf(campaignId)}: ${asked ? 'what asked for nothing besides' : 'never asked for'}`;
    blocks.push([title, ...why.map((line) => `   ${line}`)].join('\n'));
  }
  return `${blocks.join('\n\n')}\n`;
}

function problemOf({
  tenantId,
  userId,
  campaignId,
  where,
  definitions,
  records,
  decisions,
  otherTenants,
}: Story): string | undefined {
  const { events, profiles, consents, sendRequests } = records;
  if (events.length + profiles.length + consents.length + sendRequests.length + decisions.length === 0) {
    const mend =
      otherTenants.length === 0
        ? 'check the id'
        : `a user of this id is in tenant ${otherTenants.slice(0, 5).join(', ')}: add --tenant ${otherTenants[0]}`;
    return `no event, profile or request of user "${userId}" (tenant ${tenantId}) is ${where}; ${mend}`;
  }
  if (campaignId === undefined || definitions === undefined || definitions.knows(tenantId, campaignId))
    return undefined;
  if (decisions.some((d) => d.campaignId === campaignId)) return undefined;
  const known = definitions.campaignIds(tenantId);
  const mend = known.length === 0 ? `tenant ${tenantId} has none` : `known are ${known.join(', ')}`;
  return `no campaign "${campaignId}" is ${where}; ${mend}`;
}

function headline({ tenantId, userId, records, definitions }: Story, requests: readonly RequestStory[]): string {
  const has = [
    counted(records.events.length, 'event'),
    counted(records.profiles.length, 'profile record'),
    counted(records.consents.length, 'consent change'),
    counted(records.sendRequests.length, 'send-request'),
  ];
  const first = `User ${userId} (tenant ${tenantId}): ${has.join(', ')}.`;
  if (definitions === undefined) return `${first}\nThe simulation ran without --campaigns, so nothing was decided.`;
  const outcomes = Object.entries(Object.groupBy(requests, (r) => r.outcome)).map(
    ([name, own]) => `${own?.length} ${name}`,
  );
  return `${first}\n${counted(requests.length, 'request')}${outcomes.length === 0 ? '' : `: ${outcomes.join(', ')}`}.`;
}

function silentOf(story: Story, requests: readonly RequestStory[]): Explanation['silent'] {
  const { definitions, tenantId, campaignId, replay } = story;
  if (definitions === undefined || replay === undefined) return [];
  const asked = new Set(requests.map((r) => r.campaignId));
  const ids = campaignId === undefined ? definitions.campaignIds(tenantId) : [campaignId];
  return ids.flatMap((id) => {
    if (!asked.has(id)) return [{ campaignId: id, why: whySilent(id, story, replay) }];
    const besides = [...lostInRun(id, story, replay), ...(campaignId === undefined ? [] : unmatchedOf(id, replay))];
    return besides.length === 0 ? [] : [{ campaignId: id, why: besides }];
  });
}

/** What the ids of a request's decisions, and of its sends, begin with. */
function storyOf({ decisionId }: Decision): string {
  return decisionId.replace(/#(h\d+\.)?(scheduled|final)$/, '');
}

/** The decisions of a request, on whatever channels, are one story: the last one holds every step. */
function requestStory(
  name: string,
  own: readonly Decision[],
  story: Story,
  all: ReadonlyMap<string, readonly Decision[]>,
): RequestStory {
  const tries = [...Map.groupBy(own, (d) => d.hop)].sort(([a], [b]) => a - b).map(([hop, made]) => tryOf(hop, made));
  const { last } = tries.at(-1) as Try;
  const { requestId, campaignId, requestedAt, outcome, reason } = last;
  const currency = story.definitions?.policy(story.tenantId, requestedAt).currency ?? '';
  const context: GateContext = { currency, requestedAt: (id) => all.get(id)?.[0]?.requestedAt };
  const results = tries.flatMap(({ hop, scheduled, final }) => {
    const said = [
      ...(scheduled === undefined ? [] : [scheduledText(scheduled)]),
      final === undefined ? 'not sent yet: its time has not come' : finalText(final, currency),
    ];
    const receipts = story.receipts.filter((r) => r.sendId === `${name}#${hop}`);
    return [...said.map((line) => `${TRIES[hop] ?? ''}${line}`), ...receiptTexts(receipts, zoneOf(last))];
  });
  const gates = last.steps.map((step) => gateText(step, context));
  return { requestId, campaignId, requestedAt, outcome, reason, trigger: triggerText(last, story), gates, results };
}

/** What the results of further channels begin with. */
const TRIES = ['', 'second try: ', 'third try: '];

/** A request's decisions on one channel. */
interface Try {
  readonly hop: number;
  readonly scheduled: Decision | undefined;
  readonly final: Decision | undefined;
  readonly last: Decision;
}

function tryOf(hop: number, made: readonly Decision[]): Try {
  const final = made.find((d) => d.outcome !== 'scheduled');
  const scheduled = made.find((d) => d.outcome === 'scheduled');
  return { hop, scheduled, final, last: (final ?? scheduled) as Decision };
}

function receiptTexts(receipts: readonly Receipt[], timezone: unknown): readonly string[] {
  return receipts.map(({ channel, status, occurredAt, error }) => {
    const why = error === null ? '' : ` (${error})`;
    return `${channel}: ${status} at ${localInstant(occurredAt, timezone)}${why}`;
  });
}

function triggerText({ source, cause, requestId, tenantId, userId }: Decision, { records }: Story): string {
  if (cause === null) return `the send-request ${requestId} (${source})`;
  const key = `${tenantId}/${userId}`;
  const at = cause.lastIndexOf('@');
  const time = Number(cause.slice(at + 1));
  const dated = Number.isFinite(time) && at >= 0 ? ` of ${instant(time)}` : '';
  const [kind, threshold] = cause.split(':');
  if (kind === 'inactive') return `the signal inactive after ${threshold}${dated}`;
  if (kind === 'returned') return `the signal returned${dated}`;
  if (kind === 'session') return `the session that began at ${instant(time)}, once it had closed`;
  if (kind === 'segment-entered') return `entering segment ${threshold?.split('#')[0]}${dated}`;
  if (kind === 'segment-left') return `leaving segment ${threshold?.split('#')[0]}${dated}`;
  if (kind === 'schedule') return `its schedule${dated}`;
  const eventId = cause.slice(`event:${keyInId(key)}:`.length, at);
  const type = records.events.find((e) => e.eventId === eventId && e.occurredAt === time)?.type;
  return `the event ${type === undefined ? eventId : `${type} (${eventId})`}${dated}`;
}
