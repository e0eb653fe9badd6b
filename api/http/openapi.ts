// The OpenAPI document of the public API, made from the models that check its requests and answers.
import swagger from '@fastify/swagger';
import { createJsonSchemaTransform, createJsonSchemaTransformObject } from 'fastify-type-provider-zod';
import { z } from 'zod';
import { decisionModel } from '../models/decision.ts';
import type { ApiServer } from './context.ts';
import { problemModel } from './problem.ts';

const TAGS = [
  { name: 'outreach', description: 'Ask for messages, and see what was decided.' },
  { name: 'users', description: 'What was decided for a user, and why.' },
  { name: 'receipts', description: 'What became of messages, as providers tell it.' },
  { name: 'api', description: 'The API itself.' },
];

type Json = Record<string, unknown>;

/** What zod leaves out, and what it says too much. */
const zodToJsonConfig = {
  override({ zodSchema, jsonSchema }: { readonly zodSchema: z.core.$ZodType; readonly jsonSchema: Json }): void {
    const said = z.globalRegistry.get(zodSchema)?.description;
    if (said !== undefined && jsonSchema.$ref === undefined) jsonSchema.description ??= said;
    // The format says it, but for what years are taken.
    if (jsonSchema.format === 'date-time') {
      const { pattern } = z.globalRegistry.get(zodSchema) ?? {};
      if (pattern === undefined) delete jsonSchema.pattern;
      else jsonSchema.pattern = pattern;
    }
    // No number of JSON is larger.
    if (jsonSchema.minimum === Number.MIN_SAFE_INTEGER) delete jsonSchema.minimum;
    if (jsonSchema.maximum === Number.MAX_SAFE_INTEGER) delete jsonSchema.maximum;
  },
};

/** Leaves out the schemas that nothing refers to: each is made twice, as it comes in and as it goes out. */
function withoutUnused(document: Json): Json {
  const { schemas, ...components } = document.components as Json & { readonly schemas: Json };
  const text = JSON.stringify({ ...document, components: { ...components, schemas: {} } });
  const used = Object.entries(schemas).filter(([name]) => text.includes(`"#/components/schemas/${name}"`));
  return { ...document, components: { ...components, schemas: Object.fromEntries(used) } };
}

/** Every route registered from here on is in the document. */
export async function describeApi(server: ApiServer, version: string): Promise<void> {
  const schemaRegistry = z.registry<{ id: string }>();
  schemaRegistry.add(problemModel, { id: 'Problem' });
  schemaRegistry.add(decisionModel, { id: 'Decision' });
  const transformObject = createJsonSchemaTransformObject({ schemaRegistry, zodToJsonConfig });
  await server.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Beckon',
        description: 'Ask for messages, see what was decided and why, and hand receipts in.',
        version,
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/', description: 'The instance that serves this document.' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          bearer: {
            type: 'http',
            scheme: 'bearer',
            description:
              'An API key. It may be kept to some roles and some tenants: what it is not for is answered 403. An instance without keys needs none.',
          },
        },
      },
      security: [{ bearer: [] }],
    },
    transform: createJsonSchemaTransform({ schemaRegistry, zodToJsonConfig }),
    transformObject: (document) => withoutUnused(transformObject(document) as Json),
  });
}
