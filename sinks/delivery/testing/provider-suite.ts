// What every delivery provider must do behind the sink, whatever it is that takes its messages.
import { expect, test } from 'vitest';
import { receipts, sends } from '../../../schemas/topics.ts';
import type { Receipt, SendCommand } from '../../../schemas/types.ts';
import type { SinkBatch, SinkContext } from '../../sink.ts';
import { deliverySink } from '../delivery.ts';
import type { Provider } from '../provider.ts';
import { sendCommand } from './commands.ts';

export interface Outside {
  readonly provider: Provider;
  /** Keys of the messages taken so far, in order, repeats included. */
  readonly taken: () => Promise<readonly string[]> | readonly string[];
  /** How a message is answered that nothing is wrong with. */
  readonly status: Receipt['status'];
}

/** Registers the tests. `start` makes a provider anew, with an outside that has taken nothing. */
export function providerSuite(start: () => Promise<Outside> | Outside): void {
  const notes = (): SinkContext['notes'] => {
    const kept = new Map<string, string>();
    return { get: async (key) => kept.get(key), put: async (key, note) => void kept.set(key, note) };
  };
  const contextWith = (kept: SinkContext['notes'], emitted: Receipt[]): SinkContext => ({
    emit: (topic, value) => {
      expect(topic).toBe(receipts);
      emitted.push(value as Receipt);
    },
    notes: kept,
    now: (eventTime) => eventTime,
    signal: new AbortController().signal,
  });
  const batchOf = (commands: readonly SendCommand[], id = 'sends/0/0-9'): SinkBatch => ({
    id,
    topic: sends,
    partition: 0,
    records: commands.map((value, offset) => ({ key: sends.keyOf(value), value, partition: 0, offset })),
  });

  test('hands over every message of a batch once, a user’s in order, and answers each with a receipt', async () => {
    const { provider, taken, status } = await start();
    const sink = deliverySink(provider);
    await sink.open();
    const commands = [1, 2, 3, 4, 5].map((n) => sendCommand(n, { userId: `user-${n % 2}` }));
    const emitted: Receipt[] = [];
    await sink.write(batchOf(commands), contextWith(notes(), emitted));
    const keys = await taken();
    expect([...keys].sort()).toEqual(['key-1', 'key-2', 'key-3', 'key-4', 'key-5']);
    expect(keys.filter((key) => /[135]/.test(key))).toEqual(['key-1', 'key-3', 'key-5']);
    expect(emitted.map((r) => [r.sendId, r.status])).toEqual(commands.map((c) => [c.sendId, status]));
    await sink.close();
  });

  test('hands nothing over for a batch without messages', async () => {
    const { provider, taken } = await start();
    const sink = deliverySink(provider);
    await sink.open();
    expect(await provider.send([])).toEqual([]);
    expect(await taken()).toEqual([]);
    await sink.close();
  });

  test('takes ids and texts of every script', async () => {
    const { provider, taken } = await start();
    const sink = deliverySink(provider);
    await sink.open();
    const strange = {
      userId: 'ü/3 "x"',
      content: { text: 'Привет\n\u0001' },
      idempotencyKey: 'c|event:default/ü3:e 1@1#0',
    };
    const emitted: Receipt[] = [];
    await sink.write(batchOf([sendCommand(1, strange)]), contextWith(notes(), emitted));
    expect(await taken()).toEqual([strange.idempotencyKey]);
    expect(emitted).toHaveLength(1);
    await sink.close();
  });
}
