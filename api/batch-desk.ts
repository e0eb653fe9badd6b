// Takes batches: a request for each recipient that can be taken, published in one step. The ids of the requests follow from the key of
// the batch, so a batch that comes again is found on the log and answered, and what a crash left out of it is published.
import { createHash } from 'node:crypto';
import { keyOf } from '../schemas/topics.ts';
import type { Decision, SendRequest } from '../schemas/types.ts';
import { batchIdOf, decisionsOn, isPublished, requestIdOf, requestsOf } from './batches.ts';
import { type DecisionWatcher, SAME_REQUEST_WITHIN } from './decision-watcher.ts';
import type { ApiContext } from './http/context.ts';
import type { BatchBody } from './models/batch.ts';
import { data as dataModel, userId as userIdModel } from './models/common.ts';
import { RequestIdReused } from './send-desk.ts';

/** Batches of which this instance knows what was asked. Of others the log is asked. */
const KNOWN = 1000;

/** What became of a recipient, in the order in which they were given. */
export type Entry =
  | { readonly userId: string; readonly request: SendRequest }
  | { readonly userId: string; readonly reason: string };

export interface Batch {
  readonly batchId: string;
  readonly requestedAt: number;
  readonly entries: readonly Entry[];
  /** By user. */
  readonly decisions: ReadonlyMap<string, Decision>;
}

type Deps = Pick<ApiContext, 'log' | 'serde' | 'desk'> & { readonly watcher: DecisionWatcher };

export class BatchDesk {
  readonly #deps: Deps;
  /** What was asked by a key, as a hash. */
  readonly #known = new Map<string, string>();
  /** One call after the other for a key. */
  readonly #taking = new Map<string, Promise<unknown>>();

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Publishes what is not published, and waits so long (ms) for decisions. Throws `RequestIdReused`. */
  async send(body: BatchBody, requestedAt: number, waitMs: number): Promise<Batch> {
    const batchId = batchIdOf(body.tenantId, body.idempotencyKey);
    const before = this.#taking.get(batchId);
    const taking = (before ?? Promise.resolve())
      .catch(() => {})
      .then(() => this.#send(batchId, body, requestedAt, waitMs));
    this.#taking.set(batchId, taking);
    try {
      return await taking;
    } finally {
      if (this.#taking.get(batchId) === taking) this.#taking.delete(batchId);
    }
  }

  async #send(batchId: string, body: BatchBody, askedAt: number, waitMs: number): Promise<Batch> {
    this.#remember(batchId, body);
    const published = await this.#publishedOf(batchId, body, askedAt);
    const [first] = published.values();
    const requestedAt = first?.requestedAt ?? askedAt;
    const entries = entriesOf(batchId, body, requestedAt);
    const requests = entries.flatMap((entry) => ('request' in entry ? [entry.request] : []));
    const asked = new Map(requests.map((request) => [request.userId, request]));
    for (const { userId, campaignId } of published.values()) {
      if (campaignId !== body.campaignId || !asked.has(userId)) throw reused(body);
    }
    const missing = requests.filter(({ userId }) => !published.has(userId));
    const decided = await this.#publish(missing, waitMs);
    const before = published.size === 0 ? [] : await decisionsOn(this.#deps, published);
    return { batchId, requestedAt, entries, decisions: new Map([...before, ...decided]) };
  }

  async #publish(requests: readonly SendRequest[], waitMs: number): Promise<ReadonlyMap<string, Decision>> {
    if (requests.length === 0) return new Map();
    const { desk, watcher } = this.#deps;
    const expected = await Promise.all(requests.map((request) => (waitMs > 0 ? watcher.expect(request) : undefined)));
    try {
      await desk.publish(requests);
      const decisions = await Promise.all(expected.map((one) => one?.within(waitMs)));
      return new Map(decisions.flatMap((decision) => (decision === undefined ? [] : [[decision.userId, decision]])));
    } finally {
      for (const one of expected) one?.cancel();
    }
  }

  /** What is on the log of a batch that was asked within the hour. */
  async #publishedOf(
    batchId: string,
    { tenantId, recipients }: BatchBody,
    now: number,
  ): Promise<ReadonlyMap<string, SendRequest>> {
    const since = now - SAME_REQUEST_WITHIN;
    const [first] = recipients;
    const isThere =
      first !== undefined && (await isPublished(this.#deps, batchId, keyOf(tenantId, first.userId), since));
    return isThere ? requestsOf(this.#deps, tenantId, batchId, { since }) : new Map();
  }

  #remember(batchId: string, body: BatchBody): void {
    const { requestedAt: _, ...asked } = body;
    const hash = createHash('sha256').update(JSON.stringify(asked)).digest('base64url');
    const known = this.#known.get(batchId);
    if (known !== undefined && known !== hash) throw reused(body);
    this.#known.delete(batchId);
    this.#known.set(batchId, hash);
    const [oldest] = this.#known.keys();
    if (this.#known.size > KNOWN && oldest !== undefined) this.#known.delete(oldest);
  }
}

/** A request for each recipient that can be taken, at its place in the order. */
function entriesOf(batchId: string, body: BatchBody, requestedAt: number): readonly Entry[] {
  const { tenantId, campaignId, recipients } = body;
  const seen = new Set<string>();
  let taken = 0;
  return recipients.map(({ userId, data }): Entry => {
    const known = userIdModel.safeParse(userId);
    if (!known.success) return { userId, reason: `userId: ${known.error.issues[0]?.message}` };
    if (seen.has(userId)) return { userId, reason: 'the user stands in the batch already' };
    const values = dataModel.safeParse(data ?? {});
    if (!values.success) {
      const [issue] = values.error.issues;
      return { userId, reason: `data${issue?.path.map((name) => `.${String(name)}`).join('')}: ${issue?.message}` };
    }
    seen.add(userId);
    const requestId = requestIdOf(batchId, userId);
    const ids = { requestId, tenantId, userId, campaignId };
    const notBefore = notBeforeOf(body, requestedAt, taken++);
    return { userId, request: { ...ids, source: 'batch', requestedAt, data: values.data, notBefore } };
  });
}

/** Epoch ms: the earliest moment of the i-th message; null: whenever it is asked. */
export function notBeforeOf(
  { spacing, notBefore }: Pick<BatchBody, 'spacing' | 'notBefore'>,
  requestedAt: number,
  i: number,
): number | null {
  if (spacing === undefined || (i === 0 && notBefore === undefined)) return notBefore ?? null;
  const passed = 'perMinute' in spacing ? Math.floor((i * 60_000) / spacing.perMinute) : i * spacing.interval;
  return (notBefore ?? requestedAt) + passed;
}

function reused({ idempotencyKey }: BatchBody): RequestIdReused {
  return new RequestIdReused(`the key "${idempotencyKey}" was used for another batch within the hour: take a new one`);
}
