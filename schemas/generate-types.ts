// Writes types.ts and state-types.ts from the .avsc files; a test checks that they are up to date. Run: npm run generate:types
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import type { AvroSchema, AvroType } from './avro-schema.ts';

/** The files of types, by the folder of the schemas they are made from. */
export const TYPE_FILES = { avsc: 'types.ts', state: 'state-types.ts' } as const;

/** The text of a folder's file of types for the schemas as they are. */
export function generateTypes(folder: keyof typeof TYPE_FILES): string {
  const done = new Set<string>();
  const blocks: string[] = [];
  const url = new URL(`./${folder}/`, import.meta.url);
  for (const file of readdirSync(url).sort()) {
    emitRecord(JSON.parse(readFileSync(new URL(file, url), 'utf8')) as AvroSchema, done, blocks);
  }
  return `// Generated from the .avsc files by \`npm run generate:types\`. Do not edit.\n${blocks.join('\n')}\n`;
}

function emitRecord(schema: AvroSchema, done: Set<string>, blocks: string[]): void {
  if (done.has(schema.name)) return;
  done.add(schema.name);
  const at = blocks.length;
  const lines = schema.fields.map((field) => {
    const doc = field.doc === undefined ? '' : `  /** ${field.doc} */\n`;
    return `${doc}${fieldText(field.name, typeText(field.type, done, blocks))}`;
  });
  const doc = schema.doc === undefined ? '' : `/** ${schema.doc} */\n`;
  blocks.splice(at, 0, `${doc}export interface ${schema.name} {\n${lines.join('\n')}\n}`);
}

const LINE = 120;

/** As the formatter leaves it: a union too long for its line has a line for each member. */
function fieldText(name: string, type: string): string {
  const line = `  readonly ${name}: ${type};`;
  return line.length <= LINE ? line : `  readonly ${name}:\n    | ${type.replaceAll(' | ', '\n    | ')};`;
}

/** Named types are referred to by name after their first definition. */
const named = new Map<string, string>();

function typeText(type: AvroType, done: Set<string>, blocks: string[]): string {
  if (Array.isArray(type)) {
    const members = (type as readonly AvroType[]).map((t) => typeText(t, done, blocks));
    return [...members.filter((m) => m !== 'null'), ...members.filter((m) => m === 'null')].join(' | ');
  }
  if (typeof type === 'string') return named.get(type) ?? primitive(type);
  const complex = type as Exclude<AvroType, string | readonly AvroType[]>;
  switch (complex.type) {
    case 'map':
      return `Readonly<Record<string, ${typeText(complex.values ?? 'null', done, blocks)}>>`;
    case 'array': {
      const item = typeText(complex.items ?? 'null', done, blocks);
      return /[ ]/.test(item) ? `readonly (${item})[]` : `readonly ${item}[]`;
    }
    case 'enum': {
      const symbols = (complex.symbols ?? []).map((s) => `'${s}'`).join(' | ');
      if (complex.name !== undefined) named.set(complex.name, symbols);
      return symbols;
    }
    case 'record':
      emitRecord(complex as AvroSchema, done, blocks);
      return complex.name ?? 'never';
    default:
      return primitive(complex.type);
  }
}

function primitive(type: string): string {
  if (type === 'long' || type === 'int' || type === 'double' || type === 'float') return 'number';
  if (type === 'bytes') return 'Buffer';
  return type;
}

if (import.meta.main) {
  for (const folder of ['avsc', 'state'] as const) {
    writeFileSync(new URL(`./${TYPE_FILES[folder]}`, import.meta.url), generateTypes(folder));
  }
}
