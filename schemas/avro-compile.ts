// Makes the functions that write and read one Avro schema, as JavaScript text for V8 to compile. What avsc makes gives every
// value a Buffer of its own and asks more questions; these take a third of its time, and records come out in the shape that
// processors give them, so that code meets one shape. avsc stays in charge of resolving, and is what the tests compare with.
//
// Only schemas are turned into text, their names through JSON.stringify; values never are.
import type { AvroComplex, AvroType } from './avro-schema.ts';
import type { ByteReader } from './byte-reader.ts';
import type { ByteWriter } from './byte-writer.ts';

export interface Compiled<T> {
  /** Throws for a value that is not of the schema, and says where; what was written until then is to be dropped. */
  write(value: T, into: ByteWriter): void;
  /** Throws where the bytes end too early, or can't be of the schema. */
  read(from: ByteReader): T;
}

/** Fields with few different values, or lists of them: their strings are shared. */
const REPEATED = new Set([
  'tenantId',
  'type',
  'types',
  'kind',
  'channel',
  'campaignId',
  'class',
  'gate',
  'purpose',
  'source',
]);

/** Throws for a schema with types that are not used here (bytes, fixed, float). */
export function compileAvro<T>(schema: AvroType): Compiled<T> {
  const compiler = new Compiler();
  const { write, read } = compiler.functionsOf(schema, '');
  const make = new Function('fail', `'use strict';\n${compiler.text}return { write: ${write}, read: ${read} };`);
  return make(fail) as Compiled<T>;
}

function fail(where: string, expected: string): never {
  throw new TypeError(`${where === '' ? 'the value' : where} is not ${expected}`);
}

/** Names of the functions for a type: `write(v, o)` and `read(i)`. */
interface Names {
  readonly write: string;
  readonly read: string;
}

class Compiler {
  text = '';
  #count = 0;
  /** Records and enums, which other types may name. */
  readonly #named = new Map<string, { readonly type: AvroComplex; readonly names: Names }>();

  /** Adds the functions for a type; `where` is said in errors. */
  functionsOf(type: AvroType, where: string): Names {
    const named = isNamed(type) ? type : undefined;
    const known = this.#known(type);
    if (known !== undefined) return known.names;
    const id = this.#count++;
    const names = { write: `w${id}`, read: `r${id}` };
    if (named?.name !== undefined) this.#named.set(named.name, { type: named, names });
    const at = where === '' ? (named?.name ?? '') : where;
    const write = named === undefined ? this.#write(type, 'v', at) : this.#writeNamed(named, at);
    const read = named === undefined ? this.#read(type, '', at) : this.#readNamed(named, at);
    this.text += `function ${names.write}(v, o) { ${write} }\nfunction ${names.read}(i) { return ${read}; }\n`;
    return names;
  }

  #known(type: AvroType): { readonly type: AvroComplex; readonly names: Names } | undefined {
    const name = typeof type === 'string' ? type : isNamed(type) ? type.name : undefined;
    return name === undefined ? undefined : this.#named.get(name);
  }

  /** Statements that write the value of the variable `v` to `o`. */
  #write(type: AvroType, v: string, where: string): string {
    const unless = (test: string, expected: string): string =>
      `if (!(${test})) fail(${JSON.stringify(where)}, ${JSON.stringify(expected)});`;
    if (isUnion(type)) return this.#writeUnion(type, v, where);
    switch (kindOf(type)) {
      case 'null':
        return unless(`${v} === null`, 'null');
      case 'boolean':
        return `${unless(`typeof ${v} === 'boolean'`, 'true or false')} o.byte(${v} ? 1 : 0);`;
      case 'int':
        return `${unless(`(${v} | 0) === ${v}`, 'a whole number of 32 bits')} o.varint(${v});`;
      case 'long':
        return `${unless(`Number.isSafeInteger(${v})`, 'a whole number')} o.varint(${v});`;
      case 'double':
        return `${unless(`typeof ${v} === 'number'`, 'a number')} o.double(${v});`;
      case 'string':
        return `${unless(`typeof ${v} === 'string'`, 'a string')} o.string(${v});`;
      case 'array': {
        const { write } = this.functionsOf((type as AvroComplex).items as AvroType, `${where}[]`);
        const loop = `o.varint(n); for (let k = 0; k < n; k++) ${write}(${v}[k], o);`;
        return `${unless(`Array.isArray(${v})`, 'a list')} { const n = ${v}.length; if (n > 0) { ${loop} } } o.byte(0);`;
      }
      case 'map': {
        const { write } = this.functionsOf((type as AvroComplex).values as AvroType, `${where}{}`);
        const loop = `o.varint(l.length); for (const k of l) { o.string(k); ${write}(${v}[k], o); }`;
        const isMap = `typeof ${v} === 'object' && ${v} !== null && !Array.isArray(${v})`;
        return `${unless(isMap, 'a map')} { const l = Object.keys(${v}); if (l.length > 0) { ${loop} } } o.byte(0);`;
      }
      default:
        return `${this.#called(type, where).write}(${v}, o);`;
    }
  }

  #writeNamed({ type, symbols, fields = [] }: AvroComplex, where: string): string {
    const place = JSON.stringify(where);
    if (type === 'enum') {
      const expected = JSON.stringify(`one of ${symbols?.join(', ')}`);
      return `const n = ${this.#constant(symbols)}.indexOf(v); if (n < 0) fail(${place}, ${expected}); o.varint(n);`;
    }
    const parts = fields.map((field, k) => {
      const v = `f${k}`;
      const standard =
        field.default === undefined ? '' : `if (${v} === undefined) ${v} = ${JSON.stringify(field.default)}; `;
      return `let ${v} = v[${JSON.stringify(field.name)}]; ${standard}${this.#write(field.type, v, `${where}.${field.name}`)}`;
    });
    return `if (typeof v !== 'object' || v === null) fail(${place}, 'a record');\n${parts.join('\n')}`;
  }

  /** A union's branches are told apart by the value's JavaScript type. */
  #writeUnion(types: readonly AvroType[], v: string, where: string): string {
    const branches = types.map((type, index) => {
      const body = type === 'null' ? '' : this.#write(type, v, where);
      return `if (${this.#test(type, v)}) { o.byte(${2 * index}); ${body} } else `;
    });
    return `${branches.join('')}fail(${JSON.stringify(where)}, 'of any of its types');`;
  }

  #test(type: AvroType, v: string): string {
    const known = this.#known(type);
    const kind = known === undefined ? kindOf(type) : known.type.type;
    switch (kind) {
      case 'null':
        return `${v} === null`;
      case 'boolean':
        return `typeof ${v} === 'boolean'`;
      case 'int':
      case 'long':
      case 'double':
        return `typeof ${v} === 'number'`;
      case 'string':
      case 'enum':
        return `typeof ${v} === 'string'`;
      case 'array':
        return `Array.isArray(${v})`;
      default:
        return `typeof ${v} === 'object' && ${v} !== null && !Array.isArray(${v})`;
    }
  }

  /** An expression that reads a value from `i`; `field` is the name of the field it is for, if any. */
  #read(type: AvroType, field: string, where: string): string {
    if (isUnion(type)) return this.#readUnion(type, field, where);
    switch (kindOf(type)) {
      case 'null':
        return 'null';
      case 'boolean':
        return 'i.boolean()';
      case 'int':
      case 'long':
        return 'i.varint()';
      case 'double':
        return 'i.double()';
      case 'string':
        return REPEATED.has(field) ? 'i.repeated()' : 'i.string()';
      case 'array':
        return this.#readArray((type as AvroComplex).items as AvroType, field, where);
      case 'map':
        return this.#reader(
          'const m = {}; for (let n = i.count(); n > 0; n = i.count()) for (; n > 0; n--) { const k = i.repeated(); const v = READ(i); if (k === "__proto__") Object.defineProperty(m, k, { value: v, configurable: true, enumerable: true, writable: true }); else m[k] = v; } return m;',
          this.functionsOf((type as AvroComplex).values as AvroType, `${where}{}`),
        );
      default:
        return `${this.#called(type, where).read}(i)`;
    }
  }

  /** A list begins as long as its first block, which is nearly always all of it: one that grows takes room for 17 at least. */
  #readArray(items: AvroType, field: string, where: string): string {
    const item = typeof items === 'string' && this.#known(items) === undefined;
    const one = item ? this.#read(items, field, `${where}[]`) : `${this.functionsOf(items, `${where}[]`).read}(i)`;
    const first = `const s = i.count(); if (s === 0) return []; const l = new Array(s); for (let k = 0; k < s; k++) l[k] = ${one};`;
    return this.#reader(
      `${first} for (let n = i.count(); n > 0; n = i.count()) for (; n > 0; n--) l.push(${one}); return l;`,
    );
  }

  #readNamed({ type, symbols, fields = [] }: AvroComplex, where: string): string {
    if (type === 'enum')
      return `${this.#constant(symbols)}[i.varint()] ?? fail(${JSON.stringify(where)}, 'a known symbol')`;
    const parts = fields.map(
      ({ name, type: of }) => `${JSON.stringify(name)}: ${this.#read(of, name, `${where}.${name}`)}`,
    );
    return `({ ${parts.join(', ')} })`;
  }

  #readUnion(types: readonly AvroType[], field: string, where: string): string {
    const cases = types.map((type, index) => `case ${2 * index}: return ${this.#read(type, field, where)};`);
    const none = `default: return fail(${JSON.stringify(where)}, 'of a known type');`;
    return this.#reader(`switch (i.byte()) { ${cases.join(' ')} ${none} }`);
  }

  /** Adds a function of `i`, in whose body READ stands for a reader, and returns its call. */
  #reader(body: string, item?: Names): string {
    const name = `r${this.#count++}`;
    this.text += `function ${name}(i) { ${item === undefined ? body : body.replaceAll('READ', item.read)} }\n`;
    return `${name}(i)`;
  }

  #constant(value: unknown): string {
    const name = `c${this.#count++}`;
    this.text += `const ${name} = ${JSON.stringify(value)};\n`;
    return name;
  }

  #called(type: AvroType, where: string): Names {
    if (!isNamed(type) && this.#known(type) === undefined)
      throw new Error(`${where}: the Avro type ${JSON.stringify(type)} is not one of those used here`);
    return this.functionsOf(type, where);
  }
}

function isUnion(type: AvroType): type is readonly AvroType[] {
  return Array.isArray(type);
}

function isNamed(type: AvroType): type is AvroComplex {
  return typeof type === 'object' && !isUnion(type) && (type.type === 'record' || type.type === 'enum');
}

/** The name of a type, of a logical type that it stands for, or of a kind of complex type. */
function kindOf(type: AvroType): string {
  return typeof type === 'string' ? type : (type as AvroComplex).type;
}
