import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const root = join(import.meta.dirname, '..', '..');
const SHIPPED = ['schemas', 'state', 'processors', 'topologies', 'sinks', 'runtime', 'api', 'cli'];

function sources(folders: readonly string[]): readonly { readonly file: string; readonly text: string }[] {
  return folders.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
      .map((entry) => join(entry.parentPath, entry.name))
      .map((path) => ({ file: relative(root, path), text: readFileSync(path, 'utf8') })),
  );
}

const isTest = (file: string): boolean => file.endsWith('.test.ts') || file.includes('/testing/');

function offenders(pattern: RegExp, folders: readonly string[], allowed: readonly string[]): readonly string[] {
  return sources(folders)
    .filter(({ file, text }) => !isTest(file) && !allowed.includes(file) && pattern.test(text))
    .map(({ file }) => file);
}

describe('the conventions of the code', () => {
  test('no source file is longer than 500 lines', () => {
    const long = sources([...SHIPPED, 'test', 'bench'])
      .map(({ file, text }) => ({ file, lines: text.split('\n').length - 1 }))
      .filter(({ lines }) => lines > 500);
    expect(long).toEqual([]);
  });

  test('the environment is read in runtime/config.ts alone', () => {
    expect(offenders(/process\.env\b/, SHIPPED, ['runtime/config.ts'])).toEqual([]);
  });

  test('the wall clock is read in runtime/clock.ts alone', () => {
    expect(offenders(/\bDate\.now\b|new Date\(\)/, SHIPPED, ['runtime/clock.ts'])).toEqual([]);
  });

  test('nothing that decides is random or looks at a clock', () => {
    expect(
      offenders(
        /Math\.random|performance\.now|crypto\.random|randomUUID/,
        ['schemas', 'state', 'processors', 'topologies'],
        [],
      ),
    ).toEqual([]);
  });
});

describe('the import rules', () => {
  /** Runs the project's own rules over a project that holds just these files. */
  function cruise(files: Readonly<Record<string, string>>): {
    readonly status: number | null;
    readonly output: string;
  } {
    const folder = mkdtempSync(join(tmpdir(), 'beckon-imports-'));
    try {
      for (const [file, text] of Object.entries(files)) {
        mkdirSync(dirname(join(folder, file)), { recursive: true });
        writeFileSync(join(folder, file), text);
      }
      for (const file of ['.dependency-cruiser.cjs', 'package.json', 'tsconfig.json'])
        cpSync(join(root, file), join(folder, file));
      symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
      const run = spawnSync('depcruise', ['--config', '.dependency-cruiser.cjs', '--output-type', 'err', '.'], {
        cwd: folder,
        encoding: 'utf8',
      });
      return { status: run.status, output: run.stdout + run.stderr };
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  }

  const task = 'export const task = 1;\n';

  test.each([
    [
      'a processor that imports the runtime',
      { 'processors/a.ts': "import '../runtime/task.ts';\n", 'runtime/task.ts': task },
      'processors-imports-only-what-it-may',
    ],
    [
      'a processor that imports another',
      { 'processors/a.ts': "import './b.ts';\n", 'processors/b.ts': task },
      'no-processor-imports-another',
    ],
    [
      'a topology that imports the runtime',
      { 'topologies/a.ts': "import '../runtime/task.ts';\n", 'runtime/task.ts': task },
      'topologies-imports-only-what-it-may',
    ],
    [
      'a sink that imports state',
      { 'sinks/a.ts': "import '../state/s.ts';\n", 'state/s.ts': task },
      'sinks-imports-only-what-it-may',
    ],
    [
      'the runtime that imports a concrete processor',
      { 'runtime/a.ts': "import '../processors/p.ts';\n", 'processors/p.ts': task },
      'runtime-imports-only-what-it-may',
    ],
    [
      'a schema that imports anything of ours',
      { 'schemas/a.ts': "import '../state/s.ts';\n", 'state/s.ts': task },
      'schemas-imports-only-what-it-may',
    ],
    ['Avro outside its home', { 'runtime/a.ts': "import 'avsc';\n" }, 'avsc-lives-in-schemas'],
    ['RocksDB outside its home', { 'runtime/a.ts': "import '@nxtedition/rocksdb';\n" }, 'lives-in-state-rocksdb'],
    ['a cycle', { 'state/a.ts': "import './b.ts';\n", 'state/b.ts': "import './a.ts';\n" }, 'no-cycles'],
    ['a processor that reads files', { 'processors/a.ts': "import 'node:fs';\n" }, 'processors-are-pure'],
  ])('refuse %s, naming the files and the rule', (_, files, rule) => {
    const { status, output } = cruise(files);
    expect(output).toContain(rule);
    for (const file of Object.keys(files).slice(0, 1)) expect(output).toContain(file);
    expect(status).not.toBe(0);
  });

  test('find the modules of this project at all', () => {
    const { status, output } = cruise({ 'state/a.ts': "import './b.ts';\n", 'state/b.ts': task });
    expect(output).toMatch(/2 modules/);
    expect(status).toBe(0);
  });
});
