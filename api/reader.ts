// Reads whole topics back from the log, decoded.
import type { Log } from '../runtime/log.ts';
import { partitionOf } from '../runtime/partition.ts';
import { type Serde, timeMark } from '../runtime/serde.ts';
import { jsonForm } from '../schemas/json-form.ts';
import { type Topic, topicNamed } from '../schemas/topics.ts';
import { deadLetters, wholeLine } from './dead-letters.ts';

const FETCH = 2048;

/** Every record of the topic in batches, partition by partition, up to its end now. `key`: those of one key alone. */
export async function* readTopic<T>(
  log: Log,
  serde: Serde,
  topic: Topic<T>,
  key?: string,
): AsyncGenerator<readonly T[]> {
  const partitions = log.partitions(topic.topic);
  const wanted = key === undefined ? Array.from({ length: partitions }, (_, p) => p) : [partitionOf(key, partitions)];
  const keyBytes = key === undefined ? undefined : Buffer.from(key);
  for (const partition of wanted) {
    const input = { topic: topic.topic, partition };
    const end = await log.endOffset(input);
    for (let at = 0; at < end; ) {
      const records = await log.read(input, at, FETCH);
      const last = records[records.length - 1];
      if (last === undefined) break;
      at = last.offset + 1;
      const mine = records.filter(
        (r) => timeMark(r) === undefined && (keyBytes === undefined || r.key?.equals(keyBytes)),
      );
      await serde.learn(mine);
      const values = mine.map((record) => serde.decode(topic as Topic<unknown>, record));
      yield values.flatMap((decoded) => ('value' in decoded ? [decoded.value as T] : []));
    }
  }
}

/** Topics that can be read back as lines, by their short names: the typed ones and the dead letters. */
export const DEAD_LETTERS_NAME = 'dead-letters';

export function isReadable(name: string): boolean {
  return name === DEAD_LETTERS_NAME || topicNamed(name) !== undefined;
}

/**
 * A topic as NDJSON, in pieces of some thousand lines; `tenantId`: the records of this tenant alone. Throws for a name that is not
 * readable.
 */
export async function* topicLines(log: Log, serde: Serde, name: string, tenantId?: string): AsyncGenerator<string> {
  if (name === DEAD_LETTERS_NAME) {
    for await (const letters of deadLetters(log, { tenant: tenantId })) yield `${letters.map(wholeLine).join('\n')}\n`;
    return;
  }
  const topic = topicNamed(name);
  if (topic === undefined) throw new Error(`there is no topic ${name}`);
  const form = jsonForm(topic);
  for await (const values of readTopic(log, serde, topic as Topic<{ readonly tenantId: string }>)) {
    const own = tenantId === undefined ? values : values.filter((value) => value.tenantId === tenantId);
    if (own.length > 0) yield `${own.map((value) => form.write(value)).join('\n')}\n`;
  }
}
