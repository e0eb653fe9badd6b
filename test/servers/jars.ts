// The jars of the servers, brought by Maven once and kept in .cache/ of the project.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const CACHE = join(here, '../../.cache/servers');
const REGISTRY = '3.0.9';
const LOCK_LOOK_MS = 100;
/** A lock that old was left by a process that was killed. */
const LOCK_STALE_MS = 300_000;

/** Whether Java and Maven are there. */
export function haveJava(): boolean {
  return ['java -version', 'mvn -v'].every((command) => {
    const [program = '', ...args] = command.split(' ');
    return spawnSync(program, args, { stdio: 'ignore' }).status === 0;
  });
}

/** The folder of the broker's jars. */
export function kafkaJars(): Promise<string> {
  const version = /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([\d.]+)</.exec(
    readFileSync(join(here, 'pom.xml'), 'utf8'),
  );
  return once(`kafka-${version?.[1]}`, (folder) => {
    maven(['-f', join(here, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]);
  });
}

/** The folder of the registry's application. */
export function registryApplication(): Promise<string> {
  return once(`apicurio-registry-${REGISTRY}`, (folder) => {
    const artifact = `io.apicurio:apicurio-registry-app:${REGISTRY}:tar.gz:all`;
    maven(['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]);
    const archive = join(folder, `apicurio-registry-app-${REGISTRY}-all.tar.gz`);
    run('tar', ['xzf', archive, '-C', folder]);
    rmSync(archive);
  });
}

/** Fills a folder of the cache unless it is there; parallel processes wait for the one that does. */
async function once(name: string, fill: (folder: string) => void): Promise<string> {
  const folder = join(CACHE, name);
  mkdirSync(CACHE, { recursive: true });
  await withLock(join(CACHE, `${name}.lock`), async () => {
    if (existsSync(folder)) return;
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    fill(partial);
    renameSync(partial, folder);
  });
  return folder;
}

/** Runs `work` while no other process holds the lock, which is a folder. */
export async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const age = existsSync(lock) ? Date.now() - statSync(lock).mtimeMs : 0;
      if (age > LOCK_STALE_MS) rmSync(lock, { recursive: true, force: true });
      else await delay(LOCK_LOOK_MS);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { recursive: true, force: true });
  }
}

function maven(args: readonly string[]): void {
  run('mvn', ['-q', '-B', ...args]);
}

function run(program: string, args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync(program, args, { encoding: 'utf8' });
  if (status === 0) return;
  throw new Error(`\`${program} ${args.join(' ')}\` failed with status ${status}:\n${stdout}${stderr}`);
}
