import { expect, test } from 'vitest';
import type { TopicOverview } from '../../api/topic-overview.ts';
import { Folder } from '../testing/run-cli.ts';

test('shows what lies in a folder, and what nobody has processed yet', { timeout: 60_000 }, () => {
  const folder = new Folder();
  const consent = { userId: 'u', purpose: 'marketing', granted: true, changedAt: '2026-03-02T09:00:00.000Z' };
  folder.run('publish', 'consents', '--file', folder.write('consents.ndjson', [consent]), '--dir', 'data');
  const { code, stdout } = folder.run('topics', 'describe', '--dir', 'data', '--json');
  expect(code).toBe(0);
  const topics = JSON.parse(stdout) as readonly TopicOverview[];
  expect(topics).toHaveLength(14);
  const consents = topics.find(({ name }) => name === 'consents');
  expect(consents).toMatchObject({
    topic: 'engagement.consents',
    retentionMs: null,
    lag: { engage: 1, clickhouse: 1 },
  });
  expect(consents?.partitions.map(({ end }) => end).sort()).toEqual([0, 0, 0, 1]);
  expect(folder.run('topics', 'describe', '--dir', 'data').stdout).toMatch(
    /engagement\.consents +4 +1 +delete +for ever +engage 1, clickhouse 1\n/,
  );
});

test('refuses a folder that holds no log, in one line', { timeout: 60_000 }, () => {
  const { code, stdout, stderr } = new Folder().run('topics', 'describe', '--dir', 'nowhere');
  expect([code, stdout]).toEqual([2, '']);
  expect(stderr).toMatch(/^beckon: nowhere holds no log.*--url.*KAFKA_BROKERS\n$/);
});
