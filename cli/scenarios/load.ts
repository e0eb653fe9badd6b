// Scenario files from disk, with their records made and everything checked.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { GLOBAL_SCOPE, position, scopeOf } from '../../processors/decide/holdout.ts';
import { variantOf } from '../../processors/decide/variant.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { BadValue, jsonForm } from '../../schemas/json-form.ts';
import { hint, type Problem, problem } from '../../schemas/problems.ts';
import { consents, events, profiles, sendRequests, type Topic } from '../../schemas/topics.ts';
import type { Receipt } from '../../schemas/types.ts';
import { SCENARIO_FILE } from '../files/load-campaigns.ts';
import type { LoadedDefinitions } from '../files/load-definitions.ts';
import { type FileProblem, readYaml } from '../files/read-yaml.ts';
import { type Expected, type Given, parseScenarios, type ScenarioFile, zoneOf } from './model.ts';
import { type Calendar, instantOf, type Moment } from './moments.ts';

/** A record of a topic, at its time. */
export interface GivenRecord {
  readonly at: number;
  readonly topic: Topic<unknown>;
  readonly value: unknown;
}

/** What a provider answers to one of the messages that the user got by then. */
export interface GivenReceipt {
  readonly at: number;
  readonly status: Receipt['status'];
  /** Counted from 1; null: the newest. */
  readonly message: number | null;
  readonly error: string | null;
}

/** A scenario that is ready to run. */
export interface Scenario {
  readonly file: string;
  readonly line: number | null;
  readonly tenantId: string;
  readonly name: string;
  readonly campaignId: string;
  readonly userId: string;
  readonly calendar: Calendar;
  readonly latenessMs: number;
  /** Tables first, then in order of time. */
  readonly records: readonly GivenRecord[];
  readonly receipts: readonly GivenReceipt[];
  /** Epoch ms: what is due then still happens. */
  readonly until: number;
  readonly expected: readonly Expected[];
}

export interface LoadedScenarios {
  readonly scenarios: readonly Scenario[];
  readonly problems: readonly FileProblem[];
}

type Keys = readonly (string | number)[];
type Refuse = (keys: Keys, reason: string, mend: string) => void;

/** What scenarios are about. Of what is wrong with it itself it is known where it is told, so no scenario is held to that. */
type Definitions = Pick<LoadedDefinitions, 'campaigns' | 'ids' | 'policy'>;

/** Reads every *.test.yaml of the folder; never throws for what is wrong with them, nor with the definitions. */
export function loadScenarios(
  folder: string,
  definitions: Definitions,
  tenantId: string = DEFAULT_TENANT,
): LoadedScenarios {
  const loaded = scenarioFiles(folder).map((name) => loadFile(join(folder, name), name, { ...definitions, tenantId }));
  return {
    scenarios: loaded.flatMap(({ scenarios }) => scenarios),
    problems: loaded.flatMap(({ problems }) => problems),
  };
}

function scenarioFiles(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => SCENARIO_FILE.test(name))
      .sort();
  } catch {
    // Told of the campaigns, which lie there too.
    return [];
  }
}

function loadFile(file: string, name: string, around: Omit<Around, 'campaignId'>): LoadedScenarios {
  const yaml = readYaml(file);
  if (!yaml.ok) return { scenarios: [], problems: yaml.problems };
  const placed = (found: readonly Problem[]): FileProblem[] =>
    found.map((each) => ({ ...each, file, ...yaml.placeOf(each.keys) }));
  const parsed = parseScenarios(yaml.value);
  if (!parsed.ok) return { scenarios: [], problems: placed(parsed.problems) };

  const problems: Problem[] = [];
  const refuse: Refuse = (keys, reason, mend) => problems.push(problem(keys, reason, mend));
  const campaignId = parsed.value.campaign ?? name.replace(/\.test\.ya?ml$/, '');
  const { ids } = around;
  if (ids !== null && !ids.includes(campaignId)) {
    const keys = parsed.value.campaign === undefined ? [] : ['campaign'];
    refuse(keys, `"${campaignId}" is no campaign of the folder`, `${hint(campaignId, ids)} Or name it as campaign:`);
  }
  const scenarios = parsed.value.scenarios.map((_, i): Scenario => {
    const made = make(parsed.value, i, { ...around, campaignId }, refuse);
    return { file: name, tenantId: around.tenantId, line: yaml.placeOf(['scenarios', i]).line, ...made };
  });
  return { scenarios: problems.length === 0 ? scenarios : [], problems: placed(problems) };
}

interface Around extends Definitions {
  readonly tenantId: string;
  readonly campaignId: string;
}

function make(
  file: ScenarioFile,
  i: number,
  around: Around,
  refuse: Refuse,
): Omit<Scenario, 'file' | 'line' | 'tenantId'> {
  const scenario = file.scenarios[i] as ScenarioFile['scenarios'][number];
  const given: Given = { ...file.given, ...scenario.given };
  // A part that the scenario does not have is the file's.
  const place = (part: keyof Given, ...rest: Keys): Keys =>
    scenario.given?.[part] === undefined ? ['given', part, ...rest] : ['scenarios', i, 'given', part, ...rest];
  const { ids } = around;
  const expects = (id: string | null | undefined, keys: Keys): void => {
    if (ids !== null && id !== null && id !== undefined && !ids.includes(id))
      refuse(keys, `"${id}" is no campaign of the folder`, hint(id, ids));
  };
  for (const [at, { campaign }] of scenario.expect.entries()) {
    expects(campaign, ['scenarios', i, 'expect', at, 'campaign']);
  }
  for (const [at, { campaign }] of (given.requests ?? []).entries()) {
    expects(campaign, place('requests', at, 'campaign'));
  }

  const calendar = { start: file.start, zone: zoneOf(given.profile) };
  const userId = given.user ?? userFor(given, around, place, refuse);
  const records = recordsOf(
    given,
    { tenantId: around.tenantId, userId, calendar, campaignId: around.campaignId },
    place,
    refuse,
  );
  const receipts = (given.receipts ?? []).map(({ at, status, message = null, error = null }) => ({
    ...{ at: instantOf(at, calendar), status: status as Receipt['status'], message, error },
  }));
  const last = Math.max(
    instantOf({ kind: 'offset', ms: 0 }, calendar),
    ...records.map(({ at }) => at),
    ...receipts.map(({ at }) => at),
  );
  return {
    name: scenario.name,
    campaignId: around.campaignId,
    userId,
    calendar,
    latenessMs: file.lateness,
    records: [...records].sort((a, b) => a.at - b.at || rank(a) - rank(b)),
    receipts: [...receipts].sort((a, b) => a.at - b.at),
    until: untilOf(scenario, last, calendar, (reason, mend) => refuse(['scenarios', i, 'until'], reason, mend)),
    expected: scenario.expect,
  };
}

const DEFAULT_WAIT = 30 * 86_400_000;

function untilOf(
  { after, until }: ScenarioFile['scenarios'][number],
  last: number,
  calendar: Calendar,
  refuse: (reason: string, mend: string) => void,
): number {
  if (until === undefined) return last + (after ?? DEFAULT_WAIT);
  // A day without a time means all of it.
  const end = until.kind === 'day' && until.minutes === null ? { ...until, day: until.day + 1 } : until;
  const at = instantOf(end, calendar);
  if (at < last) refuse('is before the last of what is given', 'write a later moment');
  return at;
}

const CANDIDATES = 10_000;

/** A user who is held out or not, and has the variant, as the scenario wishes. */
function userFor(
  given: Given,
  { tenantId, campaignId, campaigns, policy }: Around,
  place: Place,
  refuse: Refuse,
): string {
  const campaign = campaigns.find(({ id }) => id === campaignId);
  const { holdout = false, variant } = given;
  if (campaign === undefined || policy === null) return 'user-1';
  for (let i = 1; i <= CANDIDATES; i++) {
    const userId = `user-${i}`;
    const isHeldOut = (scope: string, share: number): boolean => position(tenantId, scope, userId) < share;
    const own = isHeldOut(GLOBAL_SCOPE, policy.holdout) || isHeldOut(scopeOf(campaignId), campaign.holdout);
    const fits = holdout ? own : !own && campaigns.every((one) => !isHeldOut(scopeOf(one.id), one.holdout));
    if (fits && (variant === undefined || variantOf(campaign, { tenantId, userId }) === variant)) return userId;
  }
  const part = variant === undefined ? 'holdout' : 'variant';
  refuse(place(part), 'fits no user of the campaign', "compare it with the campaign's holdout and variants");
  return 'user-1';
}

type Place = (part: keyof Given, ...rest: Keys) => Keys;

interface Who {
  readonly tenantId: string;
  readonly userId: string;
  readonly calendar: Calendar;
  readonly campaignId: string;
}

function recordsOf(
  given: Given,
  { tenantId, userId, calendar, campaignId }: Who,
  place: Place,
  refuse: Refuse,
): GivenRecord[] {
  const at = (moment: Moment): number => instantOf(moment, calendar);
  const before = at({ kind: 'day', day: 0, minutes: 0 });
  const records: GivenRecord[] = [];
  const add = (topic: Topic<unknown>, value: object, keys: Keys): void => {
    try {
      const record = jsonForm(topic).read({ tenantId, userId, ...value });
      records.push({ at: topic.timeOf(record), topic, value: record });
    } catch (error) {
      if (!(error instanceof BadValue)) throw error;
      const path = error.path === '' ? [] : error.path.split('.');
      refuse([...keys, ...path], (error.message.split('\n')[0] ?? '').replace(`${error.path}: `, ''), RECORD_MEND);
    }
  };
  if (given.profile !== undefined) add(profiles, { updatedAt: before, ...given.profile }, place('profile'));
  given.consents?.forEach(({ at: moment, channel, ...consent }, i) => {
    const changedAt = moment === undefined ? before : at(moment);
    add(consents, { ...consent, ...(channel === undefined ? {} : { channel }), changedAt }, place('consents', i));
  });
  given.events?.forEach(({ at: moment, type, id, session, properties, repeat }, i) => {
    for (let n = 0; n < repeat; n++) {
      // Repeats are a second apart.
      const occurredAt = at(moment) + n * 1000;
      const eventId = `${id ?? `event-${i + 1}`}${repeat === 1 ? '' : `-${n + 1}`}`;
      const sessionId = session === undefined ? {} : { sessionId: session };
      add(events, { eventId, type, properties, occurredAt, ...sessionId }, place('events', i));
    }
  });
  given.requests?.forEach(({ at: moment, campaign, id, data, notBefore }, i) => {
    const wish = notBefore === undefined ? {} : { notBefore: at(notBefore) };
    const value = {
      requestId: id ?? `request-${i + 1}`,
      campaignId: campaign ?? campaignId,
      source: 'api',
      data,
      ...wish,
    };
    add(sendRequests, { ...value, requestedAt: at(moment) }, place('requests', i));
  });
  return records;
}

const RECORD_MEND = 'write it as in the JSON form of the topic';

function rank({ topic }: GivenRecord): number {
  return topic === events ? 1 : topic === sendRequests ? 2 : 0;
}
