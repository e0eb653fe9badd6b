// A provider that posts each message to an HTTP endpoint of yours, signed, with an idempotency key. The wire format is
// documented in docs/delivery.md.
import { createHmac } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { jsonForm } from '../../schemas/json-form.ts';
import { keyOf, sends } from '../../schemas/topics.ts';
import type { SendCommand } from '../../schemas/types.ts';
import { SinkUnavailable } from '../sink.ts';
import type { Answer, Provider } from './provider.ts';

/** Users whose messages are under way at once; those of one user go one after the other. */
const CONCURRENT = 16;
const DEFAULT_TIMEOUT = 10_000;
/** ms before a further try of one message. Then the batch is tried again later. */
const RETRIES = [100, 500];
/** Client errors that say "later" rather than "never". */
const LATER = new Set([408, 409, 425, 429]);
/** Answers kept for batches that are tried again. */
const REMEMBERED = 20_000;
/** Bytes of an answer that are looked at. */
const LONGEST_ANSWER = 65_536;

export interface WebhookOptions {
  readonly url: string;
  /** Undefined: unsigned. */
  readonly secret: string | undefined;
  /** ms for an answer; default 10 s. */
  readonly timeoutMs?: number;
  /** Epoch ms, for the signature. */
  readonly now: () => number;
}

/** What the endpoint may say of a message. Anything else in it, and whatever is no JSON, says nothing. */
const answerModel = z
  .object({
    status: z.enum(['accepted', 'sent', 'delivered', 'failed']).catch('accepted'),
    providerMessageId: z.string().max(200).optional().catch(undefined),
    costMicros: z.int().min(0).optional().catch(undefined),
    error: z.string().max(200).optional().catch(undefined),
  })
  .catch({ status: 'accepted' });

const form = jsonForm(sends);

/**
 * A crash between the call and its receipt makes the message be posted again, with the same key: the endpoint must take a key
 * once. Throws `SinkUnavailable` from `send` when it can't be reached or says that it is overloaded.
 */
export function webhookProvider({ url, secret, timeoutMs = DEFAULT_TIMEOUT, now }: WebhookOptions): Provider {
  // A batch that is tried again is not posted twice as long as this process lives.
  const answered = new Map<string, Answer>();

  const headersFor = (body: string, { idempotencyKey }: SendCommand): Record<string, string> => {
    const plain = { 'content-type': 'application/json', 'idempotency-key': headerText(idempotencyKey) };
    if (secret === undefined) return plain;
    return { ...plain, 'beckon-signature': signatureOf(body, secret, Math.floor(now() / 1000)) };
  };

  const post = async (command: SendCommand, signal: AbortSignal | undefined): Promise<Answer> => {
    const body = form.write(command);
    for (let tried = 0; ; tried++) {
      const response = await call(url, { body, headers: headersFor(body, command), timeoutMs, signal });
      if (typeof response !== 'string') return response;
      const wait = RETRIES[tried];
      if (wait === undefined || signal?.aborted) throw new SinkUnavailable(response);
      await delay(wait, undefined, { signal }).catch(() => {});
    }
  };

  return {
    name: 'webhook',
    open: async () => {},
    close: async () => {},
    async find(commands) {
      const known = commands.flatMap(({ idempotencyKey }) => {
        const answer = answered.get(idempotencyKey);
        return answer === undefined ? [] : [[idempotencyKey, answer] as const];
      });
      return new Map(known);
    },
    async send(commands, signal) {
      const queues = [...Map.groupBy(commands, ({ tenantId, userId }) => keyOf(tenantId, userId)).values()];
      let failure: unknown;
      const work = async (): Promise<void> => {
        for (let queue = queues.shift(); queue !== undefined && failure === undefined; queue = queues.shift()) {
          for (const command of queue) {
            if (failure !== undefined) return;
            try {
              answered.set(command.idempotencyKey, await post(command, signal));
            } catch (error) {
              failure ??= error;
            }
          }
        }
      };
      await Promise.all(Array.from({ length: CONCURRENT }, work));
      if (failure !== undefined) throw failure;
      const answers = commands.map(({ idempotencyKey }) => answered.get(idempotencyKey) as Answer);
      for (const { idempotencyKey } of commands) answered.delete(idempotencyKey);
      for (const key of answered.keys()) {
        if (answered.size <= REMEMBERED) break;
        answered.delete(key);
      }
      return answers;
    },
  };
}

/** `t=<seconds>,v1=<hex>`: HMAC-SHA256 of `<seconds>.<body>`, so that an old request can't be played back later. */
export function signatureOf(body: string, secret: string, seconds: number): string {
  return `t=${seconds},v1=${createHmac('sha256', secret).update(`${seconds}.${body}`).digest('hex')}`;
}

/** A header holds visible ASCII; ids may hold anything. The rest, and the percent sign, is percent-encoded. */
function headerText(text: string): string {
  return text.toWellFormed().replace(/[^\x21-\x24\x26-\x7e]/gu, encodeURIComponent);
}

interface Call {
  readonly body: string;
  readonly headers: Record<string, string>;
  readonly timeoutMs: number;
  readonly signal: AbortSignal | undefined;
}

/** The endpoint's answer, or why there is none yet. Neither names the address, which may hold a secret. */
async function call(url: string, { body, headers, timeoutMs, signal }: Call): Promise<Answer | string> {
  const timeout = AbortSignal.timeout(timeoutMs);
  try {
    const response = await fetch(url, {
      method: 'POST',
      body,
      headers,
      redirect: 'manual',
      signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    });
    const { status } = response;
    const text = (await response.text()).slice(0, LONGEST_ANSWER);
    if (response.ok) return answerOf(text);
    const never = status >= 400 && status < 500 && !LATER.has(status);
    return never ? { status: 'failed', error: `the webhook answered ${status}` } : `the webhook answered ${status}`;
  } catch (error) {
    if (timeout.aborted) return `the webhook did not answer within ${timeoutMs} ms`;
    const { code } = ((error as Error).cause ?? {}) as NodeJS.ErrnoException;
    return `the webhook can't be reached${code === undefined ? '' : `: ${code}`}`;
  }
}

function answerOf(text: string): Answer {
  const { status, providerMessageId, costMicros, error } = answerModel.parse(parsed(text));
  return {
    status,
    ...(providerMessageId === undefined ? {} : { providerMessageId }),
    ...(costMicros === undefined ? {} : { costMicros }),
    ...(error === undefined ? {} : { error }),
  };
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
