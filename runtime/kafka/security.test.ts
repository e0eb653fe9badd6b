import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import kafkajs from 'kafkajs';
import { afterAll, afterEach, describe, expect, test } from 'vitest';
import { NO_KAFKA, type OwnKafka, startOwnKafka } from '../../test/servers/kafka.ts';
import { Unrecoverable } from '../errors.ts';
import { readAll, record, valuesOf } from '../testing/log-suite.ts';
import { KafkaClient, type KafkaConnection } from './client.ts';
import { KafkaLog } from './kafka-log.ts';
import { makeCertificates } from './testing/certificates.ts';

const root = mkdtempSync(join(tmpdir(), 'beckon-kafka-security-'));
const certificates = makeCertificates(root);
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
const SCRAM = 'org.apache.kafka.common.security.scram.ScramLoginModule required;';
const jaas = (listener: string): Record<string, string> => ({
  [`listener.name.${listener}.plain.sasl.jaas.config`]: `${PLAIN} user_app="secret" user_guest="g";`,
  [`listener.name.${listener}.scram-sha-256.sasl.jaas.config`]: SCRAM,
  [`listener.name.${listener}.scram-sha-512.sasl.jaas.config`]: SCRAM,
});
const server = await startOwnKafka({
  listeners: {
    ASKING: 'SASL_PLAINTEXT',
    ...(certificates === undefined ? {} : { SECRET: 'SSL', BOTH: 'SASL_SSL' }),
  },
  users: { app: 'secret' },
  settings: {
    'sasl.enabled.mechanisms': 'PLAIN,SCRAM-SHA-256,SCRAM-SHA-512',
    ...jaas('asking'),
    ...jaas('both'),
    ...certificates?.settings,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // Who comes by the open or the TLS listener has no name.
    'super.users': 'User:app;User:ANONYMOUS',
  },
});
const opened: KafkaLog[] = [];
afterEach(async () => {
  for (const log of opened.splice(0)) await log.close();
});
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

let names = 0;
async function open(listener: string, more: Partial<KafkaConnection> = {}, app = `app${names++}`): Promise<KafkaLog> {
  const address = (server as OwnKafka).listeners[listener] as string;
  const log = await KafkaLog.open({ brokers: [address], clientId: 'test', app, stateDir: join(root, app), ...more });
  opened.push(log);
  return log;
}
const sasl = (mechanism: 'plain' | 'scram-sha-256' | 'scram-sha-512', username = 'app', password = 'secret') =>
  ({ sasl: { mechanism, username, password } }) as const;

/** Everything that a log does. */
async function use(log: KafkaLog): Promise<void> {
  const output = { topic: `out${names++}`, partition: 0 };
  await log.createTopics([{ topic: output.topic, partitions: 1, cleanup: 'delete' }]);
  const membership = await log.join('g', [output.topic], { assigned: async () => {} });
  const task = await log.openTask('g', 0);
  await task.commit({ outputs: [record(output, 'a')], offsets: [{ ...output, offset: 1 }], changes: [] });
  await log.append([record(output, 'b')]);
  expect(valuesOf(await readAll(log, output))).toEqual(['a', 'b']);
  await membership.leave();
}

describe.skipIf(server === undefined)(server === undefined ? NO_KAFKA : 'a broker that asks who is there', () => {
  test.each(['plain', 'scram-sha-256', 'scram-sha-512'] as const)(
    'takes the right password by %s',
    async (mechanism) => {
      await use(await open('ASKING', sasl(mechanism)));
    },
  );

  test.each(['plain', 'scram-sha-512'] as const)(
    'refuses a wrong one by %s at once, without telling it',
    async (by) => {
      const opening = open('ASKING', sasl(by, 'app', 'wrong-secret'));
      await expect(opening).rejects.toThrow(Unrecoverable);
      await expect(opening).rejects.toThrow('check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD');
      await expect(opening).rejects.not.toThrow('wrong-secret');
    },
  );

  test.skipIf(certificates === undefined)('is reached by TLS, with and without a password', async () => {
    const ssl = { ca: [certificates?.ca as string] };
    await use(await open('SECRET', { ssl }));
    await use(await open('BOTH', { ssl, ...sasl('scram-sha-512') }));
  });

  test.skipIf(certificates === undefined)(
    'is not trusted where its certificate is by an unknown authority',
    async () => {
      const opening = open('SECRET', { ssl: true });
      await expect(opening).rejects.toThrow(Unrecoverable);
      await expect(opening).rejects.toThrow('set KAFKA_TLS_CA to the PEM file of the authority');
    },
  );

  test('says what right is missing, and to what', async () => {
    const { acl, allowTo } = await rights();
    const [app, topic] = ['guests', 'shop'];
    // Who may write nowhere may not even ask for an idempotent producer.
    await expect(open('ASKING', sasl('plain', 'guest', 'g'))).rejects.toThrow('IdempotentWrite on the cluster');
    await allowTo('TOPIC', 'another', ['WRITE']);
    const log = await open('ASKING', sasl('plain', 'guest', 'g'), app);
    const admin = await open('ASKING', sasl('plain'), app);
    const spec = { topic, partitions: 1, cleanup: 'delete' } as const;
    await expect(log.createTopics([spec])).rejects.toThrow(/right Create on the .*topic shop/);
    await admin.createTopics([spec]);
    await admin.openTask('g', 0).then((task) => task.close());
    await allowTo('TOPIC', topic, ['DESCRIBE', 'READ']);
    await log.createTopics([spec]);
    const output = { topic, partition: 0 };
    const refusal = async (work: Promise<unknown>, what: string): Promise<void> => {
      await expect(work).rejects.toThrow(Unrecoverable);
      await expect(work).rejects.toThrow(what);
    };
    await refusal(log.append([record(output, 'a')]), 'right Write on the topic shop');
    await allowTo('TOPIC', `${app}.g.changelog`, ['DESCRIBE', 'READ', 'WRITE']);
    await refusal(log.openTask('g', 0), 'rights Describe and Write on the transactional id guests.g.0');
    await allowTo('TRANSACTIONAL_ID', `${app}.g.0`, ['DESCRIBE', 'WRITE']);
    await refusal(log.openTask('g', 0), 'right Read on the group guests.g');
    await allowTo('GROUP', `${app}.g`, ['DESCRIBE', 'READ']);
    const task = await log.openTask('g', 0);
    const commit = { outputs: [record(output, 'a')], offsets: [], changes: [] };
    await refusal(task.commit(commit), 'right Write on the topic shop');
    await allowTo('TOPIC', topic, ['WRITE']);
    await (await log.openTask('g', 0)).commit(commit);
    // Another instance may see the end of a commit a moment later.
    expect(valuesOf(await readAll(log, output))).toEqual(['a']);
    await acl.disconnect();
  });
});

/** Gives the guest rights. */
async function rights() {
  const { AclOperationTypes, AclPermissionTypes, AclResourceTypes, ResourcePatternTypes } = kafkajs;
  const acl = new KafkaClient({ brokers: (server as OwnKafka).brokers, clientId: 'admin' }).admin();
  await acl.connect();
  const allowTo = async (
    type: 'TOPIC' | 'GROUP' | 'TRANSACTIONAL_ID',
    resourceName: string,
    operations: readonly ('DESCRIBE' | 'READ' | 'WRITE')[],
  ): Promise<void> => {
    await acl.createAcls({
      acl: operations.map((operation) => ({
        resourceType: AclResourceTypes[type],
        resourceName,
        resourcePatternType: ResourcePatternTypes.LITERAL,
        principal: 'User:guest',
        host: '*',
        operation: AclOperationTypes[operation],
        permissionType: AclPermissionTypes.ALLOW,
      })),
    });
  };
  return { acl, allowTo };
}
