import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';
import { describe, expect, it, vi } from 'vitest';
import { Folder, MAIN } from '../testing/run-cli.ts';

const event = (n: number, over: object = {}): object => ({
  eventId: `e${n}`,
  userId: 'u1',
  type: 'visit',
  occurredAt: `2026-01-01T09:0${n % 10}:00Z`,
  ...over,
});

const CAMPAIGN =
  'id: hello\ntrigger: { event: signup }\nchannels: [email]\ncontent: { text: hi }\nbudget: { total: 5 }\n';

interface Summary {
  readonly inputs: Readonly<Record<string, Readonly<Record<string, number>>>>;
}

function inputsOf(folder: Folder): Readonly<Record<string, number>> {
  const counts = (JSON.parse(folder.text('out/summary.json')) as Summary).inputs.events;
  return counts ?? {};
}

describe('beckon simulate', () => {
  it('says so when a file of consents is out of order, so that some count later than they say', () => {
    const folder = new Folder();
    const consent = (userId: string, changedAt: string) => ({ userId, purpose: 'marketing', granted: true, changedAt });
    const later = consent('u2', '2026-01-01T09:09:00Z');
    folder.write('events.ndjson', [event(1), event(5)]);
    const args = ['--events', 'events.ndjson', '--consents', 'consents.ndjson', '--out', 'out'];
    folder.write('consents.ndjson', [later, consent('u1', '2025-12-01T00:00:00Z')]);
    expect(folder.run('simulate', ...args).stderr).toContain(
      'beckon: note: 1 record of consents.ndjson came after later events and counted only from then on; sort the file by time\n',
    );
    folder.write('consents.ndjson', [
      consent('u1', '2025-12-01T00:00:00Z'),
      consent('u0', '2025-11-01T00:00:00Z'),
      later,
    ]);
    expect(folder.run('simulate', ...args).stderr).not.toContain('note');
  });

  it('writes results, counts every record once and says where they are', () => {
    const folder = new Folder();
    folder.write('events.ndjson', [event(1), event(2), event(2), event(3, { type: 'signup' })]);
    mkdirSync(folder.at('campaigns'));
    folder.write('campaigns/hello.yaml', CAMPAIGN);
    const { code, stdout, stderr } = folder.run(
      'simulate',
      '--events',
      'events.ndjson',
      '--campaigns',
      'campaigns',
      '--out',
      'out',
    );
    expect(code).toBe(0);
    expect(stderr).toMatch(/^4 records in [\d.]+ s \([\d,]+\/s\)\n$/);
    expect(stdout).toMatch(/│ events +│ +4 │ +3 │ +0 │ +1 │ +0 │ +0 │/);
    expect(stdout).toMatch(/│ decisions │ count │[\s\S]*│ blocked +│ +1 │/);
    expect(stdout).toMatch(/│ not sent because of │ count │[\s\S]*│ no-consent +│ +1 │/);
    expect(stdout).toMatch(/│ hello +│ +1 │ +0 │ 0\.00 USD │ 5\.00 USD │ 0\.0 % │/);
    expect(stdout).toMatch(/Results are in out.*\nTry next: beckon explain USER --from out\n$/);
    expect(inputsOf(folder)).toEqual({ read: 4, processed: 3, late: 0, duplicate: 1, deadLetters: 0, notReached: 0 });
    expect(readdirSync(folder.at('out')).sort()).toEqual([
      'dead-letters.ndjson',
      'decisions.ndjson',
      'outcomes.ndjson',
      'run.json',
      'sends.ndjson',
      'sessions.ndjson',
      'signals.ndjson',
      'summary.json',
    ]);
  });

  it('gives identical bytes for the same input, into a new folder and over a former result', () => {
    const folder = new Folder();
    const lines = Array.from({ length: 500 }, (_, n) =>
      event(n, { userId: `u${n % 17}`, occurredAt: 1_767_000_000_000 + n * 400_000 }),
    );
    folder.write('events.ndjson.gz', gzipSync(lines.map((line) => JSON.stringify(line)).join('\n')));
    const bytes = (out: string): string[] => {
      expect(folder.run('simulate', '--events', 'events.ndjson.gz', '--out', out).code).toBe(0);
      return readdirSync(folder.at(out))
        .sort()
        .map((name) => `${name}\n${folder.text(`${out}/${name}`)}`);
    };
    const first = bytes('a');
    expect(first[5]).toContain('"endedAt"');
    expect(bytes('b')).toEqual(first);
    expect(bytes('a')).toEqual(first);
  });

  it('sends every bad line to the dead letters with its number, and counts add up', () => {
    const folder = new Folder();
    const good = JSON.stringify(event(1));
    const bad: readonly (readonly [string | Buffer, string])[] = [
      ['{"eventId":"e1","userId":', 'not-json'],
      ['[]', 'bad-value'],
      ['null', 'bad-value'],
      [JSON.stringify(event(1, { userId: 7 })), 'bad-value'],
      [JSON.stringify(event(1, { userId: undefined })), 'bad-value'],
      [JSON.stringify(event(1, { userId: '' })), 'bad-value'],
      [JSON.stringify(event(1, { tenantId: 'a/b' })), 'bad-value'],
      [JSON.stringify(event(1, { surprise: 1 })), 'bad-value'],
      [JSON.stringify(event(1, { occurredAt: '0000-01-01T00:00:00Z' })), 'bad-value'],
      [JSON.stringify(event(1, { occurredAt: '9999-12-31T00:00:00Z' })), 'bad-value'],
      [JSON.stringify(event(1, { occurredAt: '2026-02-30T00:00:00Z' })), 'bad-value'],
      [JSON.stringify(event(1, { occurredAt: '2026-01-01T09:00:00' })), 'bad-value'],
      [JSON.stringify(event(1, { occurredAt: null })), 'bad-value'],
      [good.replace(/"2026[^"]*"/, 'NaN'), 'not-json'],
      [good.replace(/"2026[^"]*"/, '1e400'), 'bad-value'],
      [JSON.stringify(event(1, { occurredAt: -1 })), 'bad-value'],
      [Buffer.concat([Buffer.from('{"eventId":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), 'not-utf8'],
      [JSON.stringify(event(1, { properties: { deep: { er: 1 } } })), 'bad-value'],
      [JSON.stringify(event(8, { occurredAt: '2028-01-01T00:00:00Z' })), 'time-jump'],
    ];
    const long = JSON.stringify(event(4, { properties: { text: 'x'.repeat(1 << 20) } }));
    const file = [good, ...bad.map(([line]) => line), '', long, JSON.stringify(event(1))];
    folder.write(
      'events.ndjson',
      Buffer.concat(file.flatMap((line) => [Buffer.from(line as string), Buffer.from('\n')])),
    );
    const { code, stderr } = folder.run('simulate', '--events', 'events.ndjson', '--out', 'out');
    expect(stderr).toMatch(/records in/);
    expect(code).toBe(0);
    const letters = folder.lines('out/dead-letters.ndjson');
    const found = letters.map(({ line, code }) => [line, code]).sort(([a], [b]) => Number(a) - Number(b));
    expect(found).toEqual(bad.map(([, code], i) => [i + 2, code]));
    for (const letter of letters) {
      expect(letter).toMatchObject({ file: 'events.ndjson', topic: 'events', message: expect.any(String) });
    }
    const counts = inputsOf(folder);
    expect(counts).toEqual({
      read: bad.length + 3,
      processed: 2,
      late: 0,
      duplicate: 1,
      deadLetters: bad.length,
      notReached: 0,
    });
  });

  it('takes an empty file', () => {
    const folder = new Folder();
    folder.write('events.ndjson', '');
    expect(folder.run('simulate', '--events', 'events.ndjson', '--out', 'out').code).toBe(0);
    expect(inputsOf(folder).read).toBe(0);
  });

  it('counts what lies at or after --until as not reached', () => {
    const folder = new Folder();
    folder.write('events.ndjson', [event(1), event(5), event(6)]);
    const { code } = folder.run(
      'simulate',
      '--events',
      'events.ndjson',
      '--out',
      'out',
      '--until',
      '2026-01-01T09:05:00Z',
    );
    expect(code).toBe(0);
    expect(inputsOf(folder)).toMatchObject({ read: 3, processed: 1, notReached: 2 });
  });

  it.each([
    [['--events', 'nowhere.ndjson', '--out', 'out'], /nowhere\.ndjson: no such file; check the path/],
    [['--events', 'folder', '--out', 'out'], /folder: is a directory; name an \.ndjson/],
    [['--events', 'plain.gz', '--out', 'out'], /plain\.gz: is no gzip file/],
    [['--events', 'packed.ndjson', '--out', 'out'], /packed\.ndjson: is a gzip file; name it \.gz/],
    [['--out', 'out'], /required option '--events <file>' not specified/],
    [['--events', 'events.ndjson'], /required option '--out <dir>' not specified/],
    [['--events', 'events.ndjson', '--out', 'out', '--until', '2026-01-01'], /--until .*with its zone/],
    [['--events', 'events.ndjson', '--out', 'out', '--until', '2026-02-30T00:00:00Z'], /--until/],
    [['--events', 'events.ndjson', '--out', 'out', '--until', '9999-01-01T00:00:00Z'], /before 2100/],
    [['--events', 'events.ndjson', '--out', 'out', '--lateness', '5 minutes'], /--lateness .*90s, 30m, 6h or 7d/],
    [
      ['--events', 'events.ndjson', '--out', 'out', '--send-requests', 'events.ndjson'],
      /--send-requests .* --campaigns/,
    ],
    [['--events', 'events.ndjson', '--out', 'out', '--campaigns', 'folder'], /folder: holds no campaign/],
    [['--events', 'events.ndjson', '--out', 'out', '--policy', 'nowhere.yaml'], /nowhere\.yaml: does not exist/],
    [['--events', 'events.ndjson', '--out', 'out', '--profiles', 'nowhere.ndjson'], /nowhere\.ndjson: no such file/],
    [['--events', 'events.ndjson', '--out', 'events.ndjson'], /--out events\.ndjson: is a file/],
    [['--events', 'events.ndjson', '--out', '.'], /--out \.: is the folder of the input events\.ndjson/],
    [['--events', 'events.ndjson', '--out', 'foreign'], /--out foreign: holds files that no simulation wrote/],
    [['--events', 'events.ndjson', '--out', 'events.ndjson/x'], /can't be made/],
  ])('refuses %j in one line, before any folder is touched', (args, message) => {
    const folder = new Folder();
    folder.write('events.ndjson', [event(1)]);
    folder.write('plain.gz', 'not gzip');
    folder.write('packed.ndjson', gzipSync('{}'));
    mkdirSync(folder.at('folder'));
    mkdirSync(folder.at('foreign'));
    folder.write('foreign/run.json', '{"mine": true}');
    const before = readdirSync(folder.path, { recursive: true });
    const { code, stdout, stderr } = folder.run('simulate', ...args);
    expect(stderr).toMatch(message);
    expect(stderr.split('\n')).toHaveLength(2);
    expect(stdout).toBe('');
    expect(code).toBe(2);
    expect(readdirSync(folder.path, { recursive: true })).toEqual(before);
    expect(readFileSync(folder.at('foreign/run.json'), 'utf8')).toBe('{"mine": true}');
  });

  it('ends with 2 when a gzip file turns out to be cut off', () => {
    const folder = new Folder();
    folder.write('events.ndjson.gz', gzipSync(JSON.stringify(event(1))).subarray(0, 60));
    const { code, stderr } = folder.run('simulate', '--events', 'events.ndjson.gz', '--out', 'out');
    expect(stderr).toMatch(/events\.ndjson\.gz: is not a whole gzip file/);
    expect(code).toBe(2);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('stops at %s with whole lines written', async (signal, code) => {
    const folder = new Folder();
    const file = createWriteStream(folder.at('events.ndjson'));
    for (let n = 0; n < 300_000; n++) {
      const line = event(n, { userId: `u${n % 97}`, occurredAt: 1_767_000_000_000 + n * 60_000 });
      if (!file.write(`${JSON.stringify(line)}\n`)) await once(file, 'drain');
    }
    await new Promise((done) => file.end(done));
    const child = spawn(process.execPath, [MAIN, 'simulate', '--events', 'events.ndjson', '--out', 'out'], {
      cwd: folder.path,
    });
    let stderr = '';
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    const closed = once(child, 'close');
    // Once the folder is there the run has begun.
    await vi.waitUntil(() => readdirSync(folder.path).includes('out'), { interval: 10, timeout: 10_000 });
    child.kill(signal);
    const [status] = await closed;
    expect(stderr).toMatch(new RegExp(`stopped by ${signal}`));
    expect(status).toBe(code);
    expect(() => folder.lines('out/sessions.ndjson')).not.toThrow();
    expect(readdirSync(folder.at('out'))).not.toContain('summary.json');
    expect(folder.run('explain', 'u1', '--from', 'out').stderr).toMatch(/the simulation did not finish/);
  });
});
