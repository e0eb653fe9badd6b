// Puts a load on the cluster's topics.
import { setTimeout as delay } from 'node:timers/promises';
import { Publisher } from '../../api/publisher.ts';
import { readNdjson } from '../../cli/files/ndjson.ts';
import { jsonForm } from '../../schemas/json-form.ts';
import { consents, events, profiles, type Topic } from '../../schemas/topics.ts';
import type { UserEvent } from '../../schemas/types.ts';
import type { Installation } from './ground.ts';

const PIECE = 4096;

/** The records of a file, as fast as they can be read and produced. */
export async function fillFrom<T>({ cluster }: Installation, topic: Topic<T>, file: string): Promise<number> {
  const publisher = new Publisher(cluster.log, cluster.serde);
  let records = 0;
  let last: Promise<void> = Promise.resolve();
  for await (const { lines } of readNdjson<T>(file, topic)) {
    await last;
    last = publisher.publish(
      topic as Topic<unknown>,
      lines.map(({ value }) => value),
    );
    last.catch(() => {});
    records += lines.length;
  }
  await last;
  return records;
}

/** Values in the topic's JSON form. */
export async function fillWith<T>(
  { cluster }: Installation,
  topic: Topic<T>,
  values: Iterable<object>,
): Promise<number> {
  const publisher = new Publisher(cluster.log, cluster.serde);
  const { read } = jsonForm(topic);
  let records = 0;
  let piece: T[] = [];
  const flush = async (): Promise<void> => {
    await publisher.publish(topic as Topic<unknown>, piece);
    records += piece.length;
    piece = [];
  };
  for (const value of values) {
    if (piece.push(read(value)) === PIECE) await flush();
  }
  await flush();
  return records;
}

/** A profile and a consent of each of users `u0` to `u<count - 1>`, from before `at` (epoch ms). */
export async function fillUsers(installation: Installation, count: number, at: number): Promise<void> {
  const when = new Date(at).toISOString();
  await fillWith(installation, profiles, userProfiles(count, when));
  await fillWith(installation, consents, userConsents(count, when));
}

export function* userProfiles(count: number, updatedAt: string): Generator<object> {
  for (let user = 0; user < count; user++) {
    const contacts = { email: `user${user}@example.com` };
    yield { userId: `u${user}`, timezone: 'UTC', locale: 'en', contacts, attributes: { country: 'KE' }, updatedAt };
  }
}

export function* userConsents(count: number, changedAt: string): Generator<object> {
  for (let user = 0; user < count; user++)
    yield { userId: `u${user}`, purpose: 'marketing', granted: true, version: '1', source: 'signup-form', changedAt };
}

export interface Steady {
  /** Events a second. */
  readonly rate: number;
  /** Undefined: there are no more. `at`: epoch ms when it is due. */
  readonly next: (n: number, at: number) => UserEvent | undefined;
  readonly stop?: AbortSignal;
}

/**
 * Produces events when each is due, whether those before have arrived or not: what waits is late, and no schedule waits for
 * it. Resolves to the longest (ms) that an event was sent after it was due, and to how many were sent.
 */
export async function feed({ cluster }: Installation, steady: Steady): Promise<{ sent: number; worstMs: number }> {
  const { rate, next, stop } = steady;
  const publisher = new Publisher(cluster.log, cluster.serde);
  const begun = performance.now();
  const epoch = performance.timeOrigin + begun;
  let sent = 0;
  let worstMs = 0;
  for (;;) {
    const now = performance.now() - begun;
    const due = Math.min(Math.floor((now * rate) / 1000), sent + PIECE);
    const piece: UserEvent[] = [];
    let over = stop?.aborted ?? false;
    if (!over) worstMs = Math.max(worstMs, now - (sent * 1000) / rate);
    while (!over && sent + piece.length < due) {
      const n = sent + piece.length;
      const event = next(n, epoch + (n * 1000) / rate);
      if (event === undefined) over = true;
      else piece.push(event);
    }
    if (piece.length > 0) await publisher.publish(events as Topic<unknown>, piece);
    sent += piece.length;
    if (over) return { sent, worstMs };
    if (piece.length === 0) await delay(1);
  }
}
