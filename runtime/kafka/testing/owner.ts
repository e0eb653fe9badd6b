// The owner of a task, to be killed by a test: commits to output, offset and state the number of the commit, and prints it.
// With `hold N` the Nth commit's transaction is sent whole, said so (`held`), and its end never leaves the process.
//   owner.ts BROKERS APP STATE_DIR TOPIC [hold N]
import { KafkaLog } from '../kafka-log.ts';
import { RecordProducer } from '../producer.ts';

export const GROUP = 'owner';
export const STATE_KEY = Buffer.from('commits');

const [brokers = '', app = '', stateDir = '', topic = '', , hold] = process.argv.slice(2);
if (brokers !== '') await main();

async function main(): Promise<void> {
  if (hold !== undefined) holdTransaction(Number(hold));
  const log = await KafkaLog.open({ brokers: brokers.split(','), clientId: 'owner', app, stateDir });
  await log.createTopics([{ topic, partitions: 2, cleanup: 'delete' }]);
  const task = await log.openTask(GROUP, 0);
  for (let n = task.position({ topic, partition: 1 }) + 1; ; n++) {
    const value = Buffer.from(String(n));
    await task.commit({
      outputs: [{ topic, partition: 0, timestamp: n, key: null, value }],
      offsets: [{ topic, partition: 1, offset: n }],
      changes: [{ key: STATE_KEY, value }],
    });
    process.stdout.write(`${n}\n`);
  }
}

function holdTransaction(at: number): void {
  const { commit } = RecordProducer.prototype;
  let begun = 0;
  RecordProducer.prototype.commit = function (this: RecordProducer): Promise<void> {
    if (++begun !== at) return commit.call(this);
    process.stdout.write('held\n');
    return new Promise(() => {});
  };
}
