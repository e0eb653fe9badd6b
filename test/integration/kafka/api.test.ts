// The API on a cluster: an instance answers for users whose tasks run on another, and for batches that another one took.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { deleteTopics } from '../../../runtime/kafka/testing/delete-topics.ts';
import { startKafka } from '../../servers/kafka.ts';
import { startRegistry } from '../../servers/registry.ts';
import { type Cluster, environment, InstanceProcess, settled } from './instance.ts';

const TIMEOUT = 180_000;
const MONDAY = Date.UTC(2026, 2, 2, 9);
const USERS = ['amina', 'juma', 'sara', 'otieno'];
const kafka = await startKafka();
const registry = kafka === undefined ? undefined : await startRegistry();

/** What of answers these tests look at. */
interface Answer {
  readonly outcome: string;
  readonly userId: string;
  readonly decisionId: string;
  readonly batchId: string;
  readonly type: string;
  readonly decisions: readonly { readonly decisionId: string }[];
  readonly spend: { readonly messagesReserved: number };
}

describe.skipIf(kafka === undefined || registry === undefined)('the API on a cluster', { timeout: TIMEOUT }, () => {
  const instances: InstanceProcess[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'beckon-api-kafka-'));
  /** Runs engage; the other one doesn't, so every decision comes from afar. */
  let deciding: string;
  let other: string;

  beforeAll(async () => {
    const { brokers } = kafka as NonNullable<typeof kafka>;
    await deleteTopics(brokers, 'engagement.');
    const app = `api-${process.hrtime.bigint().toString(36)}`;
    const cluster: Cluster = { brokers, registry: registry?.url ?? '', app };
    const campaigns = join(folder, 'campaigns');
    mkdirSync(campaigns);
    const campaign = 'class: transactional, trigger: { api: true }, channels: [sms], content: { text: hello }';
    writeFileSync(join(campaigns, 'hello.yaml'), `{ id: hello, ${campaign}, dedupe: { window: 1s } }`);
    const budget = 'budget: { total: 10, pacing: asap }';
    writeFileSync(join(campaigns, 'priced.yaml'), `{ id: priced, ${campaign}, dedupe: { window: 1s }, ${budget} }`);
    for (const [name, topologies] of [
      ['a', 'engage'],
      ['b', 'pace'],
    ] as const) {
      const args = ['--topology', topologies, '--campaigns', campaigns];
      const instance = new InstanceProcess(join(folder, name), environment(cluster), args);
      instances.push(instance);
      await instance.ready;
    }
    [deciding, other] = (await Promise.all(instances.map(({ ready }) => ready))) as [string, string];
    const contacts = { sms: '+10000000001' };
    const profiles = USERS.map((userId) => JSON.stringify({ userId, contacts, updatedAt: MONDAY - 1000 }));
    await instances[0]?.publish('profiles', profiles.join('\n'));
    await settled(instances);
  }, TIMEOUT);

  afterAll(async () => {
    await Promise.all(instances.map((instance) => instance.kill('SIGKILL')));
    rmSync(folder, { recursive: true, force: true });
  });

  async function ask(
    url: string,
    path: string,
    body?: object,
  ): Promise<{ readonly status: number; readonly json: Answer }> {
    const headers = { 'content-type': 'application/json' };
    const init = body === undefined ? {} : { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await fetch(`${url}/api/v1${path}`, init);
    return { status: response.status, json: (await response.json()) as Answer };
  }

  test('answers with what another instance decides', async () => {
    for (const campaignId of ['hello', 'priced']) {
      for (const [i, userId] of USERS.entries()) {
        const body = { userId, campaignId, requestId: campaignId, requestedAt: MONDAY + i * 5000 };
        const sent = await ask(other, '/outreach/send?wait=30', body);
        expect([sent.status, sent.json.outcome, sent.json.userId]).toEqual([200, 'sent', userId]);
        const listed = await ask(other, `/users/${userId}/decisions?campaign=${campaignId}`);
        expect(listed.json.decisions[0]?.decisionId).toBe(sent.json.decisionId);
        // To an instance that knows nothing of it.
        const again = await ask(deciding, '/outreach/send?wait=1', { ...body, requestedAt: MONDAY + 60_000 });
        expect(again.json.decisionId).toBe(sent.json.decisionId);
      }
    }
  });

  test('takes a batch once, whichever instance it comes to', async () => {
    const recipients = USERS.map((userId) => ({ userId }));
    const body = { idempotencyKey: 'k', campaignId: 'hello', recipients, requestedAt: MONDAY + 120_000 };
    const first = await ask(other, '/outreach/send-batch?wait=30', body);
    expect(first.json).toMatchObject({ accepted: USERS.length, decided: USERS.length });
    const again = await ask(deciding, '/outreach/send-batch', { ...body, requestedAt: MONDAY + 180_000 });
    expect(again.json).toEqual(first.json);
    const read = await ask(deciding, `/outreach/batches/${first.json.batchId}`);
    expect(read.json).toMatchObject({ accepted: USERS.length, decided: USERS.length });
  });

  test('says which instance keeps a budget', async () => {
    expect((await ask(other, '/outreach/campaigns/priced/status')).json.spend.messagesReserved).toBe(USERS.length);
    const elsewhere = await ask(deciding, '/outreach/campaigns/priced/status');
    expect([elsewhere.status, elsewhere.json.type]).toEqual([421, 'urn:beckon:problem:misdirected']);
  });
});
