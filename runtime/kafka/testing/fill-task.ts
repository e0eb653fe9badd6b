// Commits to a task until its local state can't be written, then closes everything, and ends as soon as nothing is left open.
//   fill-task.ts BROKERS APP STATE_DIR
import { KafkaLog } from '../kafka-log.ts';

const MOST = 4000;

const [brokers = '', app = '', stateDir = ''] = process.argv.slice(2);
const log = await KafkaLog.open({ brokers: brokers.split(','), clientId: 'fill', app, stateDir });
const task = await log.openTask('g', 0);
try {
  for (let i = 0; i < MOST; i++) {
    const changes = [{ key: Buffer.from(`k${i}`), value: Buffer.alloc(100_000, i) }];
    await task.commit({ outputs: [], offsets: [], changes });
  }
  process.stdout.write('never full\n');
} catch (error) {
  process.stdout.write(`${(error as Error).name}\n`);
}
await task.close();
await log.close();
