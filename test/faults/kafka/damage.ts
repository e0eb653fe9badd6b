// Harm to the state on the local disk of an instance that does not run.
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../../../cli/demo/random.ts';
import type { StoredTask } from './state.ts';

export const DAMAGES = [
  'deleted',
  'flipped bytes',
  'short manifest',
  'garbage in CURRENT',
  'a table cut short',
] as const;
export type Damage = (typeof DAMAGES)[number];

const FLIPPED = 64;

/** Damages the stores, all in one way. */
export function damage(how: Damage, tasks: readonly StoredTask[], random: Random): void {
  for (const { folder } of tasks) harm(how, folder, random);
}

function harm(how: Damage, folder: string, random: Random): void {
  const tables = largest(folder, /[.]sst$/);
  // A young store has no table yet, only its log.
  const data = tables ?? largest(folder, /[.]log$/);
  const manifest = largest(folder, /^MANIFEST/);
  if (how === 'deleted') rmSync(folder, { recursive: true });
  else if (how === 'garbage in CURRENT') writeFileSync(join(folder, 'CURRENT'), 'garbage');
  else if (how === 'short manifest') halve(manifest);
  else if (how === 'a table cut short') halve(data);
  else flip(data, random);
}

function largest(folder: string, name: RegExp): string | undefined {
  const files = readdirSync(folder).filter((file) => name.test(file));
  return files.map((file) => join(folder, file)).sort((a, b) => statSync(b).size - statSync(a).size)[0];
}

function halve(file: string | undefined): void {
  if (file !== undefined) truncateSync(file, Math.floor(statSync(file).size / 2));
}

function flip(file: string | undefined, random: Random): void {
  if (file === undefined) return;
  const bytes = readFileSync(file);
  const from = random.below(Math.max(1, bytes.length - FLIPPED));
  for (let at = from; at < Math.min(bytes.length, from + FLIPPED); at++) bytes[at] = (bytes[at] as number) ^ 0xff;
  writeFileSync(file, bytes);
}
