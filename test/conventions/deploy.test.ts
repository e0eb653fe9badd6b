// docker-compose.yml, Dockerfile and deploy/ can't be run without Docker: here they are read by real parsers, held against what
// the code knows, and run in pieces.
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { validate } from 'dockerfile-utils';
import { describe, expect, onTestFinished, test } from 'vitest';
import { parse } from 'yaml';
import { clickhouseSink } from '../../sinks/clickhouse/clickhouse.ts';
import { startEmbedded } from '../../sinks/clickhouse/front.ts';
import { type Around, type Compose, problemsOf, readCompose } from './deploy/compose.ts';
import { copiedFrom, imageFiles, instructionsOf, isIgnored, missingImports } from './deploy/image.ts';
import { expressionsOf, labelsIn, metricsIn, metricsOfBeckon, readAlerts, readDashboard } from './deploy/metrics.ts';

const root = join(import.meta.dirname, '..', '..');
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

function scratch(): string {
  const folder = mkdtempSync(join(tmpdir(), 'beckon-deploy-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

describe('docker-compose.yml', () => {
  const secrets = Object.fromEntries(
    [...read('deploy/secrets.mjs').matchAll(/'([a-z]+\.env)': '([A-Z_]+)'/g)].map(([, file, variable]) => [
      `deploy/secrets/${file}`,
      variable ?? '',
    ]),
  );
  const variables = new Set(
    [...read('runtime/config.ts').matchAll(/^ {4}([A-Z][A-Z0-9_]+):/gm)].map((m) => m[1] ?? ''),
  );
  const around: Around = { root, secrets, variables };
  const compose = (): Compose => readCompose(read('docker-compose.yml'));

  test('has no problem that can be known without Docker', () => {
    expect(problemsOf(compose(), around)).toEqual([]);
  });

  test.each<[string, RegExp, (it: Compose) => void]>([
    ['a port that is open to others', /not on the loopback/, (it) => it.services.kafka?.ports?.push('9999:9999')],
    [
      'an image without a version',
      /not pinned/,
      (it) => Object.assign(it.services.redis ?? {}, { image: 'redis:latest' }),
    ],
    ['a volume that is not declared', /not declared/, (it) => it.services.kafka?.volumes?.push('more:/more')],
    ['a file that is not there', /no \.\/nothing/, (it) => it.services.kafka?.volumes?.push('./nothing:/n:ro')],
    [
      'a service that is not there',
      /not there/,
      (it) => Object.assign(it.services.beckon?.depends_on ?? {}, { x: {} }),
    ],
    ['a service without a health check', /no health check/, (it) => delete it.services.registry?.healthcheck],
    [
      'a one-shot that nobody waits for',
      /no service that stays/,
      (it) => delete it.services.beckon?.depends_on?.topics,
    ],
    ['a fixed port of a scaled service', /same port/, (it) => it.services.beckon?.ports?.push('127.0.0.1:1:1')],
    ['a shared volume of a scaled service', /share/, (it) => it.services.beckon?.volumes?.push('kafka-data:/k')],
    [
      'a variable that the code does not know',
      /knows no/,
      (it) => Object.assign(it.services.beckon?.environment ?? {}, { NEW: '1' }),
    ],
    [
      'a value that the code refuses',
      /KAFKA_BROKERS/,
      (it) => Object.assign(it.services.beckon?.environment ?? {}, { KAFKA_BROKERS: 'kafka' }),
    ],
    ['a password that nobody makes', /nothing makes/, (it) => it.services.beckon?.env_file?.push('.env')],
  ])('would be found out with %s', (_, problem, harm) => {
    const harmed = compose();
    harm(harmed);
    expect(problemsOf(harmed, around).join('\n')).toMatch(problem);
  });

  test('is refused when it says what compose does not know', () => {
    expect(() => readCompose(read('docker-compose.yml').replace('stop_grace_period', 'stop_grace'))).toThrow(
      /stop_grace/,
    );
  });

  test('reaches the broker at listeners that the broker has', () => {
    const { services } = compose();
    const listeners = services.kafka?.environment?.KAFKA_ADVERTISED_LISTENERS ?? '';
    const inside = [
      services.beckon?.environment?.KAFKA_BROKERS,
      services.registry?.environment?.APICURIO_KAFKASQL_BOOTSTRAP_SERVERS,
    ];
    for (const broker of inside) expect(listeners).toContain(`INSIDE://${broker}`);
    expect(services.kafka?.ports?.map((port) => `OUTSIDE://localhost:${port.split(':')[1]}`)).toContain(
      listeners.split(',')[1],
    );
  });

  test('runs commands that there are', { timeout: 90_000 }, () => {
    for (const [name, { build, command = [] }] of Object.entries(compose().services)) {
      if (build === undefined) continue;
      const words = command.slice(0, command[0] === 'start' ? 1 : 2);
      const options = command.filter((word) => word.startsWith('--'));
      const { status, stdout } = spawnSync(process.execPath, ['cli/main.ts', ...words, '--help'], {
        cwd: root,
        encoding: 'utf8',
      });
      expect({ name, status }).toEqual({ name, status: 0 });
      expect(stdout).toContain(`Usage: beckon ${words.join(' ')}`);
      for (const option of options) expect(stdout).toContain(option);
    }
  });

  test('gets passwords that are made once, for their owner alone, and stay out of git', () => {
    const folder = scratch();
    mkdirSync(join(folder, 'deploy'));
    cpSync(join(root, 'deploy/secrets.mjs'), join(folder, 'deploy/secrets.mjs'));
    const make = (): readonly string[] => {
      expect(spawnSync(process.execPath, [join(folder, 'deploy/secrets.mjs')]).status).toBe(0);
      return Object.keys(secrets).map((file) => readFileSync(join(folder, file), 'utf8'));
    };
    const made = make();
    expect(made).toEqual(
      Object.values(secrets).map((name) => expect.stringMatching(new RegExp(`^${name}=\\S{20,}\\n$`))),
    );
    expect(new Set(made.map((line) => line.split('=')[1])).size).toBe(made.length);
    expect(make()).toEqual(made);
    expect(read('deploy/.gitignore')).toMatch(/^secrets\/$/m);
  });
});

describe('the image', () => {
  const dockerfile = read('Dockerfile');
  const lint = (text: string) => validate(text).map(({ message }) => message);

  test('is described without a mistake', () => {
    expect(lint(dockerfile)).toEqual([]);
    expect(lint(dockerfile.replace('EXPOSE 7077', 'EXPOSE port'))).not.toEqual([]);
  });

  test('does not run as root, and says when it is well', () => {
    const last = dockerfile.slice(dockerfile.lastIndexOf('\nFROM '));
    const users = instructionsOf(last).filter(({ name }) => name === 'USER');
    expect(users.map(({ args }) => args)).toEqual([expect.stringMatching(/^[1-9]\d+:[1-9]\d+$/)]);
    expect(instructionsOf(last).map(({ name }) => name)).toContain('HEALTHCHECK');
  });

  test('is built by the Node that the project runs on, and runs on the same major', () => {
    const [build, run] = instructionsOf(dockerfile).filter(({ name }) => name === 'FROM');
    const { engines, devDependencies } = JSON.parse(read('package.json')) as Record<string, Record<string, string>>;
    const major = /\d+/.exec(engines?.node ?? '')?.[0];
    expect(build?.args).toContain(`node:${devDependencies?.node?.replace('^', '')}-`);
    expect(run?.args).toContain(`/nodejs${major}-`);
  });

  test('takes files that are there and that .dockerignore lets through', () => {
    const sources = copiedFrom(dockerfile).map((source) => source.replace(/^\.\//, ''));
    const ignore = read('.dockerignore');
    const there = readdirSync(root);
    expect(sources.filter((source) => !there.includes(source) || isIgnored(ignore, source))).toEqual([]);
    for (const file of ['.git/config', '.env', 'deploy/secrets/clickhouse.env', 'node_modules/zod/index.js'])
      expect({ file, ignored: isIgnored(ignore, file) }).toEqual({ file, ignored: true });
  });

  test('holds every file that its files import, and no test', () => {
    const files = imageFiles(root);
    expect(missingImports(files, read)).toEqual([]);
    expect(files.filter((file) => /\.test\.|\/testing\/|snap$/.test(file))).toEqual([]);
    const without = files.filter((file) => file !== 'runtime/config.ts');
    expect(missingImports(without, read)).toContain('cli/main.ts -> ../runtime/config.ts');
  });

  test('starts from its files alone, is well, and ends when it is told to', { timeout: 90_000 }, async () => {
    const folder = scratch();
    for (const file of imageFiles(root)) {
      mkdirSync(dirname(join(folder, 'app', file)), { recursive: true });
      cpSync(join(root, file), join(folder, 'app', file));
    }
    symlinkSync(join(root, 'node_modules'), join(folder, 'app/node_modules'));
    const [, ...flags] = JSON.parse(instructionsOf(dockerfile).find(({ name }) => name === 'ENTRYPOINT')?.args ?? '');
    const args = [
      ...flags.slice(0, -1),
      join(folder, flags.at(-1)),
      'start',
      '--port',
      '0',
      '--topology',
      'engage,pace',
    ];
    const child = spawn(process.execPath, args, { cwd: folder, stdio: ['ignore', 'ignore', 'pipe'] });
    onTestFinished(() => void child.kill('SIGKILL'));
    const ended = once(child, 'exit');
    let log = '';
    const url = await new Promise<string>((resolve, reject) => {
      ended.then(() => reject(new Error(log)));
      child.stderr.setEncoding('utf8').on('data', (piece: string) => {
        log += piece;
        const [, found] = /"url":"([^"]+)"/.exec(log) ?? [];
        if (found !== undefined) resolve(found);
      });
    });
    expect((await fetch(`${url}/healthz`)).status).toBe(200);
    child.kill('SIGTERM');
    expect(await ended).toEqual([0, null]);
  });
});

describe('what watches it', () => {
  const dashboards = readdirSync(join(root, 'deploy/grafana/dashboards')).map((file) => ({
    file,
    board: readDashboard(join(root, 'deploy/grafana/dashboards', file)),
  }));
  const sources = parse(read('deploy/grafana/provisioning/datasources/datasources.yml')).datasources as readonly {
    readonly uid: string;
    readonly type: string;
  }[];

  test('asks for metrics and labels that there are, and for every metric of ours', () => {
    const metrics = metricsOfBeckon();
    const labels = new Set(['job', 'instance', 'le', ...[...metrics.values()].flat()]);
    const alerts = readAlerts(root).map(({ expr }) => expr);
    const all = [...alerts, ...dashboards.flatMap(({ board }) => expressionsOf(board))];
    const asked = all.flatMap(metricsIn).map((name) => name.replace(/_seconds_(bucket|sum|count)$/, '_seconds'));
    expect(asked.filter((name) => name !== 'up' && !metrics.has(name))).toEqual([]);
    expect(all.flatMap(labelsIn).filter((label) => !labels.has(label))).toEqual([]);
    const ours = [...metrics.keys()].filter((name) => name.startsWith('beckon_'));
    expect(ours.filter((name) => !asked.includes(name))).toEqual([]);
    expect(ours.length).toBeGreaterThan(20);
  });

  test('reads an expression as Prometheus does', () => {
    const expr = 'sum by (le, a) (rate(x_total{b="c"}[5m])) > 1.5e3 and absent(up{job=~"y|z"} == 1)';
    expect(metricsIn(expr)).toEqual(['x_total', 'up']);
    expect(labelsIn(expr)).toEqual(['le', 'a', 'b', 'job']);
  });

  test('has alerts of different names that say which labels are meant', () => {
    const alerts = readAlerts(root);
    expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
    for (const { alert, expr, annotations } of alerts) {
      const named = [...annotations.summary.matchAll(/\$labels\.(\w+)/g)].map((match) => match[1]);
      const grouped = labelsIn(expr);
      const whole = !/\bby\b/.test(expr);
      expect({ alert, lost: named.filter((label) => !whole && !grouped.includes(label ?? '')) }).toEqual({
        alert,
        lost: [],
      });
    }
  });

  test('scrapes the service and the port that compose runs, and loads the alerts', () => {
    const { services } = readCompose(read('docker-compose.yml'));
    const { scrape_configs, rule_files } = parse(read('deploy/prometheus/prometheus.yml')) as {
      readonly rule_files: readonly string[];
      readonly scrape_configs: readonly {
        readonly job_name: string;
        readonly dns_sd_configs?: readonly {
          readonly names: readonly string[];
          readonly type: string;
          readonly port: number;
        }[];
      }[];
    };
    const [found] = scrape_configs.find(({ job_name }) => job_name === 'beckon')?.dns_sd_configs ?? [];
    expect(found).toMatchObject({ names: ['beckon'], type: 'A' });
    expect(services.beckon?.command).toContain(String(found?.port));
    expect(readdirSync(join(root, 'deploy/prometheus'))).toEqual(expect.arrayContaining([...rule_files]));
  });

  test.each(dashboards)('$file is whole: sources there are, ids used once, panels side by side', ({ board }) => {
    const panels = board.panels;
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    for (const { datasource: panel, targets, title } of panels)
      for (const { datasource } of [...targets, ...(panel === undefined ? [] : [{ datasource: panel }])])
        expect({
          title,
          source: sources.some(({ uid, type }) => uid === datasource.uid && type === datasource.type),
        }).toEqual({ title, source: true });
    const overlaps = panels.flatMap(({ gridPos: a, title }, at) =>
      panels
        .slice(at + 1)
        .filter(({ gridPos: b }) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h)
        .map((other) => `${title} and ${other.title}`),
    );
    expect(overlaps).toEqual([]);
    expect(panels.filter(({ gridPos }) => gridPos.x + gridPos.w > 24)).toEqual([]);
  });

  test('asks ClickHouse what its tables can answer', async () => {
    const queries = dashboards.flatMap(({ board }) =>
      board.panels.flatMap(({ targets }) => targets.flatMap(({ rawSql }) => rawSql ?? [])),
    );
    expect(queries.length).toBeGreaterThan(5);
    const engine = await startEmbedded({ folder: join(scratch(), 'clickhouse') });
    try {
      const sink = clickhouseSink({ url: engine.url });
      await sink.open();
      await sink.close();
      for (const query of queries) {
        const sql = query
          .replaceAll(/\$__timeFilter\((\w+)\)/g, '$1 > now() - INTERVAL 1 DAY')
          .replaceAll('$tenant', 'default');
        const answer = await fetch(`${engine.url}/?database=beckon`, { method: 'POST', body: sql });
        expect({ query, status: answer.status, rows: await answer.text() }).toEqual({ query, status: 200, rows: '' });
      }
    } finally {
      await engine.close();
    }
  });
});
