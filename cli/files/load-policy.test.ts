import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { loadPolicy } from './load-policy.ts';
import { describeProblem } from './read-yaml.ts';

let folder = '';
let file = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-policy-'));
  file = join(folder, 'policy.yaml');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const lines = (path = file): string[] =>
  loadPolicy(path).problems.map((found) => describeProblem(found).replaceAll(folder, 'DIR'));

it('reads the policy and fills in the defaults', () => {
  writeFileSync(file, '\ufeffsessionGap: 20m\r\nholdout: 5%\r\n');
  expect(loadPolicy(file)).toMatchObject({
    policy: { sessionGapMs: 1_200_000, latenessMs: 300_000, holdout: 0.05 },
    problems: [],
  });
});

it('names file, line and path of everything that is wrong', () => {
  writeFileSync(file, 'sesionGap: 20m\ncaps:\n  - { max: 3, window: 1d }\n  - { max: many, window: 1d }\n');
  expect(loadPolicy(file).policy).toBeNull();
  expect(lines()).toEqual([
    'DIR/policy.yaml:4:12: caps[1].max: is "many", not a number (write a number)',
    'DIR/policy.yaml:1:12: sesionGap: is not a known key (did you mean "sessionGap"?)',
  ]);
});

it('refuses a folder, a missing and an empty file', () => {
  expect(lines(folder)).toEqual(['DIR: is a folder, not a file (name the YAML file in it)']);
  expect(lines()).toEqual(['DIR/policy.yaml: does not exist (check the path)']);
  writeFileSync(file, ' \n');
  expect(lines()).toEqual(['DIR/policy.yaml: is empty (write its keys, or delete the file)']);
});
