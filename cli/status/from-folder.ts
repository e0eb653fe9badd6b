// A campaign's status from a simulation's --out folder: what its files say was reserved, sent and followed by a conversion.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { statusOf } from '../../api/campaign-status/compute.ts';
import type { CampaignStatus } from '../../api/campaign-status/model.ts';
import type { Campaign } from '../../schemas/campaign.ts';
import { localDate, zoneOrUtc } from '../../schemas/local-time.ts';
import { channelOf } from '../../schemas/policy.ts';
import type { BudgetDay } from '../../schemas/state-types.ts';
import { decisions, outcomes, receipts, sends, type Topic } from '../../schemas/topics.ts';
import type { Outcome } from '../../schemas/types.ts';
import type { CampaignResults } from '../../sinks/clickhouse/campaign-results.ts';
import { BadInput } from '../errors.ts';
import { readNdjson } from '../files/ndjson.ts';
import { SUMMARY_FILE } from '../simulate/out-folder.ts';
import { type Run, readRunFile } from '../simulate/run-file.ts';

/**
 * As of the end of the simulation. `asked`: the tenant, by default the simulation's. `receiptsFile`: what became of its messages; by default what the simulation was given. Throws
 * `BadInput` and `UnreadableFile`.
 */
export async function statusFromFolder(
  folder: string,
  asked: string | undefined,
  campaignId: string,
  receiptsFile?: string,
): Promise<CampaignStatus> {
  const { run } = readRunFile(folder);
  if (!existsSync(join(folder, SUMMARY_FILE))) {
    throw new BadInput(`--from ${folder}: the simulation did not finish; run it again`);
  }
  const { tenantId } = run;
  if (asked !== undefined && asked !== tenantId) {
    throw new BadInput(`--from ${folder}: its campaigns are of tenant ${tenantId}, not ${asked}; leave out --tenant`);
  }
  const campaign = run.campaigns?.find(({ id }) => id === campaignId);
  if (campaign === undefined) {
    const known = run.campaigns?.map(({ id }) => id).join(', ') ?? 'it ran without campaigns';
    throw new BadInput(`--from ${folder}: has no campaign ${campaignId}; choose from ${known}`);
  }
  const counted = new Counted(campaign);
  let latest = 0;
  const each = async <T extends Ids>(topic: Topic<T>, take: (value: T) => void): Promise<void> => {
    for await (const { lines } of readNdjson(join(folder, `${topic.name}.ndjson`), topic)) {
      for (const { value } of lines) {
        latest = Math.max(latest, topic.timeOf(value));
        if (value.tenantId === tenantId && value.campaignId === campaignId) take(value);
      }
    }
  };
  await each(decisions, ({ outcome, requestId, hop, channel, costMicros, dueAt, userId }) => {
    const id = `${requestId}#${hop}`;
    if (outcome === 'holdout') counted.holdoutUsers.add(userId);
    if (outcome !== 'scheduled') counted.pending.delete(id);
    else if (channel !== null && dueAt !== null)
      counted.pending.set(id, { channel, costMicros: costMicros ?? 0, dueAt });
  });
  const answers = await answersOf(receiptsFile ?? run.inputs.receipts, run);
  await each(sends, ({ sendId, channel, costMicros, dueAt, userId }) => {
    counted.users.add(userId);
    counted.messages++;
    counted.costMicros += costMicros;
    const answer = answers.get(`${sendId} ${channel}`);
    // What failed was given back.
    if (answer?.failed === true) return;
    const actual = answer?.costs.find((cost) => cost !== costMicros) ?? costMicros;
    counted.book({ channel, costMicros, dueAt }, actual);
  });
  // The newest of an id holds.
  const told = new Map<string, Outcome>();
  await each(outcomes, (outcome) => {
    told.set(outcome.outcomeId, outcome);
  });
  for (const outcome of told.values()) counted.follow(outcome);
  for (const message of counted.pending.values()) counted.book(message, null);
  return statusOf({
    ...{ tenantId, campaign, version: 1, now: run.until ?? latest },
    dearestMicros: Math.max(...campaign.channels.map((channel) => channelOf(run.policy, channel).costMicros)),
    ledger: counted.ledger(),
    dayOf: (day) => counted.days.get(day),
    outcomes: counted.results(),
  });
}

interface Answer {
  failed: boolean;
  /** Micro-units, in the order in which they were told; the first that is not the reserved one holds. */
  readonly costs: number[];
}

/** What receipts say of sends, by the send's id and channel: one of another channel answers another message. */
async function answersOf(
  file: string | undefined,
  { tenantId, until = Number.POSITIVE_INFINITY }: Pick<Run, 'tenantId' | 'until'>,
): Promise<ReadonlyMap<string, Answer>> {
  const answers = new Map<string, Answer>();
  if (file === undefined) return answers;
  for await (const { lines } of readNdjson(file, receipts, tenantId)) {
    for (const { value } of lines) {
      const { sendId, channel, status, occurredAt, costMicros } = value;
      if (occurredAt >= until) continue;
      const name = `${sendId} ${channel}`;
      const answer = answers.get(name) ?? { failed: false, costs: [] };
      answers.set(name, answer);
      if (status === 'failed') answer.failed = true;
      // A negative cost tells nothing, nor does that of a message that did not go out.
      else if (costMicros !== null && costMicros >= 0) answer.costs.push(costMicros);
    }
  }
  return answers;
}

interface Ids {
  readonly tenantId: string;
  readonly campaignId: string;
}

interface Message {
  readonly channel: string;
  readonly costMicros: number;
  readonly dueAt: number;
}

class Counted {
  /** Scheduled and not sent yet. */
  readonly pending = new Map<string, Message>();
  readonly days = new Map<string, BudgetDay>();
  readonly users = new Set<string>();
  readonly converted = new Set<string>();
  readonly holdoutUsers = new Set<string>();
  readonly holdoutConverted = new Set<string>();
  messages = 0;
  costMicros = 0;
  conversions = 0;
  holdoutConversions = 0;
  value: number | null = null;
  readonly #zone: ReturnType<typeof zoneOrUtc>['zone'];
  readonly #channels: Record<string, number> = {};
  readonly #spentChannels: Record<string, number> = {};
  #overrun = 0;

  constructor({ timezone }: Campaign) {
    this.#zone = zoneOrUtc(timezone).zone;
  }

  /** As `pace` does. `actual`: what it really cost, micro-units; null: it is not sent yet. */
  book({ channel, costMicros, dueAt }: Message, actual: number | null): void {
    const day = localDate(dueAt, this.#zone);
    const so = this.days.get(day) ?? { reserved: 0, spent: 0, messages: 0, spentMessages: 0 };
    // A lower cost frees the difference, a higher one is an overrun.
    const reserved = Math.min(costMicros, actual ?? costMicros);
    this.#overrun += Math.max(0, (actual ?? costMicros) - costMicros);
    this.#channels[channel] = (this.#channels[channel] ?? 0) + reserved;
    if (actual !== null) this.#spentChannels[channel] = (this.#spentChannels[channel] ?? 0) + actual;
    this.days.set(day, {
      reserved: so.reserved + reserved,
      spent: so.spent + (actual ?? 0),
      messages: so.messages + 1,
      spentMessages: so.spentMessages + (actual === null ? 0 : 1),
    });
  }

  follow({ kind, userId, value }: Outcome): void {
    if (kind === 'holdout-conversion') {
      this.holdoutConversions++;
      this.holdoutConverted.add(userId);
    } else if (kind === 'conversion') {
      this.conversions++;
      this.converted.add(userId);
      if (value !== null) this.value = (this.value ?? 0) + value;
    }
  }

  ledger(): Parameters<typeof statusOf>[0]['ledger'] {
    const sum = (name: keyof BudgetDay): number => [...this.days.values()].reduce((total, day) => total + day[name], 0);
    return {
      ...{ reserved: sum('reserved'), spent: sum('spent'), overrun: this.#overrun, days: {} },
      ...{ channels: this.#channels, spentChannels: this.#spentChannels },
      ...{ messages: sum('messages'), spentMessages: sum('spentMessages') },
    };
  }

  results(): CampaignResults {
    const { messages, costMicros, conversions, value, holdoutConversions } = this;
    return {
      ...{ messages, costMicros, conversions, value, holdoutConversions },
      ...{ users: this.users.size, convertedUsers: this.converted.size },
      ...{ holdoutUsers: this.holdoutUsers.size, holdoutConvertedUsers: this.holdoutConverted.size },
    };
  }
}
