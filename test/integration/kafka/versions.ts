// Other versions of this program: copies of its source in which schemas, and the code that goes with them, were changed.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AvroSchema } from '../../../schemas/avro-schema.ts';

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const PARTS = ['api', 'cli', 'processors', 'runtime', 'schemas', 'sinks', 'state', 'topologies', 'package.json'];

/** What a changed file says. Texts in the order of their paths within the project. */
export type Changes = Readonly<Record<string, (text: string) => string>>;

/** Makes a version in a folder; returns the path of its `main`. Throws when a change changes nothing. */
export function versionWith(folder: string, changes: Changes): string {
  mkdirSync(folder, { recursive: true });
  const filter = (path: string): boolean => !path.endsWith('.test.ts');
  for (const part of PARTS) cpSync(join(ROOT, part), join(folder, part), { recursive: true, filter });
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  for (const [path, change] of Object.entries(changes)) {
    const file = join(folder, path);
    const text = readFileSync(file, 'utf8');
    const changed = change(text);
    if (changed === text) throw new Error(`${path} is no longer what the change was made for`);
    writeFileSync(file, changed);
  }
  execFileSync(process.execPath, [join(folder, 'schemas/generate-types.ts')]);
  return join(folder, 'cli/main.ts');
}

/** A schema's text with other fields. */
export function withFields(change: (fields: AvroSchema['fields']) => readonly object[]): (text: string) => string {
  return (text) => {
    const schema = JSON.parse(text) as AvroSchema;
    return JSON.stringify({ ...schema, fields: change(schema.fields) }, null, 2);
  };
}

/** Replaces each of the texts wherever it occurs. Throws for one that doesn't. */
export function replacing(...pairs: readonly (readonly [string, string])[]): (text: string) => string {
  return (text) =>
    pairs.reduce((now, [from, to]) => {
      if (!now.includes(from)) throw new Error(`nothing says ${from} any more`);
      return now.replaceAll(from, to);
    }, text);
}
