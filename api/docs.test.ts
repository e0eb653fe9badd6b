import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { startOutreach } from './testing/outreach.ts';

const page = (name: string): string => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8');

interface Example {
  readonly path: string;
  readonly body: string | undefined;
}

/** The curl commands of a page that ask the API. */
function examplesOf(text: string): readonly Example[] {
  const commands = [
    ...text.matchAll(/^curl [^\n]*?localhost:7077(\/api\/v1\S*?)'?(?:\s|$)((?:[^\n]*\\\n)*(?:[^'\n]|'[^']*')*)/gm),
  ];
  return commands.map(([, path = '', rest = '']) => ({ path, body: /-d '([^']*)'/.exec(rest)?.[1] }));
}

describe.each(['docs/api.md', 'README.md'])('%s', (name) => {
  test('shows requests that work', async () => {
    const examples = examplesOf(page(name));
    expect(examples.length).toBeGreaterThan(1);
    const { server } = await startOutreach(['amina', 'juma'], { time: 'wall' });
    for (const { path, body } of examples) {
      const headers = { 'content-type': 'application/json' };
      const asked = body === undefined ? { url: path } : { method: 'POST' as const, url: path, payload: body, headers };
      const answer = await server.inject(asked);
      expect([path, answer.statusCode < 300, answer.body]).toEqual([path, true, answer.body]);
    }
  });
});

describe('docs/api.md', () => {
  const text = page('docs/api.md');

  test('names every path and every problem of the document', () => {
    const { paths } = JSON.parse(page('docs/openapi.json')) as { readonly paths: object };
    for (const path of Object.keys(paths)) expect(text).toContain(path.replaceAll(/\{\w+\}.*/g, ''));
    const kinds = [...page('api/http/problem.ts').matchAll(/^ {2}'?([a-z-]+)'?: \{ status: (\d+)/gm)];
    expect(kinds.length).toBeGreaterThan(10);
    for (const [, kind, status] of kinds) {
      expect(text).toContain(`\`${kind}\``);
      expect(text).toMatch(new RegExp(`^\\| [^|]*${status}`, 'm'));
    }
  });
});
