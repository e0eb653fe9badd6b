import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { NO_KAFKA, type OwnKafka, startOwnKafka } from '../../test/servers/kafka.ts';
import { readAll, record, valuesOf } from '../testing/log-suite.ts';
import { KafkaLog, type KafkaLogOptions } from './kafka-log.ts';

const JAAS = 'org.apache.kafka.common.security.plain.PlainLoginModule required';
const server = await startOwnKafka({
  'listener.security.protocol.map': 'PLAINTEXT:SASL_PLAINTEXT,CONTROLLER:PLAINTEXT',
  'inter.broker.listener.name': 'PLAINTEXT',
  'sasl.enabled.mechanisms': 'PLAIN',
  'sasl.mechanism.inter.broker.protocol': 'PLAIN',
  'listener.name.plaintext.plain.sasl.jaas.config': `${JAAS} username="broker" password="b" user_broker="b" user_app="secret";`,
});
const root = mkdtempSync(join(tmpdir(), 'beckon-kafka-sasl-'));
afterAll(async () => {
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

describe.skipIf(server === undefined)(server === undefined ? NO_KAFKA : 'a broker that asks who is there', () => {
  const options = (password: string): KafkaLogOptions => ({
    brokers: (server as OwnKafka).brokers,
    clientId: 'test',
    app: 'app',
    stateDir: root,
    sasl: { mechanism: 'plain', username: 'app', password },
  });

  test('takes the right password for everything that a log does', async () => {
    const log = await KafkaLog.open(options('secret'));
    const output = { topic: 'out', partition: 0 };
    await log.createTopics([{ topic: 'out', partitions: 1, cleanup: 'delete' }]);
    const membership = await log.join('g', ['out'], { assigned: async () => {} });
    const task = await log.openTask('g', 0);
    await task.commit({ outputs: [record(output, 'a')], offsets: [{ ...output, offset: 1 }], changes: [] });
    await log.append([record(output, 'b')]);
    expect(valuesOf(await readAll(log, output))).toEqual(['a', 'b']);
    await membership.leave();
    await log.close();
  });

  test('refuses a wrong one at once, without telling it', async () => {
    const opening = KafkaLog.open(options('wrong'));
    await expect(opening).rejects.toThrow(/can't be reached: .*[Aa]uthentication/);
    await expect(opening).rejects.not.toThrow('wrong');
  });
});
