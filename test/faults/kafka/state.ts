// Whether the local store of a task is what its changelog makes: a store that was written before or without its commit, or
// restored in part, is not.
import { cpSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { KafkaClient } from '../../../runtime/kafka/client.ts';
import { Fetcher } from '../../../runtime/kafka/fetcher.ts';
import { type Checkpoint, LocalStore } from '../../../runtime/kafka/local-store.ts';
import { POSITIONS_KEY } from '../../../runtime/kafka/restore.ts';
import { changelogOf } from '../../../runtime/kafka/topic-config.ts';
import { APP, type Ground, PARTITIONS } from './ground.ts';

const LOOK = 100;
/** How long (ms) a broker on a busy machine may take for the markers of commits that it has confirmed. */
export const MARKERS_WITHIN = 10_000;
/** Behind every key of a state. */
const KEYS_END = Buffer.alloc(64, 0xff);

export interface StoredTask {
  readonly group: string;
  readonly partition: number;
  readonly folder: string;
}

export interface StateCheck {
  readonly problems: readonly string[];
  readonly entries: number;
  /** Records of the changelog that the store has not taken. */
  readonly behind: number;
}

/** The tasks whose state lies in an instance's folder. */
export function storedTasks(dir: string): readonly StoredTask[] {
  const root = join(dir, 'state');
  if (!existsSync(root)) return [];
  return readdirSync(root).flatMap((group) =>
    readdirSync(join(root, group))
      .filter((name) => /^\d+$/.test(name))
      .map((name) => ({ group, partition: Number(name), folder: join(root, group, name) })),
  );
}

export class StateReader {
  readonly #fetcher: Fetcher;

  private constructor(fetcher: Fetcher) {
    this.#fetcher = fetcher;
  }

  static async open({ kafka }: Ground): Promise<StateReader> {
    const fetcher = new Fetcher(new KafkaClient({ brokers: kafka.brokers, clientId: 'faults-state' }), undefined);
    await fetcher.connect();
    return new StateReader(fetcher);
  }

  close(): Promise<void> {
    return this.#fetcher.close();
  }

  /**
   * Compares a store that nobody has open with the changelog up to the store's checkpoint. A store without one, which its
   * owner had no time to restore, is not compared: the next owner wipes it. Nor is one that was `damaged`, where its owner has
   * not met the damage yet.
   */
  async check({ group, partition, folder }: StoredTask, damaged: boolean): Promise<StateCheck | undefined> {
    const copy = mkdtempSync(join(tmpdir(), 'beckon-state-'));
    // Opening would write to it, and the next owner is to find what the last one left.
    cpSync(folder, copy, { recursive: true });
    const local = await LocalStore.open(copy);
    try {
      const checkpoint = local?.checkpoint();
      if (local === undefined || checkpoint === undefined) return undefined;
      const stored = new Map(
        local.store.scan(Buffer.alloc(0), KEYS_END).map(([key, value]) => [key.toString('hex'), value]),
      );
      const { logged, behind } = await this.#replayed(group, partition, checkpoint);
      const wrong = [...new Set([...stored.keys(), ...logged.keys()])].filter((key) => {
        const [a, b] = [stored.get(key), logged.get(key)];
        return a === undefined || b === undefined || !a.equals(b);
      });
      const where = `${group}.${partition} at offset ${checkpoint.offset}`;
      const what = `${wrong.length} of ${logged.size} keys differ from the changelog, such as ${wrong[0]}`;
      return { problems: wrong.length === 0 ? [] : [`${where}: ${what}`], entries: stored.size, behind };
    } catch (error) {
      if (damaged && /Corruption/.test(String(error))) return undefined;
      throw error;
    } finally {
      await local?.close();
      rmSync(copy, { recursive: true, force: true });
    }
  }

  /**
   * Partitions of topics that can't be read to their ends: an open transaction lies before. The markers of the last commits
   * may be a moment behind the word on them.
   */
  async unended(topics: readonly string[], within: number): Promise<readonly string[]> {
    for (const until = performance.now() + within; ; await delay(LOOK)) {
      const held = await this.#held(topics);
      if (held.length === 0 || performance.now() > until) return held;
    }
  }

  async #held(topics: readonly string[]): Promise<readonly string[]> {
    const held: string[] = [];
    for (const topic of topics) {
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const input = { topic, partition };
        const [end, stable] = [await this.#fetcher.offsets.end(input), await this.#fetcher.offsets.stable(input)];
        if (stable < end) held.push(`${topic}/${partition} can be read up to ${stable} of ${end}`);
      }
    }
    return held;
  }

  /** Committed records of a partition, counted from its beginning. */
  async records(topic: string, partition: number): Promise<number> {
    const input = { topic, partition };
    let count = 0;
    const end = await this.#fetcher.offsets.stable(input);
    for await (const { records } of this.#fetcher.replay(input, 0, end)) count += records.length;
    return count;
  }

  async #replayed(
    group: string,
    partition: number,
    { offset }: Checkpoint,
  ): Promise<{ readonly logged: Map<string, Buffer>; readonly behind: number }> {
    const input = { topic: changelogOf(APP, group), partition };
    const logged = new Map<string, Buffer>();
    let behind = 0;
    let end = await this.#fetcher.offsets.stable(input);
    // The markers of the store's last commit may be a moment behind the word on it.
    for (const until = performance.now() + MARKERS_WITHIN; end < offset && performance.now() < until; await delay(LOOK))
      end = await this.#fetcher.offsets.stable(input);
    for await (const { records } of this.#fetcher.replay(input, 0, end)) {
      for (const { key, value, offset: at } of records) {
        if (key === null) continue;
        if (at >= offset) behind++;
        else if (key.equals(POSITIONS_KEY)) continue;
        else if (value === null) logged.delete(key.toString('hex'));
        else logged.set(key.toString('hex'), Buffer.from(value));
      }
    }
    return { logged, behind };
  }
}
