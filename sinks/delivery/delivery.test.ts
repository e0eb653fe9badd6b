import { describe, expect, test } from 'vitest';
import { receipts, sends } from '../../schemas/topics.ts';
import type { Receipt, SendCommand } from '../../schemas/types.ts';
import { type Sink, type SinkBatch, type SinkContext, SinkUnavailable } from '../sink.ts';
import { deliverySink } from './delivery.ts';
import type { Answer, Provider } from './provider.ts';
import { sendCommand } from './testing/commands.ts';

const DUE = Date.UTC(2026, 0, 1);
const delivered: Answer = { status: 'delivered', providerMessageId: 'p' };

/** A provider outside: what it took, and what it answers. */
class Outside implements Provider {
  readonly name = 'outside';
  readonly taken: string[] = [];
  readonly calls: string[] = [];
  answer: (command: SendCommand) => Answer = () => delivered;
  down = false;

  async open(): Promise<void> {
    this.calls.push('open');
  }

  async find(commands: readonly SendCommand[]): Promise<ReadonlyMap<string, Answer>> {
    this.calls.push('find');
    const known = commands.filter((c) => this.taken.includes(c.idempotencyKey));
    return new Map(known.map((c) => [c.idempotencyKey, delivered]));
  }

  async send(commands: readonly SendCommand[]): Promise<readonly Answer[]> {
    this.calls.push('send');
    if (this.down) throw new SinkUnavailable('down');
    this.taken.push(...commands.map((c) => c.idempotencyKey));
    return commands.map(this.answer);
  }

  async close(): Promise<void> {
    this.calls.push('close');
  }
}

/** What the runtime gives a sink: durable notes, receipts that go out with the batch, the time. */
function runtime(now = DUE): {
  readonly notes: Map<string, string>;
  readonly emitted: Receipt[];
  context: SinkContext;
} {
  const notes = new Map<string, string>();
  const emitted: Receipt[] = [];
  const context: SinkContext = {
    emit: (topic, value) => {
      expect(topic).toBe(receipts);
      emitted.push(value as Receipt);
    },
    notes: { get: async (key) => notes.get(key), put: async (key, note) => void notes.set(key, note) },
    now: () => now,
    signal: new AbortController().signal,
  };
  return { notes, emitted, context };
}

function batchOf(commands: readonly SendCommand[], id = 'sends:0:0-9'): SinkBatch {
  const records = commands.map((value, offset) => ({ key: sends.keyOf(value), value, partition: 0, offset }));
  return { id, topic: sends, partition: 0, records };
}

function start(now?: number): { readonly outside: Outside; readonly sink: Sink } & ReturnType<typeof runtime> {
  const outside = new Outside();
  return { outside, sink: deliverySink(outside), ...runtime(now) };
}

describe('the delivery sink', () => {
  test('opens and closes its provider, and consumes sends', async () => {
    const { outside, sink } = start();
    await sink.open();
    await sink.close();
    expect(outside.calls).toEqual(['open', 'close']);
    expect(sink.consumes).toEqual([sends]);
  });

  test('notes its intent, hands over in order, and answers every command with a receipt', async () => {
    const { outside, sink, context, notes, emitted } = start();
    await sink.write(batchOf([sendCommand(1), sendCommand(2, { costMicros: 7 })]), context);
    expect(outside.calls).toEqual(['send']);
    expect(outside.taken).toEqual(['key-1', 'key-2']);
    expect([...notes.values()]).toEqual(['sends:0:0-9']);
    expect(emitted[0]).toEqual({
      receiptId: 'request-1#0:delivered',
      sendId: 'request-1#0',
      tenantId: 'default',
      userId: 'user-1',
      campaignId: 'welcome',
      requestId: 'request-1',
      hop: 0,
      channel: 'email',
      status: 'delivered',
      occurredAt: DUE,
      costMicros: 100,
      providerMessageId: 'p',
      error: null,
    });
    expect(emitted.map((r) => r.costMicros)).toEqual([100, 7]);
  });

  test('after a crash asks what became of the batch, and sends only what was never taken', async () => {
    const { outside, sink, context, notes, emitted } = start();
    notes.set('intent', 'sends:0:0-9');
    outside.taken.push('key-1');
    await sink.write(batchOf([sendCommand(1), sendCommand(2)]), context);
    expect(outside.calls).toEqual(['find', 'send']);
    expect(outside.taken).toEqual(['key-1', 'key-2']);
    expect(emitted.map((r) => r.sendId)).toEqual(['request-1#0', 'request-2#0']);
  });

  test('does not ask about a batch that was never begun', async () => {
    const { outside, sink, context, notes } = start();
    notes.set('intent', 'sends:0:0-4');
    await sink.write(batchOf([sendCommand(5)], 'sends:0:5-5'), context);
    expect(outside.calls).toEqual(['send']);
  });

  test('leaves a batch that the provider can not take now for the next attempt, which asks first', async () => {
    const { outside, sink, context, emitted } = start();
    outside.down = true;
    await expect(sink.write(batchOf([sendCommand(1)]), context)).rejects.toThrow(SinkUnavailable);
    expect(emitted).toEqual([]);
    outside.down = false;
    await sink.write(batchOf([sendCommand(1)]), context);
    expect(outside.calls).toEqual(['send', 'find', 'send']);
    expect(emitted.map((r) => r.status)).toEqual(['delivered']);
  });

  test('lets a message expire that comes after its last instant; exactly then it is still sent', async () => {
    const expiresAt = DUE + 1000;
    const inTime = start(expiresAt);
    await inTime.sink.write(batchOf([sendCommand(1, { expiresAt })]), inTime.context);
    expect(inTime.emitted).toMatchObject([{ status: 'delivered' }]);
    const late = start(expiresAt + 1);
    await late.sink.write(batchOf([sendCommand(1, { expiresAt }), sendCommand(2)]), late.context);
    expect(late.outside.taken).toEqual(['key-2']);
    expect(late.emitted).toMatchObject([
      { status: 'failed', costMicros: 0, error: 'expired before it could be delivered' },
      { status: 'delivered', costMicros: 100 },
    ]);
  });

  test('passes a refusal on, which costs nothing, and an answer that was lost, which may have', async () => {
    const { outside, sink, context, emitted } = start();
    outside.answer = ({ sendId }) =>
      sendId === 'request-1#0' ? { status: 'failed', error: 'no such number' } : { status: 'unknown' };
    await sink.write(batchOf([sendCommand(1), sendCommand(2)]), context);
    expect(emitted).toMatchObject([
      { receiptId: 'request-1#0:failed', status: 'failed', costMicros: 0, error: 'no such number' },
      { receiptId: 'request-2#0:unknown', status: 'unknown', costMicros: 100, providerMessageId: null },
    ]);
  });
});
