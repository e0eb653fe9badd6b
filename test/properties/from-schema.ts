// Values of a JSON schema, as far as the OpenAPI document of the API uses it, and values that are not of it.
import fc from 'fast-check';

export interface JsonSchema {
  readonly type?: string | readonly string[];
  readonly anyOf?: readonly JsonSchema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly items?: JsonSchema;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
}

/** Lists and maps of tests are short. */
const MOST = 3;
const junk: fc.Arbitrary<unknown> = fc.oneof(
  fc.constantFrom(null, true, '', ' ', -1, 0.5, 1e308, [], {}, '\u0000', '\ud800', '2026-02-30T00:00:00Z', 'a/b'),
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary', maxLength: 300, size: 'max' }),
);

/** Mostly of the schema; here and there a part of it is not. */
export function nearly(schema: JsonSchema): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 24, arbitrary: arbitraryOf(schema) }, { weight: 1, arbitrary: junk });
}

function arbitraryOf(schema: JsonSchema): fc.Arbitrary<unknown> {
  if (schema.anyOf !== undefined) return fc.oneof(...schema.anyOf.map(nearly));
  if (schema.enum !== undefined) return fc.constantFrom(...schema.enum);
  if ('const' in schema) return fc.constant(schema.const);
  const types = [schema.type ?? []].flat();
  if (types.length === 0) return junk;
  return fc.oneof(...types.map((type) => ofType(type, schema)));
}

function ofType(type: string, schema: JsonSchema): fc.Arbitrary<unknown> {
  const { minimum = -1000, maximum = 1000, minItems = 0, maxItems = MOST } = schema;
  switch (type) {
    case 'null':
      return fc.constant(null);
    case 'boolean':
      return fc.boolean();
    case 'integer':
      return fc.integer({ min: minimum, max: Math.max(minimum, Math.min(maximum, 2 ** 53 - 1)) });
    case 'number':
      return fc.double({ min: minimum, max: maximum, noNaN: true });
    case 'string':
      return textOf(schema);
    case 'array':
      return fc.array(nearly(schema.items ?? {}), {
        minLength: minItems,
        maxLength: Math.max(minItems, Math.min(maxItems, MOST)),
      });
    default:
      return objectOf(schema);
  }
}

function textOf({ format, pattern, minLength = 0, maxLength = 40 }: JsonSchema): fc.Arbitrary<string> {
  if (format === 'date-time')
    return fc
      .date({ min: new Date(0), max: new Date('2099-12-31'), noInvalidDate: true })
      .map((date) => date.toISOString());
  if (pattern !== undefined) return fc.stringMatching(new RegExp(pattern));
  // Few different ones, so that users and requests meet again.
  const few = fc.constantFrom('u', 'v', 'hello', 'later', 'priced', 'r', 'é/ü?#&%');
  return fc.oneof(few, fc.string({ unit: 'grapheme', minLength, maxLength: Math.min(maxLength, 40) }));
}

function objectOf({ properties = {}, required = [], additionalProperties }: JsonSchema): fc.Arbitrary<object> {
  const named = Object.fromEntries(Object.entries(properties).map(([name, own]) => [name, nearly(own)]));
  const known = fc.record(named, { requiredKeys: [...required], noNullPrototype: true });
  if (additionalProperties === undefined || typeof additionalProperties === 'boolean') {
    const surplus = fc.oneof(
      { weight: 24, arbitrary: fc.constant({}) },
      { weight: 1, arbitrary: fc.constant({ surplus: 1 }) },
    );
    return fc.tuple(known, surplus).map(([a, b]) => ({ ...a, ...b }));
  }
  return fc.dictionary(fc.string({ maxLength: 8 }), nearly(additionalProperties), {
    maxKeys: MOST,
    noNullPrototype: true,
  });
}
