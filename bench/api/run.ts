// `npm run bench:api`: `beckon start` as it comes, embedded, with everything it runs, asked over HTTP at a steady rate.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { userConsents, userProfiles } from '../kafka/fill.ts';
import { InstanceProcess, killAll } from '../kafka/instance.ts';
import { progress, table } from '../kafka/table.ts';
import type { Fired } from './fire.ts';

const HELP = `npm run bench:api [-- OPTIONS]
  --rate N         requests a second (1000)
  --seconds N      how long, after a warm-up of 10 s (60)
  --connections N  that are kept open (100)
  --users N        that are asked for in turn (50000)
  --only NAME      at-once (engage decides) or with-budget (engage, pace, engage); both without it
  --topology NAMES as of beckon start (all)
  --cpu-prof DIR   puts a CPU profile of the instance there
`;
const WARM_UP = 10;
const PIECE = 5000;
const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

const { values } = parseArgs({
  options: {
    rate: { type: 'string', default: '1000' },
    seconds: { type: 'string', default: '60' },
    connections: { type: 'string', default: '100' },
    users: { type: 'string', default: '50000' },
    only: { type: 'string' },
    topology: { type: 'string' },
    'cpu-prof': { type: 'string' },
    help: { type: 'boolean' },
  },
});
if (values.help === true) {
  process.stdout.write(HELP);
  process.exit(0);
}
const campaigns = ['at-once', 'with-budget'].filter((name) => values.only === undefined || values.only === name);
const [rate, seconds, connections, users] = [values.rate, values.seconds, values.connections, values.users].map(Number);
if (
  campaigns.length === 0 ||
  ![rate, seconds, connections, users].every((n) => Number.isSafeInteger(n) && Number(n) > 0)
) {
  process.stderr.write('bench: an option can not be understood; see npm run bench:api -- --help\n');
  process.exit(2);
}

const scratch = mkdtempSync(join(tmpdir(), 'beckon-bench-api-'));
const end = async (): Promise<void> => {
  await killAll();
  rmSync(scratch, { recursive: true, force: true });
};
process.once('SIGINT', () => void end().finally(() => process.exit(130)));
try {
  const rows: (string | number)[][] = [];
  for (const campaign of campaigns) rows.push(await measure(campaign));
  const [cpu] = cpus();
  process.stdout.write(
    `${cpus().length} × ${cpu?.model.trim() ?? 'CPU'}, Node ${process.version}, load average before ${loadavg()[1]?.toFixed(1)}\n\n`,
  );
  const head = [
    'campaign',
    'answered/s',
    'answered',
    'p50 ms',
    'p90 ms',
    'p99 ms',
    'most ms',
    'not 200',
    'CPU of the instance',
    'peak MB',
  ];
  process.stdout.write(`${table(head, rows)}\n`);
} finally {
  await end();
}

async function measure(campaign: string): Promise<(string | number)[]> {
  const profiles = values['cpu-prof'];
  if (profiles !== undefined) mkdirSync(profiles, { recursive: true });
  const instance = await InstanceProcess.start({
    dir: join(scratch, campaign),
    environment: { KAFKA_BROKERS: '', BECKON_API_RATE_LIMIT: '0', BECKON_LOG_LEVEL: 'warn' },
    args: [
      ...['--campaigns', here('campaigns'), '--policy', here('policy.yaml')],
      ...(values.topology === undefined ? [] : ['--topology', values.topology]),
    ],
    profiles,
  });
  await instance.until(
    ({ status }) => status.tasks.every(({ phase }) => phase === 'running'),
    100,
    60_000,
    'the start',
  );
  progress(`${campaign}: ${users} users are made known`);
  const when = new Date(Date.now() - 86_400_000).toISOString();
  await publish(instance.url, 'profiles', userProfiles(Number(users), when));
  await publish(instance.url, 'consents', userConsents(Number(users), when));
  await instance.quiet(500, 300_000);
  progress(`${campaign}: warming up`);
  await fire(instance.url, campaign, WARM_UP, 0);
  progress(`${campaign}: ${rate} requests a second for ${seconds} s`);
  const before = await instance.look();
  const fired = await fire(instance.url, campaign, Number(seconds), WARM_UP * Number(rate));
  const after = await instance.look();
  const cpu = ((after?.usage.cpuMs ?? 0) - (before?.usage.cpuMs ?? 0)) / ((after?.at ?? 1) - (before?.at ?? 0));
  progress(`${campaign}: ${JSON.stringify(fired)}`);
  if (instance.complaints.length > 0) progress(instance.complaints.slice(0, 5).join('\n'));
  await instance.end('SIGTERM');
  const { latency, requests, statuses } = fired;
  const bad = requests - (statuses['200'] ?? 0);
  const per = requests / fired.seconds;
  return [
    campaign,
    per,
    requests,
    ...[latency.p50, latency.p90, latency.p99, latency.most],
    bad,
    `${Math.round(100 * cpu)} %`,
    after?.usage.peakMb ?? Number.NaN,
  ];
}

/** `first`: so many requests were made before, to the users that come first. */
async function fire(url: string, campaign: string, duration: number, first: number): Promise<Fired> {
  const args = [here('fire.ts'), url, campaign, users, rate, duration, connections, first].map(String);
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    text += piece;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`the load generator ended with ${code}`);
  return JSON.parse(text) as Fired;
}

async function publish(url: string, topic: string, records: Iterable<object>): Promise<void> {
  let lines: string[] = [];
  const flush = async (): Promise<void> => {
    const headers = { 'content-type': 'application/x-ndjson' };
    const response = await fetch(`${url}/v1/topics/${topic}/records`, {
      method: 'POST',
      body: lines.join('\n'),
      headers,
    });
    const { accepted } = (await response.json()) as { readonly accepted: number };
    if (accepted !== lines.length) throw new Error(`${topic}: ${lines.length - accepted} records were not taken`);
    lines = [];
  };
  for (const record of records) if (lines.push(JSON.stringify(record)) === PIECE) await flush();
  if (lines.length > 0) await flush();
}
