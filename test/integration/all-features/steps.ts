// What is published of people, and in which order: each step is processed before the next, so that no topic overtakes another.
import { consents, events, profiles, receipts, sendRequests, type Topic } from '../../../schemas/topics.ts';
import type { Receipt } from '../../../schemas/types.ts';
import { beginOf, type People } from './people.ts';

export type Step =
  | { readonly topic: Topic<unknown>; readonly values: readonly unknown[] }
  /** Epoch ms to where time moves. */
  | { readonly advance: number };

export interface Steps {
  /** All that can come while pace is away. */
  readonly first: readonly Step[];
  /** Receipts come when their messages were sent, those of fallbacks too: what was not can't have failed or been opened. */
  readonly last: readonly Step[];
}

/** The steps of a slice, of which -1 is all that comes before. */
export function stepsOf(slice: number, all: People, answers: readonly Receipt[]): Steps {
  const [from, to] = [slice < 0 ? 0 : beginOf(slice), beginOf(slice + 1)];
  // Time begins with the first event or request, for all partitions at once.
  const begins = Math.min(all.events[0]?.occurredAt ?? to, all.sendRequests[0]?.requestedAt ?? to);
  const first: readonly Step[] = [
    step(
      profiles,
      within(all.profiles, (p) => p.updatedAt, from, to),
    ),
    step(
      consents,
      within(all.consents, (c) => c.changedAt, from, to),
    ),
    ...streamsOf(all, from, to),
    { advance: slice < 0 ? begins : to },
  ];
  const answered = within(answers, (r) => r.occurredAt, from, to);
  const last = [...Map.groupBy(answered, ({ hop }) => hop).values()].map((ofHop) => step(receipts, ofHop));
  const isStep = (one: Step): boolean => 'advance' in one || one.values.length > 0;
  return { first: first.filter(isStep), last: last.filter(isStep) };
}

/** Events and send-requests in order of time, each run of one topic as a step. */
function streamsOf(all: People, from: number, to: number): Step[] {
  const merged = [
    ...within(all.events, (e) => e.occurredAt, from, to).map((value) => ({
      topic: events,
      at: value.occurredAt,
      value,
    })),
    ...within(all.sendRequests, (r) => r.requestedAt, from, to).map((value) => ({
      topic: sendRequests,
      at: value.requestedAt,
      value,
    })),
  ].sort((a, b) => a.at - b.at);
  const runs: Step[] = [];
  for (let begin = 0, end = 0; begin < merged.length; begin = end) {
    const topic = merged[begin]?.topic as Topic<unknown>;
    while (end < merged.length && merged[end]?.topic === topic) end++;
    runs.push(
      step(
        topic,
        merged.slice(begin, end).map(({ value }) => value),
      ),
    );
  }
  return runs;
}

function step<T>(topic: Topic<T>, values: readonly T[]): Step {
  return { topic: topic as Topic<unknown>, values };
}

function within<T>(all: readonly T[], time: (value: T) => number, from: number, to: number): readonly T[] {
  return all.filter((value) => time(value) >= from && time(value) < to);
}
