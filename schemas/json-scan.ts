// Reads ordinary lines of a topic's JSON form straight out of a block of bytes: no text a line, no JSON tree, one pass.
// It takes a line only when it is sure; any other is left to `JSON.parse` and `jsonForm`, which also know what is wrong.
import type { AvroComplex, AvroField, AvroType } from './avro-schema.ts';
import { LONGEST_ID } from './ids.ts';
import type { Topic } from './topics.ts';

export interface JsonScan<T> {
  /** Begins with a block of lines, which must be valid UTF-8. */
  open(block: Buffer): void;
  /** The record of the line that begins at `start` (bytes); undefined when it has to be read the long way. */
  read(start: number): T | undefined;
  /** Where the line that was read ends (bytes): its newline, or the block's end. Means nothing when none was read. */
  readonly end: number;
}

/** What reads a topic's lines; undefined when a field's type is not among those it knows. */
export function jsonScan<T>(topic: Topic<T>): JsonScan<T> | undefined {
  const fields = topic.schema.fields.map(fieldOf);
  const known = fields.filter((field) => field !== undefined);
  // Fields seen are counted in the bits of a small integer.
  return known.length === fields.length && known.length <= 30 ? new Scan<T>(known) : undefined;
}

const TEXT = 0;
const NULLABLE_TEXT = 1;
const TIME = 2;
/** Of scalars. */
const MAP = 3;
const TEXT_MAP = 4;
const TEXT_LIST = 5;
const BOOLEAN = 6;
/** A text, whole number or null. */
const SCALAR = 7;
const NULLABLE_ENUM = 8;

interface Field {
  readonly name: string;
  /** `"name":` */
  readonly key: Uint8Array;
  readonly kind: number;
  /** Of an enum. */
  readonly symbols: readonly string[];
  readonly fallback: unknown;
  readonly required: boolean;
  /** Has few values, which are kept. */
  readonly few: boolean;
  readonly slashless: boolean;
}

function fieldOf(field: AvroField): Field | undefined {
  const { name } = field;
  const kind = kindOf(field.type);
  if (kind === undefined || !/^\w+$/.test(name)) return undefined;
  return {
    name,
    key: Buffer.from(`"${name}":`),
    kind,
    symbols: enumOf(field.type) ?? [],
    fallback: field.default,
    required: !('default' in field),
    few: name === 'tenantId' || !name.endsWith('Id'),
    slashless: name === 'tenantId',
  };
}

function kindOf(type: AvroType): number | undefined {
  if (type === 'string') return TEXT;
  if (type === 'boolean') return BOOLEAN;
  if (Array.isArray(type)) {
    if (sameTypes(type, ['null', 'string'])) return NULLABLE_TEXT;
    if (sameTypes(type, ['null', 'string', 'long'])) return SCALAR;
    return type.length === 2 && type.includes('null') && enumOf(type) !== undefined ? NULLABLE_ENUM : undefined;
  }
  const { type: name, logicalType, values, items } = type as AvroComplex;
  if (name === 'long' && logicalType === 'timestamp-millis') return TIME;
  if (name === 'array') return items === 'string' ? TEXT_LIST : undefined;
  if (name !== 'map') return undefined;
  if (values === 'string') return TEXT_MAP;
  return sameTypes(values, ['null', 'boolean', 'double', 'string']) ? MAP : undefined;
}

function enumOf(type: AvroType): readonly string[] | undefined {
  const members = (Array.isArray(type) ? type : []) as readonly (string | AvroComplex)[];
  return members
    .map((t) => (typeof t === 'object' && t.type === 'enum' ? t.symbols : undefined))
    .find((s) => s !== undefined);
}

function sameTypes(type: AvroType | undefined, names: readonly string[]): boolean {
  return Array.isArray(type) && type.length === names.length && names.every((name) => type.includes(name));
}

const NEWLINE = 10;
const RETURN = 13;
const SPACE = 32;
const QUOTE = 34;
const COMMA = 44;
const MINUS = 45;
const DOT = 46;
const ZERO = 48;
const COLON = 58;
const T = 84;
const Z = 90;
const BACKSLASH = 92;
const OPEN_LIST = 91;
const CLOSE_LIST = 93;
const OPEN = 123;
const CLOSE = 125;

/** V8 copies a slice up to this length; a longer one would hold on to its whole block, so it is made from the bytes. */
const COPIED_ANYWAY = 12;
/** Places for texts that come again; one that takes another's place drops it. */
const KEPT = 1 << 10;
const KEPT_LENGTH = 40;
/** So many digits make a whole number that a double holds exactly, and so is the power of ten that divides it. */
const EXACT_DIGITS = 15;
const POWERS = Array.from({ length: EXACT_DIGITS + 1 }, (_, n) => 10 ** n);

const DAY = 86_400_000;
/** February's 29th is left to the long way. */
const DAYS_IN = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
/** Days from 1970 to the beginning of a month, by months since then, up to 2099. */
const DAYS_BEFORE = Array.from({ length: 130 * 12 }, (_, month) => Date.UTC(1970, month, 1) / DAY);
const LATEST = Date.UTC(2100, 0, 1);

class Scan<T> implements JsonScan<T> {
  end = 0;
  readonly #fields: readonly Field[];
  readonly #required: number;
  readonly #fallbacks: readonly unknown[];
  readonly #values: unknown[];
  readonly #record: (values: readonly unknown[]) => T;
  readonly #keptBytes: Uint8Array[] = Array.from({ length: KEPT }, () => new Uint8Array(0));
  readonly #keptTexts: string[] = Array.from({ length: KEPT }, () => '');
  #bytes: Buffer = Buffer.alloc(0);
  /** The bytes as characters, one each. */
  #text = '';
  #at = 0;

  constructor(fields: readonly Field[]) {
    this.#fields = fields;
    this.#required = fields.reduce((bits, { required }, i) => (required ? bits | (1 << i) : bits), 0);
    this.#fallbacks = fields.map(({ fallback }) => fallback);
    this.#values = fields.map(() => undefined);
    // Written out field by field, so that all records have one shape: see `fieldReader` in json-form.ts.
    const literal = fields.map(({ name }, i) => `${JSON.stringify(name)}: values[${i}]`).join(', ');
    this.#record = new Function('values', `return { ${literal} };`) as (values: readonly unknown[]) => T;
  }

  open(block: Buffer): void {
    this.#bytes = block;
    this.#text = block.toString('latin1');
  }

  read(start: number): T | undefined {
    const bytes = this.#bytes;
    const fields = this.#fields;
    const values = this.#values;
    if (bytes[start] !== OPEN) return undefined;
    this.#at = start + 1;
    let seen = 0;
    let expected = 0;
    for (;;) {
      const index = this.#field(expected);
      if (index < 0 || (seen & (1 << index)) !== 0) return undefined;
      const value = this.#value(fields[index] as Field);
      if (value === undefined) return undefined;
      values[index] = value;
      seen |= 1 << index;
      expected = index + 1;
      const next = bytes[this.#at++];
      if (next === CLOSE) break;
      if (next !== COMMA) return undefined;
      if (bytes[this.#at] === SPACE) this.#at++;
    }
    if ((seen & this.#required) !== this.#required || !this.#endsLine()) return undefined;
    for (let i = 0; i < values.length; i++) if ((seen & (1 << i)) === 0) values[i] = this.#fallbacks[i];
    return this.#record(values);
  }

  #endsLine(): boolean {
    const bytes = this.#bytes;
    if (bytes[this.#at] === RETURN) this.#at++;
    this.end = this.#at;
    return this.#at === bytes.length || bytes[this.#at] === NEWLINE;
  }

  /** The field whose key comes next, tried in the schema's order from the expected one on; -1 when there is none. */
  #field(expected: number): number {
    const fields = this.#fields;
    for (let tried = 0, i = expected; tried < fields.length; tried++, i++) {
      if (i >= fields.length) i = 0;
      if (this.#skip((fields[i] as Field).key)) {
        if (this.#bytes[this.#at] === SPACE) this.#at++;
        return i;
      }
    }
    return -1;
  }

  #skip(wanted: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    // Names differ at their beginning, but the quote is in all of them.
    for (let i = 1; i < wanted.length; i++) if (bytes[at + i] !== wanted[i]) return false;
    if (bytes[at] !== QUOTE) return false;
    this.#at = at + wanted.length;
    return true;
  }

  #value({ kind, few, slashless, symbols }: Field): unknown {
    const first = this.#bytes[this.#at] as number;
    switch (kind) {
      case TIME:
        return first === QUOTE ? this.#isoTime() : this.#epochTime();
      case MAP:
      case TEXT_MAP:
        return first === OPEN ? this.#map(kind === TEXT_MAP) : undefined;
      case TEXT_LIST:
        return first === OPEN_LIST ? this.#list() : undefined;
      case BOOLEAN:
        return this.#boolean();
      case SCALAR: {
        const scalar = first === QUOTE ? this.#keptString() : this.#scalar();
        const fits = typeof scalar === 'number' ? Number.isInteger(scalar) : typeof scalar !== 'boolean';
        return fits ? scalar : undefined;
      }
      case NULLABLE_ENUM: {
        const symbol = first === QUOTE ? this.#keptString() : this.#null();
        return typeof symbol !== 'string' || symbols.includes(symbol) ? symbol : undefined;
      }
    }
    if (first !== QUOTE) return kind === NULLABLE_TEXT ? this.#null() : undefined;
    const text = few ? this.#keptString() : this.#string();
    // Where it may be empty, or long, is for the long way to say.
    if (text === undefined || text === '' || text.length > LONGEST_ID || (slashless && text.includes('/')))
      return undefined;
    return text;
  }

  /** From its opening quote. Undefined when it has escapes, or what no JSON string may have. */
  #string(): string | undefined {
    const bytes = this.#bytes;
    const { length } = bytes;
    const from = this.#at + 1;
    let all = 0;
    for (let i = from; i < length; i++) {
      const byte = bytes[i] as number;
      if (byte === QUOTE) {
        this.#at = i + 1;
        return this.#slice(from, i, all);
      }
      if (byte === BACKSLASH || byte < SPACE) return undefined;
      all |= byte;
    }
    return undefined;
  }

  #slice(from: number, to: number, allBits: number): string {
    if (allBits > 127) return this.#bytes.toString('utf8', from, to);
    return to - from <= COPIED_ANYWAY ? this.#text.slice(from, to) : this.#bytes.toString('latin1', from, to);
  }

  /** As `#string`, but one that came before is the same text, which costs no memory and compares at once. */
  #keptString(): string | undefined {
    const bytes = this.#bytes;
    const { length } = bytes;
    const from = this.#at + 1;
    let all = 0;
    let hash = 0;
    for (let i = from; i < length; i++) {
      const byte = bytes[i] as number;
      if (byte === QUOTE) {
        this.#at = i + 1;
        return this.#kept(from, i, all, (hash ^ (hash >>> 10)) & (KEPT - 1));
      }
      if (byte === BACKSLASH || byte < SPACE) return undefined;
      all |= byte;
      hash = (Math.imul(hash, 31) + byte) | 0;
    }
    return undefined;
  }

  #kept(from: number, to: number, allBits: number, slot: number): string {
    const bytes = this.#bytes;
    const kept = this.#keptBytes[slot] as Uint8Array;
    const length = to - from;
    let same = kept.length === length;
    for (let i = 0; same && i < length; i++) same = kept[i] === bytes[from + i];
    if (same) return this.#keptTexts[slot] as string;
    const text = this.#slice(from, to, allBits);
    if (length > KEPT_LENGTH) return text;
    this.#keptBytes[slot] = Uint8Array.prototype.slice.call(bytes, from, to);
    this.#keptTexts[slot] = text;
    return text;
  }

  #map(ofTexts: boolean): Record<string, unknown> | undefined {
    const bytes = this.#bytes;
    const map: Record<string, unknown> = {};
    this.#at++;
    if (bytes[this.#at] === CLOSE) {
      this.#at++;
      return map;
    }
    for (;;) {
      if (bytes[this.#at] !== QUOTE) return undefined;
      const name = this.#keptString();
      if (name === undefined || name === '__proto__' || bytes[this.#at] !== COLON) return undefined;
      this.#at++;
      if (bytes[this.#at] === SPACE) this.#at++;
      const value = this.#scalar();
      if (value === undefined || (ofTexts && typeof value !== 'string')) return undefined;
      // Of a name that is repeated the last value counts, as in `JSON.parse`.
      map[name] = value;
      const next = bytes[this.#at++];
      if (next === CLOSE) return map;
      if (next !== COMMA) return undefined;
      if (bytes[this.#at] === SPACE) this.#at++;
    }
  }

  #scalar(): string | number | boolean | null | undefined {
    const first = this.#bytes[this.#at] as number;
    if (first === QUOTE) return this.#string();
    if (first === MINUS || isDigit(first)) return this.#number();
    return this.#skipWord(NULL) ? null : this.#boolean();
  }

  #null(): null | undefined {
    return this.#skipWord(NULL) ? null : undefined;
  }

  #boolean(): boolean | undefined {
    if (this.#skipWord(TRUE)) return true;
    return this.#skipWord(FALSE) ? false : undefined;
  }

  #list(): string[] | undefined {
    const bytes = this.#bytes;
    const list: string[] = [];
    this.#at++;
    if (bytes[this.#at] === CLOSE_LIST) {
      this.#at++;
      return list;
    }
    for (;;) {
      const item = bytes[this.#at] === QUOTE ? this.#keptString() : undefined;
      if (item === undefined) return undefined;
      list.push(item);
      const next = bytes[this.#at++];
      if (next === CLOSE_LIST) return list;
      if (next !== COMMA) return undefined;
      if (bytes[this.#at] === SPACE) this.#at++;
    }
  }

  #skipWord(word: Uint8Array): boolean {
    const bytes = this.#bytes;
    const at = this.#at;
    for (let i = 0; i < word.length; i++) if (bytes[at + i] !== word[i]) return false;
    this.#at = at + word.length;
    return true;
  }

  /** A plain decimal; the quotient of two exact doubles is the nearest double, as `JSON.parse` gives it. */
  #number(): number | undefined {
    const bytes = this.#bytes;
    let i = this.#at;
    const negative = bytes[i] === MINUS;
    if (negative) i++;
    const from = i;
    let whole = 0;
    for (; isDigit(bytes[i] as number); i++) whole = whole * 10 + (bytes[i] as number) - ZERO;
    let digits = i - from;
    if (digits === 0 || (digits > 1 && bytes[from] === ZERO)) return undefined;
    let decimals = 0;
    if (bytes[i] === DOT) {
      const point = i++;
      for (; isDigit(bytes[i] as number); i++) whole = whole * 10 + (bytes[i] as number) - ZERO;
      decimals = i - point - 1;
      if (decimals === 0) return undefined;
      digits += decimals;
    }
    // An exponent, too, ends here: the comma or bracket that has to follow is missing.
    if (digits > EXACT_DIGITS) return undefined;
    this.#at = i;
    const size = decimals === 0 ? whole : whole / (POWERS[decimals] as number);
    return negative ? -size : size;
  }

  #epochTime(): number | undefined {
    const bytes = this.#bytes;
    const from = this.#at;
    let i = from;
    let time = 0;
    for (; isDigit(bytes[i] as number); i++) time = time * 10 + (bytes[i] as number) - ZERO;
    if (i === from || (i > from + 1 && bytes[from] === ZERO) || !(time < LATEST)) return undefined;
    this.#at = i;
    return time;
  }

  /** `"YYYY-MM-DDTHH:MM:SS.mmmZ"`, with milliseconds or without, up to the 28th in February. */
  #isoTime(): number | undefined {
    const bytes = this.#bytes;
    const at = this.#at + 1;
    if (
      bytes[at + 4] !== MINUS ||
      bytes[at + 7] !== MINUS ||
      bytes[at + 10] !== T ||
      bytes[at + 13] !== COLON ||
      bytes[at + 16] !== COLON
    )
      return undefined;
    const year = twoDigits(bytes, at) * 100 + twoDigits(bytes, at + 2);
    const month = twoDigits(bytes, at + 5);
    const day = twoDigits(bytes, at + 8);
    if (year < 1970 || year > 2099 || month < 1 || month > 12 || day < 1 || day > (DAYS_IN[month - 1] as number))
      return undefined;
    const hour = twoDigits(bytes, at + 11);
    const minute = twoDigits(bytes, at + 14);
    const second = twoDigits(bytes, at + 17);
    if (hour > 23 || minute > 59 || second > 59) return undefined;
    let zone = at + 19;
    let milli = 0;
    if (bytes[zone] === DOT) {
      milli = twoDigits(bytes, zone + 1) * 10 + (bytes[zone + 3] as number) - ZERO;
      if (milli > 999 || !isDigit(bytes[zone + 3] as number)) return undefined;
      zone += 4;
    }
    if (bytes[zone] !== Z || bytes[zone + 1] !== QUOTE) return undefined;
    this.#at = zone + 2;
    const days = (DAYS_BEFORE[(year - 1970) * 12 + month - 1] as number) + day - 1;
    return days * DAY + hour * 3_600_000 + minute * 60_000 + second * 1000 + milli;
  }
}

const NULL = Buffer.from('null');
const TRUE = Buffer.from('true');
const FALSE = Buffer.from('false');

function isDigit(byte: number): boolean {
  return byte >= 48 && byte <= 57;
}

/** Beyond every limit when there are no two digits. */
function twoDigits(bytes: Uint8Array, at: number): number {
  const tens = (bytes[at] as number) - ZERO;
  const ones = (bytes[at + 1] as number) - ZERO;
  return tens >= 0 && tens <= 9 && ones >= 0 && ones <= 9 ? tens * 10 + ones : 1_000_000;
}
