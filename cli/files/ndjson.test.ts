import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { jsonForm } from '../../schemas/json-form.ts';
import { events } from '../../schemas/topics.ts';
import type { UserEvent } from '../../schemas/types.ts';
import { Folder } from '../testing/run-cli.ts';
import { type BadLine, type Line, MAX_LINE, readNdjson, readNdjsonWith } from './ndjson.ts';

const line = (n: number, text = ''): string =>
  JSON.stringify({ eventId: `e${n}`, userId: `u${n % 7}`, type: 'visit', occurredAt: n, properties: { text } });

async function read(path: string): Promise<{ lines: Line<UserEvent>[]; bad: BadLine[] }> {
  const lines: Line<UserEvent>[] = [];
  const bad: BadLine[] = [];
  for await (const batch of readNdjson(path, events)) {
    lines.push(...batch.lines);
    bad.push(...batch.bad);
  }
  return { lines, bad };
}

describe('readNdjson', () => {
  it('numbers lines through blank ones, a byte order mark, CRLF and a last line without an end', async () => {
    const path = new Folder().write('e.ndjson', `\ufeff${line(1)}\r\n\r\n\n${line(4)}`);
    const { lines, bad } = await read(path);
    expect(bad).toEqual([]);
    expect(lines.map((l) => [l.line, l.value.eventId])).toEqual([
      [1, 'e1'],
      [4, 'e4'],
    ]);
  });

  it('joins lines across the pieces it reads, packed or not', async () => {
    const text = Array.from({ length: 9000 }, (_, n) => line(n, 'é'.repeat(n % 90))).join('\n');
    const folder = new Folder();
    for (const path of [folder.write('e.ndjson', text), folder.write('e.ndjson.gz', gzipSync(text))]) {
      const { lines, bad } = await read(path);
      expect(bad).toEqual([]);
      expect(lines.every((l, i) => l.line === i + 1 && l.value.eventId === `e${i}`)).toBe(true);
      expect(lines).toHaveLength(9000);
    }
  });

  it('mixes lines of every spelling, good and bad, and gives each its number and its bytes', async () => {
    const ordinary = (n: number): string => line(n);
    const escaped = (n: number): string => line(n, 'a "quoted" text');
    const bad = (n: number): string => `${line(n).slice(0, -1)},"x":1}`;
    for (const shares of [
      [ordinary],
      [escaped],
      [ordinary, ordinary, ordinary, escaped, bad],
      [bad, escaped, ordinary],
    ]) {
      const kinds = Array.from({ length: 12_000 }, (_, n) => shares[n % shares.length]!);
      // Whole pieces of one kind, too, so that what reads them changes on the way.
      kinds.fill(escaped, 3000, 7000);
      const texts = kinds.map((kind, n) => kind(n + 1));
      const found = await read(new Folder().write('e.ndjson', texts.join('\n')));
      const wrong = texts.flatMap((text, i) => (kinds[i] === bad ? [[i + 1, 'bad-value', text]] : []));
      expect(found.bad.map((b) => [b.line, b.code, b.original.toString()])).toEqual(wrong);
      expect(found.lines).toEqual(
        texts.flatMap((text, i) =>
          kinds[i] === bad ? [] : [{ line: i + 1, value: jsonForm(events).read(JSON.parse(text)) }],
        ),
      );
    }
  });

  it('skips a line that is too long, with its number and the beginning of it', async () => {
    const long = line(2, 'x'.repeat(MAX_LINE + 600_000));
    const path = new Folder().write(
      'e.ndjson',
      [line(1), long, line(3), line(4, 'y'.repeat(1 << 20)), long].join('\n'),
    );
    const { lines, bad } = await read(path);
    expect(lines.map((l) => l.line)).toEqual([1, 3, 4]);
    expect(bad.map((b) => [b.line, b.code, b.original.length])).toEqual([
      [2, 'too-long', 1024],
      [5, 'too-long', 1024],
    ]);
    for (const { message, original } of bad) {
      expect(message).toMatch(new RegExp(`^is ${long.length} bytes long`));
      expect(long.startsWith(original.toString())).toBe(true);
    }
  });
});

describe('readNdjsonWith', () => {
  it('finds the records whose line holds the text, and passes bad lines over', async () => {
    const text = Array.from({ length: 9000 }, (_, n) => line(n)).join('\n');
    const path = new Folder().write('e.ndjson', `{"userId":"u3"\n${text}\n{"x":"u3"}`);
    const found: string[] = [];
    for await (const { eventId } of readNdjsonWith(path, events, '"u3"')) found.push(eventId);
    expect(found).toEqual(Array.from({ length: 9000 }, (_, n) => n).flatMap((n) => (n % 7 === 3 ? [`e${n}`] : [])));
  });
});
