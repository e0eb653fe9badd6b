import { readFileSync } from 'node:fs';
import { Validator } from '@seriousme/openapi-schema-validator';
import { describe, expect, test } from 'vitest';
import manifest from '../package.json' with { type: 'json' };
import { openApiDocument } from './openapi-document.ts';
import { startOutreach } from './testing/outreach.ts';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly description: string;
  readonly tags: readonly string[];
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: object }>>;
}
interface Document {
  readonly openapi: string;
  readonly tags: readonly { readonly name: string }[];
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
}

const committed = readFileSync(new URL('../docs/openapi.json', import.meta.url), 'utf8');
const document = JSON.parse(committed) as Document;
const operations = Object.values(document.paths).flatMap((path) => Object.values(path));

describe('the OpenAPI document', () => {
  test('is docs/openapi.json; `npm run generate:openapi` writes it anew', async () => {
    expect(await openApiDocument(manifest.version)).toBe(committed);
  });

  test('is what an instance serves', async () => {
    const { get } = await startOutreach([]);
    const served = (await get('/openapi.json')).json();
    expect({ ...served, info: { ...served.info, version: manifest.version } }).toEqual(document);
  });

  test('is valid OpenAPI 3.1', async () => {
    const validator = new Validator();
    const { valid, errors } = await validator.validate(JSON.parse(committed));
    expect([errors, valid, validator.version]).toEqual([undefined, true, '3.1']);
    // The validator finds faults at all.
    const { paths: _, ...without } = JSON.parse(committed);
    expect((await new Validator().validate({ ...without, paths: 7 })).valid).toBe(false);
  });

  test('says of ids and times which are taken', () => {
    const { properties } =
      JSON.parse(committed).paths['/api/v1/outreach/send'].post.requestBody.content['application/json'].schema;
    const fits = ({ pattern }: { readonly pattern: string }, value: string): boolean => new RegExp(pattern).test(value);
    expect([fits(properties.userId, 'a\n/ü'), fits(properties.userId, 'a\0b')]).toEqual([true, false]);
    expect(['acme', 'a/b', 'a\0b'].map((id) => fits(properties.tenantId, id))).toEqual([true, false, false]);
    const [text] = properties.notBefore.anyOf;
    const years = ['1969', '1970', '2026', '2099', '2100', '0215'].map((year) => fits(text, `${year}-03-27T19:05:33Z`));
    expect(years).toEqual([false, true, true, true, false, false]);
  });

  test('describes every operation and every answer, by names that are there once', () => {
    const names = operations.map(({ operationId }) => operationId);
    expect(new Set(names).size).toBe(names.length);
    const tags = document.tags.map(({ name }) => name);
    for (const { summary, description, tags: own, responses } of operations) {
      expect([summary, description].every((text) => text.length > 10)).toBe(true);
      expect(tags).toEqual(expect.arrayContaining([...own]));
      for (const [status, { description: said, content }] of Object.entries(responses)) {
        expect(said).not.toBe('Default Response');
        expect(Object.keys(content)).toEqual([Number(status) < 300 ? 'application/json' : 'application/problem+json']);
      }
    }
  });
});
