// A topic's JSON form: field names as in its schema, times as ISO-8601 with a zone or epoch ms, absent fields by default.
// Reading checks everything; writing leaves out what is null and writes times as ISO-8601 UTC.
import type { AvroComplex, AvroField, AvroSchema, AvroType } from './avro-schema.ts';
import { idProblem, type Named } from './ids.ts';
import { isoTime } from './iso-time.ts';
import type { Topic } from './topics.ts';

/** The value is not in the topic's JSON form. `path` says where. */
export class BadValue extends Error {
  override readonly name = 'BadValue';
  readonly path: string;
  constructor(path: string, message: string) {
    super(path === '' ? message : `${path}: ${message}`);
    this.path = path;
  }
}

type Read = (value: unknown, path: string) => unknown;
type Write = (value: unknown) => unknown;

export interface JsonForm<T> {
  /** Checks a parsed JSON value and returns the record. Throws `BadValue`. */
  read(json: unknown): T;
  /** The record as one line of JSON, fields in the schema's order. */
  write(value: T): string;
}

const forms = new WeakMap<AvroSchema, JsonForm<unknown>>();

export function jsonForm<T>(topic: Topic<T>): JsonForm<T> {
  let form = forms.get(topic.schema);
  if (form === undefined) {
    const read = readRecord(topic.schema);
    const write = writeRecord(topic.schema);
    form = {
      read: (json) => {
        const value = read(json, '') as { tenantId: string };
        checkIds(topic as Topic<unknown>, value);
        return value;
      },
      write: (value) => JSON.stringify(write(value)),
    };
    forms.set(topic.schema, form);
  }
  return form as JsonForm<T>;
}

/** A tenant with a slash would make two keys one; an empty id identifies nothing. */
function checkIds(topic: Topic<unknown>, value: Named): void {
  const { tenantId = '' } = value;
  if (tenantId === '' || tenantId?.includes('/')) throw new BadValue('tenantId', 'must not be empty or contain "/"');
  const wrong = idProblem(topic, value);
  if (wrong !== undefined) throw new BadValue(wrong.field, wrong.problem);
}

function readRecord(schema: AvroSchema): Read {
  const names = new Set(schema.fields.map((f) => f.name));
  const readFields = fieldReader(schema.fields);
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new BadValue(path, `expected an object (${schema.name}), got ${kindOf(value)}`);
    }
    return readFields(value as Record<string, unknown>, path, (source) => {
      const unknown = Object.keys(source).find((name) => !names.has(name));
      if (unknown === undefined) return;
      throw new BadValue(join(path, unknown), `unknown field; known are ${[...names].join(', ')}`);
    });
  };
}

type FieldReader = (
  source: Readonly<Record<string, unknown>>,
  path: string,
  /** Called when there may be a field that the schema does not know. */
  onSurplus: (source: Readonly<Record<string, unknown>>) => void,
) => Record<string, unknown>;

/**
 * Reads a record's fields one after another. The function is written out field by field: only so do all records of a schema
 * get one shape that the engine knows beforehand, which takes two fifths off the cost of reading an event.
 */
function fieldReader(fields: readonly AvroField[]): FieldReader {
  const reads = fields.map(readField);
  const given = fields.map(
    ({ name }, i) => `const v${i} = source[${JSON.stringify(name)}]; if (v${i} !== undefined) known++;`,
  );
  const read = fields.map(({ name }, i) => {
    const quoted = JSON.stringify(name);
    return `${quoted}: r${i}(v${i}, path === '' ? ${quoted} : path + '.' + ${quoted}),`;
  });
  const body = `return (source, path, onSurplus) => {
    let known = 0;
    ${given.join('\n')}
    const record = { ${read.join('\n')} };
    let all = 0;
    for (const name in source) all++;
    if (all !== known) onSurplus(source);
    return record;
  }`;
  return new Function(...reads.map((_, i) => `r${i}`), body)(...reads) as FieldReader;
}

function join(path: string, name: string): string {
  const shown = name.length > 60 ? `${name.slice(0, 60)}…` : name;
  return path === '' ? shown : `${path}.${shown}`;
}

function readField(field: AvroField): Read {
  const read = readType(field.type);
  if (!('default' in field)) {
    return (value, path) => {
      if (value === undefined) throw new BadValue(path, 'is missing');
      return read(value, path);
    };
  }
  const fallback = field.default;
  return (value, path) => (value === undefined ? fallback : read(value, path));
}

function readType(type: AvroType): Read {
  if (Array.isArray(type)) return readUnion(type as readonly AvroType[]);
  const {
    type: name,
    logicalType,
    values,
    items,
    symbols,
  } = (typeof type === 'string' ? { type } : type) as AvroComplex;
  if (logicalType === 'timestamp-millis') return readTime;
  switch (name) {
    case 'map':
      return readMap(readType(values as AvroType));
    case 'array':
      return readArray(readType(items as AvroType));
    case 'enum':
      return readEnum(symbols as readonly string[]);
    case 'record':
      return readRecord(type as unknown as AvroSchema);
    case 'int':
      return readWhole(-(2 ** 31), 2 ** 31 - 1);
    case 'long':
      // Avro doubles a number to write it, and beyond this the double is no safe integer.
      return readWhole(-(2 ** 52), 2 ** 52);
    case 'double':
      return (value, path) => expect(typeof value === 'number' && Number.isFinite(value), value, path, 'a number');
    case 'boolean':
      return (value, path) => expect(typeof value === 'boolean', value, path, 'true or false');
    case 'string':
      return (value, path) => (expect(typeof value === 'string', value, path, 'a string') as string).toWellFormed();
    default:
      throw new Error(`the JSON form knows no Avro type ${name}`);
  }
}

function readWhole(least: number, most: number): Read {
  const wanted = `a whole number from ${least} to ${most}`;
  return (value, path) => {
    const ok = Number.isSafeInteger(value) && (value as number) >= least && (value as number) <= most;
    return expect(ok, value, path, wanted);
  };
}

function expect(ok: boolean, value: unknown, path: string, wanted: string): unknown {
  if (!ok) throw new BadValue(path, `expected ${wanted}, got ${kindOf(value)}`);
  return value;
}

function readUnion(types: readonly AvroType[]): Read {
  const others = types.filter((t) => t !== 'null');
  const only = others.length === 1 ? readType(others[0] as AvroType) : undefined;
  const nullable = others.length < types.length;
  if (only !== undefined) return (value, path) => (value === null && nullable ? null : only(value, path));
  const scalars = new Set(others.map((t) => (t === 'double' || t === 'long' ? 'number' : t)));
  const wanted = `one of ${[...scalars].join(', ')}${nullable ? ', null' : ''}`;
  const whole = !others.includes('double');
  return (value, path) => {
    if (value === null && nullable) return value;
    const ok =
      scalars.has(typeof value) &&
      (typeof value !== 'number' || (whole ? Number.isSafeInteger(value) : Number.isFinite(value)));
    expect(ok, value, path, wanted);
    return typeof value === 'string' ? value.toWellFormed() : value;
  };
}

function readMap(read: Read): Read {
  return (value, path) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new BadValue(path, `expected an object, got ${kindOf(value)}`);
    }
    const source = value as Record<string, unknown>;
    for (const name in source) {
      if (name === '__proto__' || !name.isWellFormed())
        throw new BadValue(join(path, name), 'must have a well-formed name');
      const given = source[name];
      let taken: unknown;
      try {
        taken = read(given, '');
      } catch {
        // A path costs more than the check, so only a bad value gets one.
        taken = read(given, join(path, name));
      }
      if (taken !== given) source[name] = taken;
    }
    return source;
  };
}

function readArray(read: Read): Read {
  return (value, path) => {
    if (!Array.isArray(value)) throw new BadValue(path, `expected a list, got ${kindOf(value)}`);
    return value.map((item, i) => read(item, `${path}[${i}]`));
  };
}

function readEnum(symbols: readonly string[]): Read {
  return (value, path) => expect(symbols.includes(value as string), value, path, `one of ${symbols.join(', ')}`);
}

const EARLIEST = 0;
const LATEST = Date.UTC(2100, 0, 1);
const ISO = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)$/;

/** ISO-8601 with a zone, or epoch ms, from 1970 to 2099. */
function readTime(value: unknown, path: string): number {
  let time: number;
  if (typeof value === 'string') {
    time = utcMillis(value);
    if (Number.isNaN(time)) {
      if (!ISO.test(value))
        throw new BadValue(path, 'expected a time as ISO-8601 with a zone, e.g. 2026-01-31T09:00:00Z, or epoch ms');
      time = Date.parse(value);
      if (Number.isNaN(time) || !dayExists(value)) throw new BadValue(path, 'is no time that exists');
    }
  } else if (typeof value === 'number' && Number.isFinite(value)) time = Math.floor(value);
  else throw new BadValue(path, `expected a time as ISO-8601 with a zone or epoch ms, got ${kindOf(value)}`);
  if (time < EARLIEST || time >= LATEST) throw new BadValue(path, 'is outside 1970-01-01 to 2100-01-01');
  return time;
}

/** `Date.parse` takes February 30th for March 1st. */
function dayExists(text: string): boolean {
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  return digits(text, 8, 10) <= new Date(Date.UTC(year, month, 0)).getUTCDate();
}

const DAYS_BEFORE = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];

/** The common form `YYYY-MM-DDTHH:MM:SS.mmmZ` without the cost of `Date.parse`; NaN for any other. */
function utcMillis(text: string): number {
  if (text.length !== 24 || text.charCodeAt(23) !== 90 || text.charCodeAt(10) !== 84 || text.charCodeAt(19) !== 46)
    return Number.NaN;
  if (
    text.charCodeAt(4) !== 45 ||
    text.charCodeAt(7) !== 45 ||
    text.charCodeAt(13) !== 58 ||
    text.charCodeAt(16) !== 58
  )
    return Number.NaN;
  const year = digits(text, 0, 4);
  const month = digits(text, 5, 7);
  const day = digits(text, 8, 10);
  const hour = digits(text, 11, 13);
  const minute = digits(text, 14, 16);
  const second = digits(text, 17, 19);
  const milli = digits(text, 20, 23);
  const leap = year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0);
  // What is out of range (or no digit, which makes NaN) is left to the slow way, which says so.
  if (
    !(
      year >= 1970 &&
      month >= 1 &&
      month <= 12 &&
      day >= 1 &&
      day <= 28 &&
      hour < 24 &&
      minute < 60 &&
      second < 60 &&
      milli >= 0
    )
  )
    return Number.NaN;
  const years = year - 1970;
  const leapDays = Math.floor((year - 1969) / 4) - Math.floor((year - 1901) / 100) + Math.floor((year - 1601) / 400);
  const days = years * 365 + leapDays + (DAYS_BEFORE[month - 1] as number) + (leap && month > 2 ? 1 : 0) + day - 1;
  return days * 86_400_000 + hour * 3_600_000 + minute * 60_000 + second * 1000 + milli;
}

function digits(text: string, from: number, to: number): number {
  let n = 0;
  for (let i = from; i < to; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (digit < 0 || digit > 9) return Number.NaN;
    n = n * 10 + digit;
  }
  return n;
}

function kindOf(value: unknown): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'a list';
  if (typeof value === 'number') return Number.isFinite(value) ? 'a number' : 'no finite number';
  return typeof value === 'object' ? 'an object' : `a ${typeof value}`;
}

function writeRecord(schema: AvroSchema): Write {
  const fields = schema.fields.map((field) => ({ name: field.name, write: writeType(field.type) }));
  return (value) => {
    const source = value as Record<string, unknown>;
    const json: Record<string, unknown> = {};
    for (const { name, write } of fields) {
      const given = source[name];
      if (given !== null && given !== undefined) json[name] = write(given);
    }
    return json;
  };
}

function writeType(type: AvroType): Write {
  if (Array.isArray(type)) {
    const others = (type as readonly AvroType[]).filter((t) => t !== 'null');
    return others.length === 1 ? writeType(others[0] as AvroType) : same;
  }
  const { type: name, logicalType, items } = (typeof type === 'string' ? { type } : type) as AvroComplex;
  if (logicalType === 'timestamp-millis') return (value) => isoTime(value as number);
  if (name === 'record') return writeRecord(type as unknown as AvroSchema);
  if (name === 'array') {
    const write = writeType(items as AvroType);
    return write === same ? same : (value) => (value as readonly unknown[]).map(write);
  }
  return same;
}

function same(value: unknown): unknown {
  return value;
}
