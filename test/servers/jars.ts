// The jars of the servers, brought by Maven once and kept in .cache/ of the project.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { isAlive } from './jvm.ts';

const here = dirname(fileURLToPath(import.meta.url));
const CACHE = join(here, '../../.cache/servers');
const REGISTRY = '3.0.9';
const REGISTRY_NAME = `apicurio-registry-${REGISTRY}`;
const LOCK_LOOK_MS = 100;

/** Why the servers can't be run here; undefined when they can. */
export function missing(): string | undefined {
  const answers = (program: string, arg: string): boolean =>
    spawnSync(program, [arg], { stdio: 'ignore' }).status === 0;
  if (!answers('java', '-version')) return 'Java 17';
  const brought = [kafkaName(), REGISTRY_NAME].every((name) => existsSync(join(CACHE, name)));
  return brought || answers('mvn', '-v') ? undefined : 'Maven';
}

/** The folder of the broker's jars. */
export function kafkaJars(): Promise<string> {
  return once(kafkaName(), async (folder) => {
    maven(['-f', join(here, 'pom.xml'), 'dependency:copy-dependencies', `-DoutputDirectory=${folder}`]);
  });
}

/** Changes with what the pom asks for, so that a cache from before is not taken for it. */
function kafkaName(): string {
  const pom = readFileSync(join(here, 'pom.xml'));
  const version = /<artifactId>kafka_[\d.]+<\/artifactId>\s*<version>([\d.]+)</.exec(pom.toString('utf8'));
  return `kafka-${version?.[1]}-${createHash('sha256').update(pom).digest('hex').slice(0, 8)}`;
}

/** The folder of the registry's application. */
export function registryApplication(): Promise<string> {
  return once(REGISTRY_NAME, async (folder) => {
    const artifact = `io.apicurio:apicurio-registry-app:${REGISTRY}:tar.gz:all`;
    maven(['dependency:copy', `-Dartifact=${artifact}`, `-DoutputDirectory=${folder}`]);
    const archive = join(folder, `apicurio-registry-app-${REGISTRY}-all.tar.gz`);
    run('tar', ['xzf', archive, '-C', folder]);
    rmSync(archive);
  });
}

/** Fills a folder of the cache unless it is there; parallel processes wait for the one that does. */
export async function once(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(CACHE, name);
  if (existsSync(folder)) return folder;
  mkdirSync(CACHE, { recursive: true });
  await withLock(join(CACHE, `${name}.lock`), async () => {
    if (existsSync(folder)) return;
    const partial = `${folder}.partial`;
    rmSync(partial, { recursive: true, force: true });
    mkdirSync(partial);
    await fill(partial);
    renameSync(partial, folder);
  });
  return folder;
}

/** Runs `work` while no other process holds the lock, a file with its holder's pid. */
export async function withLock<T>(lock: string, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      writeFileSync(lock, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      // A holder that was killed left it; one that is just writing it has no pid in it yet.
      const holder = existsSync(lock) ? readFileSync(lock, 'utf8') : '';
      if (holder !== '' && !isAlive(Number(holder))) rmSync(lock, { force: true });
      else await delay(LOCK_LOOK_MS);
    }
  }
  try {
    return await work();
  } finally {
    rmSync(lock, { force: true });
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
