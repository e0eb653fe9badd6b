import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';

const folder = mkdtempSync(join(tmpdir(), 'beckon-preload-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const disarmed = join(folder, 'disarmed');
const steps = new URL('../../../runtime/steps.ts', import.meta.url).href;

/** What ended a process that reaches a step five times, at the third of which it is to strike. */
function run(): string | number | null {
  const preload = new URL('./preload.ts', import.meta.url);
  const aim = { group: 'engage', step: 'fetched', nth: '3', signal: 'SIGKILL', disarmed };
  preload.search = new URLSearchParams(aim).toString();
  const program = `import { reach } from '${steps}'; for (let i = 0; i < 5; i++) reach('engage.0', 'fetched');`;
  const args = ['--import', preload.href, '--input-type=module', '--eval', program];
  const { signal, status } = spawnSync(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit', 'pipe'] });
  return signal ?? status;
}

test('an instance strikes itself where it is told to, and not once it was disarmed', () => {
  expect(run()).toBe('SIGKILL');
  writeFileSync(disarmed, '');
  expect(run()).toBe(0);
});
