// The real command in a process of its own, with files in a folder that is gone after the test.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

export const MAIN = fileURLToPath(new URL('../main.ts', import.meta.url));

export interface Result {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class Folder {
  readonly path = mkdtempSync(join(tmpdir(), 'beckon-cli-'));

  constructor() {
    onTestFinished(() => rmSync(this.path, { recursive: true, force: true }));
  }

  /** Writes a file and returns its path. Objects are written as NDJSON. */
  write(name: string, content: string | Buffer | readonly object[]): string {
    const path = join(this.path, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(
      path,
      Array.isArray(content) ? content.map((line) => `${JSON.stringify(line)}\n`).join('') : (content as string),
    );
    return path;
  }

  remove(name: string): void {
    rmSync(join(this.path, name));
  }

  at(name: string): string {
    return join(this.path, name);
  }

  text(name: string): string {
    return readFileSync(join(this.path, name), 'utf8');
  }

  /** A file of NDJSON, parsed. */
  lines(name: string): readonly Record<string, unknown>[] {
    return this.text(name)
      .split('\n')
      .filter(Boolean)
      .map((line) => JSON.parse(line) as Record<string, unknown>);
  }

  run(...args: readonly string[]): Result {
    const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], {
      cwd: this.path,
      encoding: 'utf8',
    });
    return { code: status, stdout, stderr };
  }
}
