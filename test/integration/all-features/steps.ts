// What is published of people, and in which order: each step is processed before the next, so that no topic overtakes another.
import { consents, events, profiles, receipts, sendRequests, type Topic } from '../../../schemas/topics.ts';
import type { Receipt } from '../../../schemas/types.ts';
import { beginOf, type People } from './people.ts';

export type Step =
  | { readonly topic: Topic<unknown>; readonly values: readonly unknown[] }
  /** Epoch ms to where time moves. */
  | { readonly advance: number };

/** The steps of a slice, of which -1 is all that comes before. Receipts come last, when their messages were sent. */
export function stepsOf(slice: number, all: People, answers: readonly Receipt[]): readonly Step[] {
  const [from, to] = [slice < 0 ? 0 : beginOf(slice), beginOf(slice + 1)];
  // Time begins with the first event or request, for all partitions at once.
  const first = Math.min(all.events[0]?.occurredAt ?? to, all.sendRequests[0]?.requestedAt ?? to);
  const steps: readonly Step[] = [
    step(
      profiles,
      within(all.profiles, (p) => p.updatedAt, from, to),
    ),
    step(
      consents,
      within(all.consents, (c) => c.changedAt, from, to),
    ),
    ...streamsOf(all, from, to),
    { advance: slice < 0 ? first : to },
    step(
      receipts,
      within(answers, (r) => r.occurredAt, from, to),
    ),
  ];
  return steps.filter((one) => 'advance' in one || one.values.length > 0);
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
