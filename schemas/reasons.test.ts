import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { isReason, reasons, reasonText } from './reasons.ts';

it('has one line of text for every reason and no other', () => {
  expect(Object.keys(reasonText).sort()).toEqual([...reasons].sort());
  for (const reason of reasons) expect(reasonText[reason]).toMatch(/^[^\n]{10,120}$/);
});

it('knows a reason from any other word', () => {
  expect(isReason('frequency-cap')).toBe(true);
  expect(isReason('toString')).toBe(false);
});

it('is documented word for word', () => {
  const page = readFileSync(new URL('../docs/campaigns.md', import.meta.url), 'utf8');
  const documented = [...page.matchAll(/^\| `([a-z-]+)` *\| (.+) \|$/gm)].map((row) => [row[1], row[2]?.trim()]);
  for (const reason of reasons) expect(documented).toContainEqual([reason, reasonText[reason]]);
});
