import { describe, expect, it } from 'vitest';
import { topics } from '../../api/catalogue.ts';
import { candidates, consents, DEAD_LETTERS, events, profiles, verdicts } from '../../schemas/topics.ts';
import { partitionProblems } from './co-partitioning.ts';

const counts = (changed: Readonly<Record<string, number>> = {}): ReadonlyMap<string, number> =>
  new Map(topics.map(({ topic }) => [topic, changed[topic] ?? 4]));
const problemsOf = (changed: Readonly<Record<string, number>>, filled?: readonly string[]): readonly string[] =>
  partitionProblems({ counts: counts(changed), filled: filled && new Set(filled), brokers: 'kafka:9092' });

describe('numbers of partitions', () => {
  it('may be the same everywhere, and may differ where nobody joins', () => {
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ [candidates.topic]: 2, [DEAD_LETTERS]: 9 })).toEqual([]);
    expect(partitionProblems({ counts: new Map(), brokers: '' })).toEqual([]);
  });

  it.each([
    [2, 'run `kafka-topics.sh --bootstrap-server kafka:9092 --alter --topic engagement.profiles --partitions 4`'],
    [8, '--delete --topic engagement.profiles && beckon topics create --partitions 4`'],
  ])('of an empty input that has %i instead of 4 are mended at once', (count, mend) => {
    const [problem, ...more] = problemsOf({ [profiles.topic]: count }, [events.topic]);
    expect(problem).toContain(`engagement.profiles has ${count} partitions, and the other inputs of engage have 4`);
    expect(problem).toContain(mend);
    expect(more).toEqual([]);
  });

  it('of an input that holds records are mended by a copy; of one that Beckon writes, once nothing lags', () => {
    const [copied, drained] = problemsOf({ [consents.topic]: 2, [verdicts.topic]: 2 });
    expect(copied).toMatch(
      /beckon topics read consents > consents\.ndjson && .*--delete --topic engagement\.consents && .*--partitions 4 && beckon publish consents --file/,
    );
    expect(drained).toMatch(/verdicts.*once `beckon topics describe` shows no lag/);
  });

  it('must not be fewer of the dead letters than of any other', () => {
    expect(problemsOf({ [DEAD_LETTERS]: 3 })).toEqual([
      `topic ${DEAD_LETTERS} has 3 partitions, fewer than the 4 of another: run \`kafka-topics.sh --bootstrap-server kafka:9092 --alter --topic ${DEAD_LETTERS} --partitions 4\``,
    ]);
  });
});
