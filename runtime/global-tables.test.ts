import { afterEach, beforeEach, expect, test } from 'vitest';
import { campaigns } from '../schemas/topics.ts';
import type { CampaignDefinition } from '../schemas/types.ts';
import { GlobalReader } from './global-tables.ts';
import { type Engine, openEngine, silent, until } from './testing/engine.ts';

let engine: Engine;
let applied: string[];
let failures: unknown[];
let onApply: (value: CampaignDefinition) => void;
beforeEach(async () => {
  engine = await openEngine(4);
  applied = [];
  failures = [];
  onApply = () => {};
});
afterEach(() => engine.close());

const definition = (campaignId: string): CampaignDefinition => ({
  tenantId: 't',
  campaignId,
  version: 1,
  effectiveFrom: 0,
  definition: '{}',
});

function reader(): GlobalReader {
  const apply = (value: unknown): void => {
    const record = value as CampaignDefinition;
    onApply(record);
    applied.push(record.campaignId);
  };
  return new GlobalReader(engine.log, engine.serde, { topic: campaigns, apply }, silent, (e) => failures.push(e));
}

test('every partition is read whole before it is open, and followed then', async () => {
  const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
  await engine.put(campaigns, ...names.map(definition));
  const table = reader();
  await table.open();
  expect(applied.toSorted()).toEqual(names.toSorted());
  await engine.put(campaigns, definition('later'));
  await until(() => applied.includes('later'));
  expect(applied).toHaveLength(21);
  await table.close();
});

test('what is appended to a partition while another is still being read is not missed', async () => {
  const of = (partition: number, count: number): CampaignDefinition[] => {
    const found: CampaignDefinition[] = [];
    for (let i = 0; found.length < count; i++) {
      const candidate = definition(`p${partition}-${i}`);
      if (engine.records(campaigns, [candidate])[0]?.partition === partition) found.push(candidate);
    }
    return found;
  };
  // More than one read takes: in between, the log lets others write.
  const last = of(3, 3000);
  const [first] = of(0, 1);
  await engine.put(campaigns, ...last);
  let appended: Promise<void> | undefined;
  onApply = () => {
    appended ??= engine.put(campaigns, first);
  };
  const table = reader();
  await table.open();
  await appended;
  await until(() => applied.length === last.length + 1);
  await table.close();
});

test('a record that the table can not take is skipped, and one that is none as well', async () => {
  const [record] = engine.records(campaigns, [definition('a')]);
  await engine.log.append([{ ...(record as NonNullable<typeof record>), value: Buffer.from('garbage') }]);
  await engine.put(campaigns, definition('bad'), definition('good'));
  onApply = ({ campaignId }) => {
    if (campaignId === 'bad') throw new Error('no');
  };
  const table = reader();
  await table.open();
  expect(applied).toEqual(['good']);
  expect(failures).toEqual([]);
  await table.close();
});

test('nothing is read after it was closed', async () => {
  const table = reader();
  await table.open();
  await table.close();
  await engine.put(campaigns, definition('late'));
  const other = reader();
  await other.open();
  expect(applied).toEqual(['late']);
  await other.close();
});
