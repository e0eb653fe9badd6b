// What kafkajs does by itself, as its documentation shows it: what our own use of it is compared with.
import kafkajs from 'kafkajs';

/** As in `KafkaClient`: with its own first wait of 300 ms every transaction takes that long. */
const RETRY = { initialRetryTime: 5, factor: 0.2, multiplier: 1.3, retries: 50 };
const COPIES = 'bench-plain-copies';
/** A broker takes no batch above 1 MB. */
const SEND = 500;

export interface PlainLoop {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Records on it. */
  readonly count: number;
  /** Of the topic that is copied to. */
  readonly partitions: number;
  /** Each record is produced again, with the offsets in the same transaction; else it is only received. */
  readonly copy: boolean;
  readonly onFirst: () => void;
  readonly onLast: () => void;
}

/** Resolves when all records were taken, and everything is closed. */
export async function plainLoop({
  brokers,
  topic,
  count,
  partitions,
  copy,
  onFirst,
  onLast,
}: PlainLoop): Promise<void> {
  const name = `bench-plain-${process.pid}`;
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], clientId: name, logLevel: kafkajs.logLevel.NOTHING });
  const admin = kafka.admin();
  await admin.connect();
  if (copy) await admin.createTopics({ topics: [{ topic: COPIES, numPartitions: partitions }], waitForLeaders: true });
  const producer = copy
    ? kafka.producer({ transactionalId: name, idempotent: true, maxInFlightRequests: 1, retry: RETRY })
    : undefined;
  await producer?.connect();
  const consumer = kafka.consumer({ groupId: name, maxWaitTimeInMs: 50 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  let done = 0;
  const finished = new Promise<void>((resolve, reject) => {
    consumer.on('consumer.crash', ({ payload }) => reject(payload.error));
    void consumer.run({
      autoCommit: producer === undefined,
      eachBatchAutoResolve: true,
      eachBatch: async ({ batch }) => {
        const { messages, partition } = batch;
        if (done === 0) onFirst();
        if (producer !== undefined) {
          const transaction = await producer.transaction();
          for (let at = 0; at < messages.length; at += SEND) {
            const copies = messages.slice(at, at + SEND).map(({ key, value }) => ({ key, value, partition }));
            await transaction.send({ topic: COPIES, messages: copies });
          }
          const offset = String(BigInt(batch.lastOffset()) + 1n);
          const topics = [{ topic, partitions: [{ partition, offset }] }];
          await transaction.sendOffsets({ consumerGroupId: name, topics });
          await transaction.commit();
        }
        done += messages.length;
        if (done < count) return;
        onLast();
        resolve();
      },
    });
  });
  try {
    await finished;
  } finally {
    await consumer.disconnect();
    await producer?.disconnect();
    await admin.disconnect();
  }
}

/** Calls back for the committed records of a topic from now on, as soon as a broker gives them; returns how to stop. */
export async function plainTail(
  brokers: readonly string[],
  topic: string,
  onRecord: (key: string) => void,
): Promise<() => Promise<void>> {
  const name = `bench-tail-${process.pid}-${Math.round(performance.now())}`;
  const kafka = new kafkajs.Kafka({ brokers: [...brokers], clientId: name, logLevel: kafkajs.logLevel.NOTHING });
  const consumer = kafka.consumer({ groupId: name, readUncommitted: false, maxWaitTimeInMs: 1000, minBytes: 1 });
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  const joined = new Promise<void>((resolve) => void consumer.on('consumer.group_join', () => resolve()));
  await consumer.run({
    autoCommit: false,
    eachBatch: async ({ batch }) => {
      for (const { key } of batch.messages) onRecord(key?.toString('utf8') ?? '');
    },
  });
  await joined;
  return () => consumer.disconnect();
}
