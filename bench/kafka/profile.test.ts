import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { summedUp } from './profile.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'beckon-profile-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Nodes in a chain of callers, each with its self time in ms. */
function write(chain: readonly (readonly [functionName: string, url: string, ms: number])[]): void {
  const nodes = chain.map(([functionName, url], id) => ({
    id,
    callFrame: { functionName, url, lineNumber: 0 },
    ...(id + 1 < chain.length ? { children: [id + 1] } : {}),
  }));
  const samples = chain.map((_, id) => id);
  const timeDeltas = chain.map(([, , ms]) => 1000 * ms);
  writeFileSync(join(folder, 'a.cpuprofile'), JSON.stringify({ nodes, samples, timeDeltas }));
}

describe('the sum of CPU profiles', () => {
  it("counts the work of Node's buffers with whoever asked for it", () => {
    write([
      ['(root)', '', 0],
      ['commit', 'file:///p/runtime/kafka/producer.ts', 10],
      ['encode', '/p/node_modules/kafkajs/src/protocol/encoder.js', 30],
      ['alloc', 'node:buffer', 60],
    ]);
    expect(summedUp(folder)).toContain('| kafkajs: encode and produce | 90 | 90.0 % |');
  });

  it('leaves idle time out of the shares', () => {
    write([
      ['(root)', '', 0],
      ['(idle)', '', 900],
    ]);
    expect(summedUp(folder)).toContain('Not idle 0 of 900 ms');
  });

  it('names what belongs to nobody of ours', () => {
    write([
      ['(root)', '', 0],
      ['processTimers', 'node:internal/timers', 5],
    ]);
    expect(summedUp(folder)).toContain("| Node's own: timers, promises, events | 5 | 100.0 % |");
  });
});
