// A process to be killed: `node commit-loop.ts FOLDER`. Commit i writes record i to every partition of `out`, input offset i
// and state i, together; it begins where the last process got to and never ends by itself.
import { writeSync } from 'node:fs';
import { EmbeddedLog } from '../embedded-log.ts';

export const INPUT = { topic: 'in', partition: 0 } as const;
export const OUTPUT = 'out';
export const PARTITIONS = 2;
export const GROUP = 'loop';
export const STATE_KEY = Buffer.from('i');

if (import.meta.main) {
  const log = await EmbeddedLog.open(process.argv[2]);
  await log.createTopics([
    { topic: INPUT.topic, partitions: 1, cleanup: 'delete' },
    { topic: OUTPUT, partitions: PARTITIONS, cleanup: 'delete' },
  ]);
  const task = await log.openTask(GROUP, 0);
  for (let i = task.position(INPUT) + 1; ; i++) {
    const value = Buffer.from(String(i));
    await task.commit({
      outputs: Array.from({ length: PARTITIONS }, (_, partition) => {
        return { topic: OUTPUT, partition, timestamp: i, key: value, value: Buffer.alloc(200, value) };
      }),
      offsets: [{ ...INPUT, offset: i }],
      changes: [{ key: STATE_KEY, value }],
    });
    if (i % 10 === 0) writeSync(1, `${i}\n`);
  }
}
