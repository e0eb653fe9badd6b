import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { jsonForm } from '../../schemas/json-form.ts';
import { sends } from '../../schemas/topics.ts';
import type { SendCommand } from '../../schemas/types.ts';
import { fileProvider } from './file.ts';
import { providerSuite } from './testing/provider-suite.ts';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-outbox-'));
  path = join(folder, 'outbox', 'messages.ndjson');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const command = (n: number, text = 'Hello.'): SendCommand => ({
  sendId: `request-${n}#0`,
  requestId: `request-${n}`,
  hop: 0,
  tenantId: 'default',
  userId: `user-${n}`,
  campaignId: 'welcome',
  channel: 'email',
  address: 'somebody@example.org',
  content: { text },
  costMicros: 100,
  dueAt: 1_767_225_600_000,
  expiresAt: 1_767_312_000_000,
  idempotencyKey: `key-${n}`,
  variant: null,
});

describe('as any provider, the file', () => {
  providerSuite(() => ({
    provider: fileProvider(path),
    taken: () =>
      readFileSync(path, 'utf8')
        .split('\n')
        .slice(0, -1)
        .map((line) => (JSON.parse(line) as SendCommand).idempotencyKey),
    status: 'delivered',
  }));
});

test("writes a line as the topic's JSON form, which is what a simulation writes: times as ISO-8601, and nothing that is null", async () => {
  const provider = fileProvider(path);
  await provider.open();
  await provider.send([command(1)]);
  await provider.close();
  const line = readFileSync(path, 'utf8').trimEnd();
  expect(JSON.parse(line)).toMatchObject({ dueAt: '2026-01-01T00:00:00.000Z', expiresAt: '2026-01-02T00:00:00.000Z' });
  expect(line).not.toContain('variant');
  expect(jsonForm(sends).read(JSON.parse(line))).toEqual(command(1));
});

test('finds what an older version wrote, with times in epoch ms', async () => {
  const provider = fileProvider(path);
  await provider.open();
  appendFileSync(path, `${JSON.stringify(command(1))}\n`);
  expect([...(await provider.find([command(1), command(2)])).keys()]).toEqual(['key-1']);
  await provider.close();
});

test('finds what was written before, and nothing else', async () => {
  const provider = fileProvider(path);
  await provider.open();
  expect([...(await provider.find([command(1)])).keys()]).toEqual([]);
  await provider.send([command(1), command(2)]);
  await provider.close();
  const next = fileProvider(path);
  await next.open();
  expect([...(await next.find([command(2), command(3)])).keys()]).toEqual(['key-2']);
  await next.close();
});

test('takes back the beginning of a line that a crash left, and keeps every whole line', async () => {
  const first = fileProvider(path);
  await first.open();
  await first.send([command(1), command(2)]);
  await first.close();
  const whole = readFileSync(path, 'utf8');
  appendFileSync(path, JSON.stringify(command(3, 'x'.repeat(200_000))).slice(0, 150_000));

  const next = fileProvider(path);
  await next.open();
  expect(readFileSync(path, 'utf8')).toBe(whole);
  expect([...(await next.find([command(2), command(3)])).keys()]).toEqual(['key-2']);
  await next.close();
});

test('looks for messages while another partition is writing', async () => {
  const long = Array.from({ length: 6 }, (_, n) => command(n + 1, 'x'.repeat(600_000)));
  for (let round = 0; round < 5; round++) {
    const provider = fileProvider(`${path}.${round}`);
    await provider.open();
    await provider.send([command(0)]);
    const written = provider.send(long);
    const finds = await Promise.all(Array.from({ length: 8 }, () => provider.find([command(0)])));
    expect(finds.map((found) => [...found.keys()])).toEqual(finds.map(() => ['key-0']));
    await written;
    await provider.close();
  }
});
