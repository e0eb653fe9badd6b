// Reads whole topics back from the log, decoded.
import type { Log } from '../runtime/log.ts';
import { partitionOf } from '../runtime/partition.ts';
import { type Serde, timeMark } from '../runtime/serde.ts';
import type { Topic } from '../schemas/topics.ts';

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
