import { expect, test } from 'vitest';
import { Task } from '../runtime/task.ts';
import { budgetLedger, profile, reservation } from '../schemas/cells.ts';
import { Definitions } from '../schemas/definitions.ts';
import { jsonForm } from '../schemas/json-form.ts';
import { events } from '../schemas/topics.ts';
import { MemoryStore } from '../state/memory/memory-store.ts';
import type { Store } from '../state/store.ts';
import { engage } from '../topologies/engage.ts';
import type { Topology } from '../topologies/graph.ts';
import { pace } from '../topologies/pace.ts';
import { HIDDEN, type ReadableState, readState } from './state.ts';

const definitions = new Definitions();
const AT = Date.UTC(2026, 2, 2, 9);

/** The store of a task that did `work`, committed. */
async function storeAfter(topology: Topology, work: (task: Task) => void): Promise<Store> {
  const store = new MemoryStore();
  const task = new Task({ topology, lateness: 300_000, store });
  work(task);
  await store.write(task.takeChanges().changes);
  return store;
}

const read = (store: Store, topology: Topology, key: string, personal = false): Promise<ReadableState | undefined> =>
  readState({ store, topology, partition: 3, key, personal });

test('a user is shown with every cell and the timers that are pending, and nobody else', async () => {
  const topology = engage(definitions);
  const store = await storeAfter(topology, (task) => {
    for (const userId of ['u', 'other']) {
      const event = jsonForm(events).read({ eventId: `e-${userId}`, userId, type: 'view', occurredAt: AT });
      task.advance(AT);
      task.process(events, event);
    }
  });
  const state = await read(store, topology, 'default/u');
  expect(state).toMatchObject({
    key: 'default/u',
    topology: 'engage',
    partition: 3,
    streamTime: '2026-03-02T09:00:00.000Z',
  });
  expect(Object.keys(state?.cells ?? {})).toEqual(
    expect.arrayContaining(['open-sessions', 'activity', 'metrics', 'seen-ids']),
  );
  expect(state?.cells.metrics).toMatchObject({ events: 1, lastSeenAt: '2026-03-02T09:00:00.000Z' });
  // The gap of 30 minutes and the lateness of 5.
  expect(state?.timers[0]).toMatchObject({ kind: 'session', at: '2026-03-02T09:35:00.000Z' });
  expect(state?.timers.filter(({ kind }) => kind === 'session')).toHaveLength(1);
  expect(await read(store, topology, 'default/nobody')).toBeUndefined();
});

test('addresses, attributes and data are shown only where they are asked for', async () => {
  const topology = engage(definitions);
  const known = {
    ...{
      tenantId: 'default',
      userId: 'u',
      timezone: null,
      locale: 'sw-KE',
      channelPreferences: [],
      customerType: null,
    },
    ...{ device: null, notificationFrequency: null, updatedAt: AT },
    contacts: { email: 'ann@example.org' },
    attributes: { income: 7 },
    groups: [],
  };
  const store = await storeAfter(topology, (task) => task.seed('default/u', profile, known));
  const hidden = await read(store, topology, 'default/u');
  expect(JSON.stringify(hidden)).not.toContain('ann@example.org');
  expect(hidden?.cells.profiles).toMatchObject({
    locale: 'sw-KE',
    contacts: { email: HIDDEN },
    attributes: { income: HIDDEN },
  });
  const shown = await read(store, topology, 'default/u', true);
  expect(shown?.cells.profiles).toMatchObject({ contacts: { email: 'ann@example.org' }, attributes: { income: 7 } });
});

test('a campaign is shown with its reservations', async () => {
  const topology = pace(definitions);
  const held = { costMicros: 7500, channel: 'sms', day: '2026-03-02', slotAt: AT, released: false, corrected: false };
  const rest = { refusedReason: null, spent: false, overrunMicros: 0 };
  const store = await storeAfter(topology, (task) => {
    const none = { overrun: 0, spent: 0, spentChannels: {}, messages: 1, spentMessages: 0, days: {} };
    task.seed('default/c', budgetLedger, { reserved: 7500, channels: { sms: 7500 }, ...none });
    task.seed('default/c', reservation, { ...held, ...rest }, 'r1/0');
    task.seed('default/cc', reservation, { ...held, ...rest }, 'r2/0');
  });
  expect(await read(store, topology, 'default/c')).toMatchObject({
    cells: { 'budget-ledger': { reserved: 7500 } },
    rows: { 'r1/0': { reservation: { costMicros: 7500, slotAt: '2026-03-02T09:00:00.000Z' } } },
  });
  expect(Object.keys((await read(store, topology, 'default/c'))?.rows ?? {})).toEqual(['r1/0']);
});
