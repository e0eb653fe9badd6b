// What of a topic's record goes into which column of its table: derived from the topic's schema, so that a new field can't
// be forgotten (a test compares the tables that the migrations make with these columns).
import type { AvroComplex, AvroField, AvroType } from '../../schemas/avro-schema.ts';
import type { Topic } from '../../schemas/topics.ts';

export interface Column {
  readonly name: string;
  /** ClickHouse's, written as ClickHouse writes it in `system.columns`. */
  readonly type: string;
  readonly doc: string;
  /** The column's value of a record, as JSONEachRow takes it. */
  read(value: Fields): unknown;
}

type Fields = Readonly<Record<string, unknown>>;

/** Addresses and what a message says are personal data that no analysis needs: they stay out of ClickHouse. */
const PERSONAL: ReadonlySet<string> = new Set([
  'profiles.contacts',
  'send-requests.data',
  'sends.address',
  'sends.content',
]);

/** Texts with few different values, whatever the number of rows: ClickHouse keeps a dictionary of them. */
const FEW_VALUES: ReadonlySet<string> = new Set(
  'tenantId campaignId channel channels channelPreferences type kind reason purpose source event gate timezone locale customerType device variant'.split(
    ' ',
  ),
);

/** A topic's table: its short name in snake case. */
export function tableOf(topic: Topic<unknown>): string {
  return snake(topic.name);
}

/** The columns of a topic's table, without the record's place on the log (`_partition`, `_offset`). */
export function columnsOf(topic: Topic<unknown>): readonly Column[] {
  return topic.schema.fields
    .filter((field) => !PERSONAL.has(`${topic.name}.${field.name}`))
    .flatMap((field) => fieldColumns(field));
}

function fieldColumns(field: AvroField): Column[] {
  const { name } = field;
  const { type, optional } = unwrap(field.type);
  const column = (ofType: string, convert: (value: unknown) => unknown, suffix = ''): Column => ({
    name: snake(name) + suffix,
    type: ofType,
    doc: suffix === '' ? (field.doc ?? '') : `${field.doc ?? ''} Its numbers.`.trim(),
    read: (value) => (value[name] === null || value[name] === undefined ? null : convert(value[name])),
  });
  if (typeof type === 'string' || Array.isArray(type)) return [column(...scalar(type, name, optional))];
  const complex = type as AvroComplex;
  switch (complex.type) {
    case 'record':
      return recordColumns(field, complex, optional);
    case 'map':
      return mapColumns(complex, column);
    case 'array':
      return arrayColumns(field, complex, column);
    default:
      return [column(...scalar(complex, name, optional))];
  }
}

/** A record within a record: its fields become columns `outer_inner`. */
function recordColumns(field: AvroField, record: AvroComplex, optional: boolean): Column[] {
  const inner = (record.fields ?? []).map((f): AvroField => {
    const already = unwrap(f.type).optional;
    return optional && !already ? { ...f, type: ['null', f.type] } : f;
  });
  return inner.flatMap(fieldColumns).map((c) => ({
    ...c,
    name: `${snake(field.name)}_${c.name}`,
    // No array is nullable: where the record is absent it is empty.
    read: (value) => c.read((value[field.name] ?? {}) as Fields) ?? (c.type.startsWith('Array(') ? [] : null),
  }));
}

/**
 * A free map (null, boolean, number or text) becomes two columns: all values as text, and those that are numbers as
 * numbers. A null says no more than an absent entry and is left out.
 */
function mapColumns(
  map: AvroComplex,
  column: (type: string, convert: (v: unknown) => unknown, suffix?: string) => Column,
): Column[] {
  const of = (type: string) => `Map(LowCardinality(String), ${type})`;
  if (!Array.isArray(map.values)) return [column(of(scalar(map.values ?? 'string', '', false)[0]), (v) => v)];
  return [
    column(of('String'), (v) => entries(v as Fields, (x) => x !== null, String)),
    column(of('Float64'), (v) => entries(v as Fields, Number.isFinite, Number), '_numbers'),
  ];
}

function entries(map: Fields, keep: (value: unknown) => boolean, convert: (value: unknown) => unknown): Fields {
  return Object.fromEntries(
    Object.entries(map).flatMap(([key, value]) => (keep(value) ? [[key, convert(value)]] : [])),
  );
}

/** A list of records becomes a Nested: one array column `outer.inner` for each field, all of the same length. */
function arrayColumns(
  field: AvroField,
  array: AvroComplex,
  column: (type: string, convert: (v: unknown) => unknown) => Column,
): Column[] {
  const items = array.items as AvroType;
  const record = typeof items === 'string' || Array.isArray(items) ? undefined : (items as AvroComplex);
  if (record?.type !== 'record') return [column(`Array(${scalar(items, field.name, false)[0]})`, (v) => v)];
  return (record.fields ?? []).flatMap(fieldColumns).map((c) => ({
    ...c,
    name: `${snake(field.name)}.${c.name}`,
    type: `Array(${c.type})`,
    read: (value) => ((value[field.name] ?? []) as readonly Fields[]).map((item) => c.read(item)),
  }));
}

function scalar(type: AvroType, name: string, optional: boolean): [type: string, convert: (value: unknown) => unknown] {
  const few = FEW_VALUES.has(name);
  const nullable = (of: string) => (optional ? `Nullable(${of})` : of);
  const low = `LowCardinality(${nullable('String')})`;
  if (Array.isArray(type)) return [nullable('String'), String];
  if (typeof type !== 'string') {
    const { type: base, logicalType } = type as AvroComplex;
    if (base === 'enum') return [low, (v) => v];
    if (logicalType === 'timestamp-millis') return [nullable("DateTime64(3, 'UTC')"), (v) => timeText(v as number)];
    return scalar(base, name, optional);
  }
  switch (type) {
    case 'boolean':
      return [nullable('Bool'), (v) => v];
    case 'int':
      return [nullable('Int32'), (v) => v];
    case 'long':
      return [nullable('Int64'), (v) => v];
    case 'float':
    case 'double':
      return [nullable('Float64'), (v) => v];
    default:
      return [few ? low : nullable('String'), (v) => v];
  }
}

/** "2026-01-31 07:00:00.000": a bare number would be read as seconds or milliseconds, whichever its size suggests. */
function timeText(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('T', ' ').slice(0, -1);
}

/** The type without null; a union of several others stays a union. */
function unwrap(type: AvroType): { readonly type: AvroType; readonly optional: boolean } {
  if (!Array.isArray(type)) return { type, optional: false };
  const others = (type as readonly AvroType[]).filter((t) => t !== 'null');
  return { type: others.length === 1 ? (others[0] as AvroType) : others, optional: others.length < type.length };
}

function snake(name: string): string {
  return name.replaceAll('-', '_').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
