// Random values of a schema, for property tests.
import fc from 'fast-check';
import type { AvroComplex, AvroSchema, AvroType } from '../avro-schema.ts';

const LATEST = Date.UTC(2100, 0, 1) - 1;

/** Text as it can be kept: Avro writes a surrogate without its other half as U+FFFD. */
const text = fc.string({ unit: 'binary' });

/** Any record of the schema that can be written and read back as it was. */
export function recordOf<T>(schema: AvroSchema): fc.Arbitrary<T> {
  return arbitraryOf(schema as unknown as AvroComplex) as fc.Arbitrary<T>;
}

function arbitraryOf(type: AvroType): fc.Arbitrary<unknown> {
  if (Array.isArray(type)) return fc.oneof(...(type as readonly AvroType[]).map(arbitraryOf));
  const complex = (typeof type === 'string' ? { type } : type) as AvroComplex;
  if (complex.logicalType === 'timestamp-millis') return fc.integer({ min: 0, max: LATEST });
  switch (complex.type) {
    case 'record': {
      const fields = (complex.fields ?? []).map(
        (f) =>
          [
            f.name,
            f.name === 'tenantId' ? fc.constantFrom('default', 't') : idOr(f.name, arbitraryOf(f.type)),
          ] as const,
      );
      return fc.record(Object.fromEntries(fields));
    }
    case 'map':
      return fc.dictionary(
        text.filter((name) => name !== '__proto__'),
        arbitraryOf(complex.values as AvroType),
        { noNullPrototype: true },
      );
    case 'array':
      return fc.array(arbitraryOf(complex.items as AvroType), { maxLength: 4 });
    case 'enum':
      return fc.constantFrom(...(complex.symbols ?? []));
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'int':
      return fc.integer();
    case 'long':
      return fc.integer({ min: -(2 ** 52), max: 2 ** 52 });
    case 'double':
      return fc.double({ noNaN: true, noDefaultInfinity: true }).map((n) => n + 0);
    case 'string':
      return text;
    default:
      throw new Error(`no arbitrary for Avro type ${complex.type}`);
  }
}

function idOr(name: string, arbitrary: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  const isId = ['userId', 'campaignId', 'eventId', 'requestId'].includes(name);
  return isId ? arbitrary.filter((value) => value !== '' && !String(value).includes('\0')) : arbitrary;
}
