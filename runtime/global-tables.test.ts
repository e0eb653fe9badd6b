import { createServer, type ServerResponse } from 'node:http';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { confluentRegistry } from '../schemas/confluent-registry.ts';
import { campaigns } from '../schemas/topics.ts';
import type { CampaignDefinition } from '../schemas/types.ts';
import { GlobalReader } from './global-tables.ts';
import { Serde } from './serde.ts';
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

function reader(serde = engine.serde): GlobalReader {
  const apply = (value: unknown): void => {
    const record = value as CampaignDefinition;
    onApply(record);
    applied.push(record.campaignId);
  };
  return new GlobalReader(engine.log, serde, { topic: campaigns, apply }, silent, (e) => failures.push(e));
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

/** Works on a registry that answers 503 where `isAway` says so of the number of requests before. */
async function withRegistry(
  isAway: (requests: number) => boolean,
  work: (serde: Serde) => Promise<void>,
): Promise<void> {
  let requests = 0;
  const answer = (response: ServerResponse, status: number, body: object): void => {
    response.writeHead(status, { 'content-type': 'application/vnd.schemaregistry.v1+json' });
    response.end(JSON.stringify(body));
  };
  const server = createServer((_, response) => {
    if (isAway(requests++)) answer(response, 503, { error_code: 50301, message: 'away' });
    else answer(response, 200, { schema: campaigns.codec.json });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { readonly port: number };
  try {
    await work(new Serde(confluentRegistry({ url: `http://127.0.0.1:${port}` })));
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

test('a registry that is away for a moment is asked until it answers', async () => {
  await engine.put(campaigns, definition('a'));
  // The client itself asks four times.
  await withRegistry(
    (requests) => requests < 10,
    async (serde) => {
      const table = reader(serde);
      await table.open();
      expect(applied).toEqual(['a']);
      await engine.put(campaigns, definition('b'));
      await until(() => applied.includes('b'));
      expect(failures).toEqual([]);
      await table.close();
    },
  );
});

test('a registry that stays away keeps nobody from closing', async () => {
  await engine.put(campaigns, definition('a'));
  let tried = 0;
  const away = (requests: number): boolean => {
    tried = requests;
    return true;
  };
  await withRegistry(away, async (serde) => {
    const table = reader(serde);
    const opening = table.open();
    await until(() => tried > 4);
    await table.close();
    await opening;
    expect([applied, failures]).toEqual([[], []]);
  });
});
