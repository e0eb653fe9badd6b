// An instance that copies a topic's records one by one, each in a transaction with its offset and a count: "assigned", "opened"
// and the offset of each commit are printed, a line each. It pauses itself (SIGSTOP) at the step of its nth commit.
//   committer.ts BROKERS APP STATE_DIR INPUT OUTPUT TRANSACTION_TIMEOUT SESSION_TIMEOUT STEP NTH
import { subscribe } from 'node:diagnostics_channel';
import { pino } from 'pino';
import { GroupRunner, type Runner } from '../../group-runner.ts';
import { STEP_CHANNEL, type StepMessage } from '../../steps.ts';
import { KafkaLog } from '../kafka-log.ts';

export const GROUP = 'copy';
export const COUNT_KEY = Buffer.from('count');

const IDLE = 20;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const [
  brokers = '',
  app = '',
  stateDir = '',
  input = '',
  output = '',
  transactionTimeout,
  sessionTimeout,
  pauseAt,
  nth,
] = process.argv.slice(2);
if (brokers !== '') await main();

async function main(): Promise<void> {
  let left = Number(nth);
  subscribe(STEP_CHANNEL, (message) => {
    if ((message as StepMessage).step === pauseAt && --left === 0) process.kill(process.pid, 'SIGSTOP');
  });
  const log = await KafkaLog.open({
    brokers: brokers.split(','),
    clientId: 'committer',
    app,
    stateDir,
    transactionTimeout: Number(transactionTimeout),
    sessionTimeout: Number(sessionTimeout),
  });
  await log.createTopics([input, output].map((topic) => ({ topic, partitions: 1, cleanup: 'delete' as const })));
  const runner = new GroupRunner({
    group: GROUP,
    topics: [input],
    log,
    runnerOf: (partition) => copier(log, partition),
    logger: pino({ level: 'info' }, process.stderr),
    onFailure: () => process.exit(1),
  });
  await runner.start();
  say('assigned');
}

function copier(log: KafkaLog, partition: number): Runner {
  let stopping = false;
  return {
    name: `${GROUP}.${partition}`,
    quiet: true,
    stop: () => {
      stopping = true;
    },
    async run() {
      const task = await log.openTask(GROUP, partition);
      say('opened');
      try {
        while (!stopping) {
          const from = { topic: input, partition };
          const [record] = await log.read(from, task.position(from), 1);
          if (record === undefined) {
            await new Promise((resolve) => setTimeout(resolve, IDLE));
            continue;
          }
          const { offset, timestamp, key, value } = record;
          const count = Number(task.store.get(COUNT_KEY) ?? 0) + 1;
          await task.commit({
            outputs: [{ topic: output, partition, timestamp, key, value }],
            offsets: [{ ...from, offset: offset + 1 }],
            changes: [{ key: COUNT_KEY, value: Buffer.from(String(count)) }],
          });
          say(String(offset));
        }
      } finally {
        await task.close();
      }
    },
  };
}
