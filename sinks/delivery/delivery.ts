// The delivery sink: hands send commands to a provider and answers with receipts.
import { receipts, sends, type Topic } from '../../schemas/topics.ts';
import type { Receipt, SendCommand } from '../../schemas/types.ts';
import type { Sink, SinkBatch, SinkContext } from '../sink.ts';
import type { Answer, Provider } from './provider.ts';

const MAX_BATCH = 200;
/** The note of the batch that is being handed over. */
const INTENT = 'intent';

export function deliverySink(provider: Provider): Sink {
  return {
    name: 'deliver',
    consumes: [sends],
    maxBatch: MAX_BATCH,
    open: () => provider.open(),
    close: () => provider.close(),
    write: (batch, context) => deliver(provider, batch as SinkBatch<SendCommand>, context),
  };
}

/**
 * 1. Where the batch was begun before, the provider is asked what became of it. 2. The intent is noted. 3. The rest is handed
 * over. 4. Receipts go out in one step with the batch's offset. A crash between 3 and 4 is what 1 is for.
 */
async function deliver(provider: Provider, batch: SinkBatch<SendCommand>, context: SinkContext): Promise<void> {
  const commands = batch.records.map((r) => r.value);
  const begunBefore = (await context.notes.get(INTENT)) === batch.id;
  const known = begunBefore ? await provider.find(commands) : new Map<string, Answer>();
  if (!begunBefore) await context.notes.put(INTENT, batch.id);
  const open = commands.filter((c) => !known.has(c.idempotencyKey));
  const expired = open.filter((c) => context.now(c.dueAt) > c.expiresAt);
  const toSend = open.filter((c) => !expired.includes(c));
  const answers = await provider.send(toSend, context.signal);
  const answerOf = new Map(known);
  for (const [i, c] of toSend.entries()) answerOf.set(c.idempotencyKey, answers[i] as Answer);
  for (const c of expired)
    answerOf.set(c.idempotencyKey, { status: 'failed', error: 'expired before it could be delivered' });
  for (const command of commands) {
    const answer = answerOf.get(command.idempotencyKey) as Answer;
    context.emit(receipts as Topic<Receipt>, receiptOf(command, answer, context.now(command.dueAt)));
  }
}

function receiptOf(command: SendCommand, answer: Answer, occurredAt: number): Receipt {
  const { sendId, requestId, hop, tenantId, userId, campaignId, channel } = command;
  const { status, providerMessageId, error, costMicros = command.costMicros } = answer;
  return {
    receiptId: `${sendId}:${status}`,
    sendId,
    tenantId,
    userId,
    campaignId,
    requestId,
    hop,
    channel,
    status,
    occurredAt,
    costMicros: status === 'failed' ? 0 : costMicros,
    providerMessageId: providerMessageId ?? null,
    error: error ?? null,
  };
}
