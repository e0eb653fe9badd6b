// A member of a group, to be killed by a test: prints each set of partitions that it is assigned.
//   member.ts BROKERS APP STATE_DIR TOPIC PARTITIONS SESSION_TIMEOUT
import { KafkaLog } from '../kafka-log.ts';

const [brokers = '', app = '', stateDir = '', topic = '', partitions, sessionTimeout] = process.argv.slice(2);
const log = await KafkaLog.open({
  brokers: brokers.split(','),
  clientId: 'member',
  app,
  stateDir,
  sessionTimeout: Number(sessionTimeout),
});
await log.createTopics([{ topic, partitions: Number(partitions), cleanup: 'delete' }]);
await log.join('g', [topic], {
  assigned: async (owned) => {
    process.stdout.write(`${JSON.stringify(owned)}\n`);
  },
});
