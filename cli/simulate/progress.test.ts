import { describe, expect, it } from 'vitest';
import { ProgressLine, progressText } from './progress.ts';

const half = { records: 50_000, bytesRead: 500, bytesTotal: 1000 };

describe('progressText', () => {
  it('says records, share, rate and time left', () => {
    expect(progressText(half, 2000)).toBe('50,000 records, 50 %, 25,000/s, about 2.0 s left');
  });

  it('says no share of what has no size, and what happens after the last record', () => {
    expect(progressText({ ...half, bytesTotal: 0 }, 1000)).toBe('50,000 records, 50,000/s');
    expect(progressText({ ...half, bytesRead: 1000 }, 1000)).toMatch(/100 %, .* letting the last timers fire$/);
  });
});

describe('ProgressLine', () => {
  const shown = (isTTY: boolean, times: readonly number[]): string => {
    let now = 0;
    let text = '';
    const write = (piece: string | Uint8Array): boolean => {
      text += piece;
      return true;
    };
    const stream = { isTTY, write };
    const line = new ProgressLine(stream, { now: () => now });
    for (const time of times) {
      now = time;
      line.show(half);
    }
    line.end(50_000);
    return text;
  };

  it('rewrites one line a second on a terminal', () => {
    const text = shown(true, [500, 1000, 1500, 2000]);
    expect(text.match(/about/g)).toHaveLength(2);
    expect(text.endsWith('\r\u001b[2K50,000 records in 2.0 s (25,000/s)\n')).toBe(true);
  });

  it('writes a line every five seconds elsewhere', () => {
    expect(shown(false, [1000, 5000, 9000, 10_000]).split('\n')).toHaveLength(4);
  });
});
