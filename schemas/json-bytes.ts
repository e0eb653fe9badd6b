// Writes records in their topic's JSON form straight into a block of bytes: no JSON tree, no text a line, one pass. The bytes
// are those of `jsonForm(topic).write`, at half its cost: `simulate` writes a third of a record for each event it reads.
import type { AvroComplex, AvroField, AvroSchema, AvroType } from './avro-schema.ts';
import { isoDay, isoTime } from './iso-time.ts';
import type { Topic } from './topics.ts';

/** Appends a record's JSON to the bytes. */
export type JsonAppend<T> = (value: T, out: JsonBytes) => void;

const appends = new WeakMap<AvroSchema, JsonAppend<unknown>>();

export function jsonAppend<T>(topic: Topic<T>): JsonAppend<T> {
  let append = appends.get(topic.schema);
  if (append === undefined) {
    append = recordAppend(topic.schema);
    appends.set(topic.schema, append);
  }
  return append as JsonAppend<T>;
}

const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const ZERO = 48;
const COLON = 58;
const BACKSLASH = 92;
const LAST_ASCII = 126;

const DAY = 86_400_000;
/** From here on a year has more than four digits. */
const FAR = Date.UTC(10_000, 0, 1);
/** From so many units on a text is written by one call. */
const LONG = 24;
/** Bytes that a text needs escapes for, or that are not ASCII: 1. */
const SPECIAL = Uint8Array.from({ length: 256 }, (_, byte) =>
  byte < SPACE || byte > LAST_ASCII || byte === QUOTE || byte === BACKSLASH ? 1 : 0,
);
/** Longer than any number. */
const NUMBER = 32;

/** JSON as it grows; `bytes` up to `length` count. */
export class JsonBytes {
  bytes: Buffer;
  length = 0;
  /** The last instant's day, and its bytes: the next one's is nearly always the same. */
  #day = -1;
  #dayBytes: Uint8Array = Buffer.alloc(0);

  constructor(capacity: number) {
    this.bytes = Buffer.allocUnsafe(capacity);
  }

  byte(byte: number): void {
    this.#reserve(1);
    this.bytes[this.length++] = byte;
  }

  raw(part: Uint8Array): void {
    const { length } = part;
    this.#reserve(length);
    const { bytes, length: at } = this;
    // Byte by byte: for the few that a name has, a call of `set` costs more.
    for (let i = 0; i < length; i++) bytes[at + i] = part[i] as number;
    this.length = at + length;
  }

  text(value: string): void {
    const { length } = value;
    this.#reserve(length + 2);
    const { bytes } = this;
    let at = this.length;
    if (length >= LONG) {
      this.#longText(value);
      return;
    }
    bytes[at++] = QUOTE;
    for (let i = 0; i < length; i++) {
      const unit = value.charCodeAt(i);
      if (unit < SPACE || unit > LAST_ASCII || unit === QUOTE || unit === BACKSLASH) {
        // Nothing of it counts yet.
        this.#json(value);
        return;
      }
      bytes[at++] = unit;
    }
    bytes[at++] = QUOTE;
    this.length = at;
  }

  /** As `text`, with room for it: to copy the units in one go and to look at bytes is cheaper than to ask for each unit. */
  #longText(value: string): void {
    const { bytes, length: at } = this;
    const { length } = value;
    // One byte a unit; what does not fit one byte has another number of bytes in UTF-8.
    const end = at + 1 + bytes.write(value, at + 1);
    let special = end - at - 1 - length;
    for (let i = at + 1; i < end; i++) special |= SPECIAL[bytes[i] as number] as number;
    if (special !== 0) {
      // Nothing of it counts yet.
      this.#json(value);
      return;
    }
    bytes[at] = QUOTE;
    bytes[end] = QUOTE;
    this.length = end + 1;
  }

  number(value: number): void {
    if (!(Number.isInteger(value) && value >= 0 && value < 1e9)) {
      this.#json(value);
      return;
    }
    this.#reserve(NUMBER);
    let digits = 1;
    for (let power = 10; power <= value; power *= 10) digits++;
    this.#digits(this.length, value, digits);
    this.length += digits;
  }

  /** An instant (epoch ms), as `isoTime` writes it. */
  time(instant: number): void {
    if (!(Number.isInteger(instant) && instant >= 0 && instant < FAR)) {
      this.text(isoTime(instant));
      return;
    }
    this.#reserve(NUMBER);
    const day = Math.floor(instant / DAY);
    const inDay = instant - day * DAY;
    const seconds = Math.floor(inDay / 1000);
    const minutes = Math.floor(seconds / 60);
    if (day !== this.#day) {
      this.#day = day;
      this.#dayBytes = Buffer.from(`"${isoDay(day)}`);
    }
    this.raw(this.#dayBytes);
    const { bytes, length: at } = this;
    this.#digits(at, Math.floor(minutes / 60), 2);
    bytes[at + 2] = COLON;
    this.#digits(at + 3, minutes % 60, 2);
    bytes[at + 5] = COLON;
    this.#digits(at + 6, seconds % 60, 2);
    bytes[at + 8] = DOT;
    this.#digits(at + 9, inDay % 1000, 3);
    bytes[at + 12] = Z;
    bytes[at + 13] = QUOTE;
    this.length = at + 14;
  }

  scalar(value: unknown): void {
    if (typeof value === 'string') this.text(value);
    else if (typeof value === 'number') this.number(value);
    else this.#json(value);
  }

  /** Begins the object or list whose parts were appended from `start` on, each after a comma: the first gives way. */
  open(start: number, bracket: number): void {
    if (this.length === start) this.byte(bracket);
    else this.bytes[start] = bracket;
  }

  #digits(at: number, value: number, count: number): void {
    const { bytes } = this;
    let left = value;
    for (let i = at + count - 1; i >= at; i--) {
      const rest = Math.floor(left / 10);
      bytes[i] = ZERO + left - rest * 10;
      left = rest;
    }
  }

  /** The long way, for what needs escapes or is rare. */
  #json(value: unknown): void {
    const json = JSON.stringify(value);
    // A UTF-16 unit is at most three bytes of UTF-8.
    this.#reserve(json.length * 3);
    this.length += this.bytes.write(json, this.length, 'utf8');
  }

  #reserve(more: number): void {
    if (this.length + more > this.bytes.length) this.#grow(more);
  }

  #grow(more: number): void {
    const grown = Buffer.allocUnsafe(2 * (this.length + more));
    this.bytes.copy(grown, 0, 0, this.length);
    this.bytes = grown;
  }
}

const DOT = 46;
const Z = 90;
const BRACES = { open: 123, close: 125 };
const BRACKETS = { open: 91, close: 93 };

/** Written out field by field, as `fieldReader` in json-form.ts is, and for the same reason. What is null is left out. */
function recordAppend({ fields }: Pick<AvroSchema, 'fields'>): JsonAppend<unknown> {
  const keys = fields.map(({ name }) => Buffer.from(`,${JSON.stringify(name)}:`));
  const values = fields.map(({ type }: AvroField) => valueAppend(type));
  const parts = fields.map(
    ({ name }, i) => `const f${i} = value[${JSON.stringify(name)}];
    if (f${i} !== null && f${i} !== undefined) { out.raw(k${i}); v${i}(f${i}, out); }`,
  );
  const body = `return (value, out) => {
    const start = out.length;
    ${parts.join('\n')}
    out.open(start, ${BRACES.open});
    out.byte(${BRACES.close});
  }`;
  const names = [...keys.map((_, i) => `k${i}`), ...values.map((_, i) => `v${i}`)];
  return new Function(...names, body)(...keys, ...values) as JsonAppend<unknown>;
}

const text: JsonAppend<unknown> = (value, out) => out.text(value as string);
const number: JsonAppend<unknown> = (value, out) => out.number(value as number);
const time: JsonAppend<unknown> = (value, out) => out.time(value as number);
const scalar: JsonAppend<unknown> = (value, out) => out.scalar(value);

function valueAppend(type: AvroType): JsonAppend<unknown> {
  if (Array.isArray(type)) {
    const others = (type as readonly AvroType[]).filter((t) => t !== 'null');
    return others.length === 1 ? valueAppend(others[0] as AvroType) : scalar;
  }
  const { type: name, logicalType, items, fields } = (typeof type === 'string' ? { type } : type) as AvroComplex;
  if (logicalType === 'timestamp-millis') return time;
  switch (name) {
    case 'record':
      return recordAppend({ fields: fields as readonly AvroField[] });
    case 'array':
      return listAppend(valueAppend(items as AvroType));
    case 'map':
      return appendMap;
    case 'string':
    case 'enum':
      return text;
    case 'int':
    case 'long':
    case 'double':
      return number;
    default:
      return scalar;
  }
}

function listAppend(append: JsonAppend<unknown>): JsonAppend<unknown> {
  return (value, out) => {
    const start = out.length;
    for (const item of value as readonly unknown[]) {
      out.byte(COMMA);
      append(item, out);
    }
    out.open(start, BRACKETS.open);
    out.byte(BRACKETS.close);
  };
}

/** Maps hold scalars. */
function appendMap(value: unknown, out: JsonBytes): void {
  const map = value as Readonly<Record<string, unknown>>;
  const start = out.length;
  for (const name in map) {
    const held = map[name];
    if (held === undefined) continue;
    out.byte(COMMA);
    out.text(name);
    out.byte(COLON);
    out.scalar(held);
  }
  out.open(start, BRACES.open);
  out.byte(BRACES.close);
}
