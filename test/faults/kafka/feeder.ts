// Publishes the load while the faults go on, and remembers it.
import { setTimeout as delay } from 'node:timers/promises';
import { Publisher } from '../../../api/publisher.ts';
import type { NewRecord } from '../../../runtime/log.ts';
import { frame, unframe } from '../../../schemas/avro.ts';
import { consents, events, profiles, sendRequests, type Topic } from '../../../schemas/topics.ts';
import type { UserEvent } from '../../../schemas/types.ts';
import { type Ground, PARTITIONS } from './ground.ts';
import type { Load } from './load.ts';

const PIECE = 15;
const PIECE_EVERY = 150;
/** An Avro union's first branch, null: what a last field of that type, added to a record, is written as. */
const NULL_BRANCH = Buffer.from([0]);

export class Feeder {
  readonly #ground: Ground;
  readonly #load: Load;
  readonly #publisher: Publisher;
  readonly #events: UserEvent[] = [];
  /** Records of the stream inputs, by partition. */
  readonly #published: number[] = Array.from({ length: PARTITIONS }, () => 0);
  /** The id of a newer schema of events, which records are written with from then on. */
  #schemaId: number | undefined;
  #running: Promise<void> | undefined;
  #paused = false;
  #publishing: Promise<unknown> = Promise.resolve();
  #stopped = false;

  constructor(ground: Ground, load: Load) {
    this.#ground = ground;
    this.#load = load;
    this.#publisher = new Publisher(ground.cluster.log, ground.cluster.serde);
  }

  /** Every event that was published, in order. */
  get events(): readonly UserEvent[] {
    return this.#events;
  }

  get published(): readonly number[] {
    return this.#published;
  }

  /** Publishes what is to be there before the first start, and three records that no task can take. */
  async begin(): Promise<void> {
    const { early, ...tables } = this.#load;
    await this.#publisher.publish(profiles, tables.profiles);
    await this.#publisher.publish(consents, tables.consents);
    await this.#append(this.#encoded(sendRequests, tables.requests));
    await this.#append(this.#encoded(events, early));
    this.#events.push(...early);
    const [good] = this.#encoded(events, early.slice(0, 1)) as [NewRecord];
    await this.#append([
      { ...good, value: Buffer.from('no Avro') },
      { ...good, value: frame(0x7fff_fffe, Buffer.from('of a schema that nobody knows')) },
      { ...good, key: Buffer.from('default/somebody-else') },
    ]);
  }

  start(): void {
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#running;
  }

  /** Resolves when nothing is under way any more. */
  async pause(): Promise<void> {
    this.#paused = true;
    await this.#publishing;
  }

  resume(): void {
    this.#paused = false;
  }

  /** Moves time on, in every partition. */
  advance(to: number): Promise<void> {
    return this.#publisher.advance(to);
  }

  /** From now on producers write with a newer schema, one field longer, that no instance has met yet. */
  async renewSchema(): Promise<void> {
    const schema = JSON.parse(events.codec.json) as { readonly fields: readonly object[] };
    const added = { name: `added${this.#events.length}`, type: ['null', 'string'], default: null };
    const body = JSON.stringify({ schema: JSON.stringify({ ...schema, fields: [...schema.fields, added] }) });
    const headers = { 'content-type': 'application/vnd.schemaregistry.v1+json' };
    const url = `${this.#ground.registryUrl}/subjects/${events.topic}-value/versions`;
    const response = await fetch(url, { method: 'POST', body, headers });
    if (!response.ok) throw new Error(`the newer schema is refused: ${await response.text()}`);
    this.#schemaId = ((await response.json()) as { readonly id: number }).id;
  }

  async #run(): Promise<void> {
    while (!this.#stopped) {
      if (!this.#paused) {
        const piece = this.#load.next(PIECE);
        this.#publishing = this.#append(this.#encoded(events, piece).map((record) => this.#renewed(record)));
        await this.#publishing;
        this.#events.push(...piece);
      }
      await delay(PIECE_EVERY);
    }
  }

  #encoded<T>(topic: Topic<T>, values: readonly T[]): NewRecord[] {
    return values.map((value) => this.#ground.cluster.serde.encode(topic as Topic<unknown>, value, PARTITIONS));
  }

  #renewed(record: NewRecord): NewRecord {
    const written = this.#schemaId === undefined ? undefined : unframe(record.value as Buffer);
    if (written === undefined) return record;
    return { ...record, value: frame(this.#schemaId as number, Buffer.concat([written.avro, NULL_BRANCH])) };
  }

  async #append(records: readonly NewRecord[]): Promise<void> {
    await this.#ground.cluster.log.append(records);
    for (const { partition } of records) this.#published[partition] = (this.#published[partition] ?? 0) + 1;
  }
}
