// The simplest thing that anybody could do with the same client on the same events, to read the other figures by.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { events } from '../../schemas/topics.ts';
import { NODE_FLAGS } from '../node-flags.ts';
import type { Ground } from './ground.ts';
import type { Options } from './options.ts';
import type { PlainMode } from './plain.ts';

const PROGRAM = fileURLToPath(new URL('plain.ts', import.meta.url));

export interface Plain {
  readonly title: string;
  readonly events: number;
  readonly ms: number;
  readonly cpuMs: number;
  readonly peakMb: number;
}

const TITLES: Readonly<Record<PlainMode, string>> = {
  consume: 'consume, nothing else',
  copy: 'consume and produce again, in transactions',
};

/** In a process of its own, from the first record that it is given to the last. */
export async function measurePlain(
  mode: PlainMode,
  { brokers }: Pick<Ground, 'brokers'>,
  { core, partitions }: Pick<Options, 'core' | 'partitions'>,
  count: number,
): Promise<Plain> {
  // kafkajs sets timers for times that are past, which Node remarks upon.
  const flags = [...NODE_FLAGS, '--disable-warning=TimeoutNegativeWarning'];
  const command = [process.execPath, ...flags, PROGRAM, mode, brokers.join(',')];
  const all = [...(core === undefined ? [] : ['taskset', '-c', core]), ...command];
  const child = spawn(all[0] as string, [...all.slice(1), events.topic, String(partitions), String(count)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const abandon = (): void => void child.kill('SIGKILL');
  process.once('exit', abandon);
  const [code] = (await once(child, 'close')) as [number | null];
  process.off('exit', abandon);
  if (code !== 0) throw new Error(`plain kafkajs (${mode}) failed with ${code}`);
  return { title: TITLES[mode], events: count, ...(JSON.parse(said) as Omit<Plain, 'title' | 'events'>) };
}
