import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { AvroComplex, AvroField, AvroSchema, AvroType } from './avro-schema.ts';
import { generateTypes, TYPE_FILES } from './generate-types.ts';

const schemas = (folder: string): AvroSchema[] =>
  readdirSync(new URL(`./${folder}/`, import.meta.url)).map(
    (file) => JSON.parse(readFileSync(new URL(`./${folder}/${file}`, import.meta.url), 'utf8')) as AvroSchema,
  );

/** Every named type within a type, itself included. */
function named(type: AvroType): AvroComplex[] {
  if (typeof type === 'string') return [];
  if (Array.isArray(type)) return (type as readonly AvroType[]).flatMap(named);
  const complex = type as AvroComplex;
  const inner = [complex.items, complex.values, ...(complex.fields ?? []).map((f) => f.type)].filter(
    (t) => t !== undefined,
  );
  return [...(complex.name === undefined ? [] : [complex]), ...inner.flatMap(named)];
}

describe.each(['avsc', 'state'] as const)('the types of %s', (folder) => {
  const written = readFileSync(new URL(`./${TYPE_FILES[folder]}`, import.meta.url), 'utf8');

  it('are what the schemas generate; if not, run: npm run generate:types', () => {
    expect(written).toBe(generateTypes(folder));
  });

  it('have an interface for every record of the schemas and none besides', () => {
    const records = schemas(folder)
      .flatMap(named)
      .filter((t) => t.type === 'record');
    const interfaces = [...written.matchAll(/^export interface (\w+) \{$/gm)].map((match) => match[1]);
    expect([...interfaces].sort()).toEqual([...new Set(records.map((r) => r.name))].sort());
  });
});

describe('the schemas', () => {
  it('have no two records of one name that differ', () => {
    const byName = new Map<string | undefined, string>();
    for (const type of [...schemas('avsc'), ...schemas('state')].flatMap(named)) {
      expect(byName.get(type.name) ?? JSON.stringify(type), type.name).toBe(JSON.stringify(type));
      byName.set(type.name, JSON.stringify(type));
    }
  });
});

describe('the schemas of topics', () => {
  const records = schemas('avsc')
    .flatMap(named)
    .filter((t) => t.type === 'record');
  const fields: [string, AvroField][] = records.flatMap((r) =>
    (r.fields ?? []).map((f): [string, AvroField] => [`${r.name}.${f.name}`, f]),
  );

  it('document every record and every field', () => {
    expect(records.filter((r) => (r as AvroSchema).doc === undefined).map((r) => r.name)).toEqual([]);
    expect(fields.filter(([, { doc }]) => doc === undefined || doc === '').map(([name]) => name)).toEqual([]);
  });

  it('let every field be left out that may be null', () => {
    const nullable = fields.filter(([, { type }]) => Array.isArray(type) && type.includes('null'));
    expect(nullable.filter(([, field]) => field.default !== null).map(([name]) => name)).toEqual([]);
  });
});
