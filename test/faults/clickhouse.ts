// Whether the tables of an instance that has stopped hold its topics, record for record.
import { join } from 'node:path';
import { allTopics } from '../../schemas/topics.ts';
import type { Decision, Receipt, SendCommand, UserProfile } from '../../schemas/types.ts';
import { tableOf } from '../../sinks/clickhouse/columns.ts';
import { startEmbedded } from '../../sinks/clickhouse/front.ts';
import { differing, type Outputs, type Placed } from './outputs.ts';

type Query = (sql: string) => Promise<readonly Readonly<Record<string, unknown>>[]>;

export async function clickhouseProblems(dir: string, { records }: Outputs): Promise<string[]> {
  const embedded = await startEmbedded({ folder: join(dir, 'clickhouse') });
  const query: Query = async (sql) => {
    const url = `${embedded.url}/?database=beckon&default_format=JSONEachRow`;
    const response = await fetch(url, { method: 'POST', body: sql });
    const text = await response.text();
    if (!response.ok) throw new Error(text);
    return text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as Record<string, unknown>]));
  };
  try {
    const problems: string[] = [];
    for (const topic of allTopics) {
      const final = topic.name in NEWEST ? 'FINAL' : '';
      const sql = `SELECT toString(_partition) AS p, toString(_offset) AS o FROM ${tableOf(topic)} ${final}`;
      const wanted = newest(topic.name, records.get(topic.name) ?? []).map((r) => `${r.partition}/${r.offset}`);
      const found = (await query(sql)).map(({ p, o }) => `${p}/${o}`);
      // Of receipts with one id any may stay.
      if (topic.name === 'receipts')
        problems.push(...differing('receipts table', [String(found.length)], [String(wanted.length)]));
      else problems.push(...differing(`table ${tableOf(topic)}`, found, wanted));
    }
    return [...problems, ...(await viewProblems(query, records))];
  } finally {
    await embedded.close();
  }
}

/** Where a table keeps the newest row of a key. */
const NEWEST: Readonly<Record<string, (value: never) => string>> = {
  profiles: ({ tenantId, userId }: UserProfile) => `${tenantId}/${userId}`,
  receipts: ({ receiptId }: Receipt) => receiptId,
};

function newest(topic: string, records: readonly Placed[]): readonly Placed[] {
  const keyOf = NEWEST[topic];
  return keyOf === undefined ? records : [...new Map(records.map((r) => [keyOf(r.value as never), r])).values()];
}

async function viewProblems(query: Query, records: Outputs['records']): Promise<string[]> {
  const all = <T>(name: string): readonly T[] => (records.get(name) ?? []).map(({ value }) => value as T);
  const day = (at: number): string => new Date(at).toISOString().slice(0, 10);
  const decisions = counted(
    all<Decision>('decisions').map((d) => `${day(d.decidedAt)} ${d.campaignId} ${d.outcome} ${d.reason ?? ''}`),
  );
  const inView = await query(
    `SELECT concat(toString(day), ' ', campaign_id, ' ', outcome, ' ', reason) AS what, toInt32(sum(d.decisions)) AS n
     FROM decisions_per_day AS d GROUP BY what`,
  );
  const sends = all<SendCommand>('sends');
  const spend = counted(sends.map((s) => `${day(s.dueAt)} ${s.campaignId} ${s.channel} ${s.costMicros}`));
  const spent = await query(
    `SELECT concat(toString(day), ' ', campaign_id, ' ', channel, ' ', toString(toInt64(sum(s.cost_micros) / sum(s.sends)))) AS what,
     toInt32(sum(s.sends)) AS n FROM spend_per_day AS s GROUP BY day, campaign_id, channel`,
  );
  const lines = (rows: Awaited<ReturnType<Query>>): string[] => rows.map(({ what, n }) => `${what}: ${n}`);
  return [
    ...differing('view decisions_per_day', lines(inView), decisions),
    ...differing('view spend_per_day', lines(spent), spend),
  ];
}

function counted(names: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return [...counts].map(([name, n]) => `${name}: ${n}`);
}
