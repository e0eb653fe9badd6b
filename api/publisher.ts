// Puts records in the topics' JSON form on the log.
import type { Log } from '../runtime/log.ts';
import { ADVANCE_TO, type Serde } from '../runtime/serde.ts';
import { Definitions } from '../schemas/definitions.ts';
import { BadValue, jsonForm } from '../schemas/json-form.ts';
import { campaigns, consents, events, profiles, receipts, sendRequests, type Topic } from '../schemas/topics.ts';
import type { CampaignDefinition } from '../schemas/types.ts';

/** Topics that producers write, receipts of providers among them; the others are the topologies' own. */
export const publishable: readonly Topic<unknown>[] = [events, profiles, consents, sendRequests, receipts];

/** What an instance takes over HTTP: definitions too, as `campaigns apply` sends them. */
export const accepted: readonly Topic<unknown>[] = [...publishable, campaigns];

export interface BadRecord {
  /** Within what was given, from 1. */
  readonly line: number;
  readonly message: string;
}

export class Publisher {
  readonly #log: Log;
  readonly #serde: Serde;

  constructor(log: Log, serde: Serde) {
    this.#log = log;
    this.#serde = serde;
  }

  /** Appends values of a topic in one step, in their order. */
  async publish(topic: Topic<unknown>, values: readonly unknown[]): Promise<void> {
    const partitions = this.#log.partitions(topic.topic);
    await this.#log.append(values.map((value) => this.#serde.encode(topic, value, partitions)));
  }

  /** Appends the good lines of NDJSON; resolves to how many they were, and to what is wrong with the others. */
  async publishLines(
    topic: Topic<unknown>,
    text: string,
  ): Promise<{ readonly accepted: number; readonly bad: readonly BadRecord[] }> {
    const form = jsonForm(topic);
    const values: unknown[] = [];
    const bad: BadRecord[] = [];
    text.split('\n').forEach((line, i) => {
      if (line === '' || line === '\r') return;
      try {
        const value = form.read(JSON.parse(line));
        if (topic.name === campaigns.name) checkDefinition(value as CampaignDefinition);
        values.push(value);
      } catch (error) {
        bad.push({ line: i + 1, message: error instanceof BadValue ? error.message : 'is not JSON' });
      }
    });
    if (values.length > 0) await this.publish(topic, values);
    return { accepted: values.length, bad };
  }

  /** Writes a time mark to every partition of events: instances that follow event time move on to it. */
  async advance(to: number): Promise<void> {
    const mark = {
      topic: events.topic,
      timestamp: to,
      key: null,
      value: null,
      headers: { [ADVANCE_TO]: new Date(to).toISOString() },
    };
    const partitions = Array.from({ length: this.#log.partitions(events.topic) }, (_, partition) => partition);
    await this.#log.append(partitions.map((partition) => ({ ...mark, partition })));
  }
}

/** A definition that no instance could read would be skipped by all of them, in silence. Throws `BadValue`. */
function checkDefinition(record: CampaignDefinition): void {
  try {
    new Definitions().apply(record);
  } catch (error) {
    throw new BadValue('definition', (error as Error).message.replaceAll('\n', '; '));
  }
}
