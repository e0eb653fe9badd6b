// How instances end that a cluster refuses, and wait where it will pass: with an exit code and a line that says what to do, and
// nothing is lost.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { KafkaClient } from '../../../runtime/kafka/client.ts';
import { type Right, Rights } from '../../../runtime/kafka/testing/rights.ts';
import { events, sessions } from '../../../schemas/topics.ts';
import { freePorts } from '../../servers/jvm.ts';
import { NO_KAFKA, type OwnKafka, startOwnKafka } from '../../servers/kafka.ts';
import { type RegistryServer, startRegistry } from '../../servers/registry.ts';
import { environment, InstanceProcess, settled } from './instance.ts';

const TIMEOUT = 150_000;
const AT_ONCE = 20_000;
const PLAIN = 'org.apache.kafka.common.security.plain.PlainLoginModule required';

const server = await startOwnKafka({
  listeners: { ASKING: 'SASL_PLAINTEXT' },
  settings: {
    'sasl.enabled.mechanisms': 'PLAIN',
    'listener.name.asking.plain.sasl.jaas.config': `${PLAIN} user_guest="right-secret";`,
    'authorizer.class.name': 'org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    // Who comes by the open listener has no name.
    'super.users': 'User:ANONYMOUS',
  },
});
const registered = server === undefined ? undefined : await startRegistry();
const broker = server as OwnKafka;
const registry = registered as RegistryServer;
const root = mkdtempSync(join(tmpdir(), 'beckon-refused-'));
const instances: InstanceProcess[] = [];
afterAll(async () => {
  await Promise.all(instances.map((instance) => instance.kill('SIGKILL')));
  await server?.stop();
  rmSync(root, { recursive: true, force: true });
});

let names = 0;
function start(env: NodeJS.ProcessEnv, brokers = broker.brokers, url = registry.url): InstanceProcess {
  const cluster = { brokers, registry: url, app: 'refused' };
  const args = ['--topology', 'engage', '--partitions', '1'];
  const instance = new InstanceProcess(join(root, `${names++}`), { ...environment(cluster), ...env }, args);
  instances.push(instance);
  return instance;
}
function asGuest(password: string): InstanceProcess {
  const sasl = { KAFKA_SASL_MECHANISM: 'plain', KAFKA_SASL_USERNAME: 'guest', KAFKA_SASL_PASSWORD: password };
  return start(sasl, [broker.listeners.ASKING as string]);
}
const eventsOf = (user: string, count: number): string =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({ eventId: `${user}-${i}`, userId: user, type: 'view', occurredAt: Date.UTC(2026, 0, 1 + i) }),
  ).join('\n');

describe.skipIf(registered === undefined)(registered === undefined ? NO_KAFKA : 'an instance on a cluster', () => {
  test('with a wrong password ends at once, and names the variable', { timeout: TIMEOUT }, async () => {
    const begun = performance.now();
    const instance = asGuest('wrong-secret');
    expect(await instance.ended).toEqual({ code: 1, signal: null });
    expect(performance.now() - begun).toBeLessThan(AT_ONCE);
    const [line = '', ...rest] = instance.log.trim().split('\n');
    expect(rest).toEqual([]);
    expect(line).toMatch(/^beckon: Kafka at \S+ can't be reached: .*check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/);
    expect(line).not.toContain('wrong-secret');
  });

  test('that is refused while it runs ends with what to do, and the next one goes on', {
    timeout: TIMEOUT,
  }, async () => {
    const rights = new Rights(broker.brokers);
    const every = (['TOPIC', 'GROUP', 'TRANSACTIONAL_ID'] as const).map(
      (on): Right => ({ user: 'guest', on, name: '*', to: 'ALL' }),
    );
    await rights.give(...every, { user: 'guest', on: 'CLUSTER', name: 'kafka-cluster', to: 'ALL' });
    const refused = asGuest('right-secret');
    await refused.ready;
    await refused.publish('events', eventsOf('amina', 3));
    await settled([refused]);
    const written: Right = { user: 'guest', on: 'TOPIC', name: sessions.topic, to: 'WRITE' };
    await rights.deny(written);
    await refused.advance(Date.UTC(2026, 1, 1));
    expect(await refused.ended).toEqual({ code: 1, signal: null });
    expect(refused.log.trim().split('\n').at(-1)).toMatch(
      /^beckon: the cluster refuses a commit: .*give the user the right Write on the topic .*engagement\.sessions/,
    );
    await rights.allowAgain(written);

    const admin = new KafkaClient({ brokers: broker.brokers, clientId: 'test' }).admin();
    await admin.connect();
    const limit = (value: string): Promise<unknown> =>
      admin.alterConfigs({
        validateOnly: false,
        resources: [{ type: 2, name: sessions.topic, configEntries: [{ name: 'max.message.bytes', value }] }],
      });
    await limit('80');
    const tooLarge = start({});
    expect(await tooLarge.ended).toEqual({ code: 1, signal: null });
    expect(tooLarge.log.trim().split('\n').at(-1)).toMatch(/^beckon: .*raise `max\.message\.bytes` of the topic/);
    await limit('1000000');

    const next = start({});
    await next.ready;
    await settled([next]);
    const ends = await Promise.all([events, sessions].map(({ topic }) => admin.fetchTopicOffsets(topic)));
    await admin.disconnect();
    const answer = await fetch(`${await next.ready}/v1/topics/sessions/records`);
    expect((await answer.text()).trim().split('\n'), JSON.stringify(ends)).toHaveLength(3);
    expect(await next.kill('SIGTERM'), next.log).toEqual({ code: 0, signal: null });
  });

  test('waits for a registry that is down at the start, says so, and goes on', { timeout: TIMEOUT }, async () => {
    const [port] = (await freePorts(1)) as [number];
    const real = new URL(registry.url);
    const url = `http://127.0.0.1:${port}${real.pathname}`;
    const [instance, stopped] = [start({}, broker.brokers, url), start({}, broker.brokers, url)];
    const waiting = new RegExp(`the registry at http://127.0.0.1:${port} does not answer, trying again`);
    await expect.poll(() => instance.log, { timeout: 30_000 }).toMatch(waiting);
    await expect.poll(() => stopped.log, { timeout: 30_000 }).toMatch(waiting);
    const ended = stopped.kill('SIGTERM');
    await expect.poll(() => stopped.lines('SIGTERM: stopping as soon as it has started')).toHaveLength(1);
    const close = await forward(port, real);
    await instance.ready;
    expect(await ended, stopped.log).toEqual({ code: 0, signal: null });
    expect(await instance.kill('SIGTERM'), instance.log).toEqual({ code: 0, signal: null });
    close();
  });
});

/** Passes on what comes to the port; returns how to stop. */
async function forward(port: number, { hostname, port: to }: URL): Promise<() => void> {
  const sockets = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(Number(to), hostname);
    for (const socket of [client, upstream]) sockets.add(socket.on('error', () => {}));
    client.pipe(upstream).pipe(client);
  });
  await new Promise<void>((resolve) => proxy.listen(port, '127.0.0.1', resolve));
  return () => {
    for (const socket of sockets) socket.destroy();
    proxy.close();
  };
}
