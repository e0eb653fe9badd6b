// Writes docs/openapi.json: `npm run generate:openapi`.
import { readFileSync, writeFileSync } from 'node:fs';
import { openApiDocument } from './openapi-document.ts';

const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
  readonly version: string;
};
writeFileSync(new URL('../docs/openapi.json', import.meta.url), await openApiDocument(version));
