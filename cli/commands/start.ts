// `beckon start`: runs an instance until it is told to stop.
import { Command, Option } from 'commander';
import { pino } from 'pino';
import { isLoopback } from '../../api/http/access.ts';
import { config } from '../../runtime/config.ts';
import type { Campaign } from '../../schemas/campaign.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import type { Policy } from '../../schemas/policy.ts';
import { BadInput, RunFailed } from '../errors.ts';
import { accepted, loadDefinitions } from '../files/load-definitions.ts';
import {
  DELIVERIES,
  type Delivery,
  holdsLog,
  type Instance,
  type InstanceOptions,
  startInstance,
  TOPOLOGIES,
  type TopologyName,
} from '../instance.ts';
import { countOption, portOption, TENANT_OPTION, tenantOption } from '../options.ts';

const EXAMPLES = `
Embedded, everything is kept in --dir and nothing else needs to be installed. With KAFKA_BROKERS and SCHEMA_REGISTRY_URL set it
runs on that cluster, as one of any number of instances that share the work: topics that are missing are created, and --dir
holds what is this instance's own. Logs go to stderr, one JSON line each. Stop it with Ctrl-C or SIGTERM: it commits what it
has processed, and it or the others go on from there.

Other systems ask for messages over HTTP: the API is described at /api/v1/openapi.json and in docs/api.md. Without keys it is open,
to this machine alone. BECKON_API_KEYS (name:roles:secret, roles of send, read, receipts, admin; name:roles@tenant:secret for one
tenant alone), or BECKON_API_KEYS_FILE with the same in a file, makes it ask for them; another --host is refused without.
BECKON_API_RATE_LIMIT is the number of requests a second that a key may make (default 2000; 0: any). Commands that ask an instance
with keys take theirs from BECKON_API_KEY.

Examples:
  $ beckon start --campaigns examples/campaigns --policy examples/policy.yaml
  $ beckon start --time events --dir .beckon/backfill        time follows the records, for backfills and comparisons
  $ beckon start --topology engage,pace                      without delivery and ClickHouse
  $ KAFKA_BROKERS=localhost:9092 SCHEMA_REGISTRY_URL=http://localhost:8081 beckon start --dir .beckon/2 --port 7078
`;

/** ms; what runs instances commonly kills them half a minute after it has asked them to end. */
const STOP_WITHIN = 25_000;

interface Options {
  readonly dir: string;
  readonly tenant: string;
  readonly topology?: string;
  readonly campaigns?: string;
  readonly policy?: string;
  readonly time: 'wall' | 'events';
  readonly partitions?: number;
  readonly host: string;
  readonly port: number;
  readonly delivery: Delivery;
  readonly clickhousePort?: number;
}

export function startCommand(): Command {
  return new Command('start')
    .option('--dir <folder>', 'where everything is kept; an instance has one of its own', '.beckon')
    .option('--topology <names>', `which of ${TOPOLOGIES.join(', ')}, with commas between (default: all)`)
    .option(
      '--campaigns <folder>',
      'campaign files to publish, where they are new or changed (default: those on the log)',
    )
    .option('--policy <file>', 'policy file to publish, where it is new or changed (default: that on the log)')
    .option(TENANT_OPTION, 'whose the campaign files and the policy file are', tenantOption, DEFAULT_TENANT)
    .addOption(new Option('--time <source>', 'what moves time on').choices(['wall', 'events']).default('wall'))
    .option(
      '--partitions <number>',
      'partitions of topics that are missing (default: as those that exist have it, else 4)',
      countOption,
    )
    .option('--host <address>', 'address of the HTTP front', '127.0.0.1')
    .option('--port <number>', 'port of the HTTP front; 0: any free one', portOption, 7077)
    .addOption(
      new Option(
        '--delivery <provider>',
        'where messages go: <dir>/outbox/messages.ndjson, a line each on stdout, or BECKON_WEBHOOK_URL',
      )
        .choices(DELIVERIES)
        .default('file'),
    )
    .option(
      '--clickhouse-port <number>',
      'port of the embedded ClickHouse, used without CLICKHOUSE_URL (default: any free one)',
      portOption,
    )
    .addHelpText('after', EXAMPLES)
    .action((options: Options) => start(options));
}

async function start(options: Options): Promise<void> {
  const { dir, time, host, port, delivery } = options;
  const settings = config();
  const logger = pino({ level: settings.logLevel }, pino.destination({ fd: 2, sync: true }));
  const { keys } = settings.api;
  if (keys.length === 0 && !isLoopback(host))
    throw new BadInput(
      `--host ${host}: whoever reaches that address could send messages and read what is known of users; set BECKON_API_KEYS or BECKON_API_KEYS_FILE first, or listen on 127.0.0.1`,
    );
  if (delivery === 'webhook' && settings.webhook === undefined)
    throw new BadInput('--delivery webhook: set BECKON_WEBHOOK_URL to the address that messages are posted to');
  const warn = (line: string): void => logger.warn(line);
  const { tenant: tenantId, campaigns: folder, policy: policyFile } = options;
  const paths = { tenantId, folder, policyFile };
  // Without a policy's file campaigns are held to the policy on the log; what can be said before it is opened is said before.
  const isNew = settings.kafka === undefined && !holdsLog(dir);
  const early = policyFile === undefined && !isNew ? undefined : accepted([loadDefinitions(paths)], warn)[0];
  const campaignsFor = (inForce: Policy): readonly Campaign[] =>
    early?.campaigns ?? accepted([loadDefinitions(paths, inForce)], warn)[0].campaigns;

  let stop: (signal: string) => void = () => {};
  let fail: (error: unknown) => void = () => {};
  const ended = new Promise<string>((resolve, reject) => {
    stop = resolve;
    fail = reject;
  });
  // A signal while the instance still starts is heeded once it runs, and counts from when it came.
  let running = false;
  const heed = (signal: string): void => {
    if (!running) logger.info(`${signal}: stopping as soon as it has started`);
    stop(signal);
  };
  process.once('SIGTERM', heed).once('SIGINT', heed);
  let late: NodeJS.Timeout | undefined;
  // Whichever comes first.
  const stopWithin = (): void => {
    late ??= setTimeout(() => {
      logger.error(
        'not stopped in time, as the cluster does not answer; what is not committed is done again, nothing is lost',
      );
      process.exit(1);
    }, STOP_WITHIN);
  };
  ended.then(stopWithin, stopWithin);
  const wanted: InstanceOptions = {
    dir,
    api: settings.api,
    kafka: settings.kafka,
    stateMemory: settings.stateMemory,
    topologies: topologiesOf(options.topology),
    tenantId,
    campaigns: folder === undefined ? undefined : campaignsFor,
    policy: policyFile === undefined ? undefined : early?.policy,
    time,
    partitions: options.partitions,
    host,
    port,
    delivery,
    webhook: settings.webhook,
    clickhouse: settings.clickhouse ?? 'embedded',
    ...(options.clickhousePort === undefined ? {} : { clickhousePort: options.clickhousePort }),
    logger,
    onFailure: (error) => fail(error),
  };
  const instance: Instance = await opened(wanted);
  running = true;
  const { url, clickhouseUrl } = instance;
  const kafka = settings.kafka?.brokers;
  logger.info({ url, clickhouse: clickhouseUrl, kafka, dir, time, pid: process.pid }, 'ready');
  if (keys.length === 0)
    logger.warn(
      'the HTTP front takes requests without a key, from this machine alone; set BECKON_API_KEYS to ask for one',
    );
  let failure: Error | undefined;
  try {
    logger.info(`${await ended}: stopping`);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    // Here too, lest the end that may hang hides it.
    logger.error(`stopping: ${failure.message}`);
  }
  // A second signal ends it the hard way; nothing is lost by that either.
  process.once('SIGTERM', () => process.exit(143)).once('SIGINT', () => process.exit(130));
  try {
    await instance.stop();
  } catch (error) {
    // What came first is what is to be mended.
    if (failure === undefined) throw error;
  }
  clearTimeout(late);
  if (failure !== undefined) throw new RunFailed(failure.message);
  logger.info('stopped');
}

async function opened(options: InstanceOptions): Promise<Instance> {
  try {
    return await startInstance(options);
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EADDRINUSE')
      throw new RunFailed(
        `port ${options.port} of ${options.host} is taken; stop what holds it or give another --port`,
      );
    if (error.name === 'FolderInUse' || error.name === 'Unrecoverable' || /has \d+ partitions, not/.test(error.message))
      throw new RunFailed(error.message);
    throw error;
  }
}

function topologiesOf(names: string | undefined): readonly TopologyName[] {
  if (names === undefined) return TOPOLOGIES;
  return names.split(',').map((name) => {
    const known = TOPOLOGIES.find((t) => t === name.trim());
    if (known === undefined)
      throw new BadInput(`--topology: there is no "${name}"; choose from ${TOPOLOGIES.join(', ')}`);
    return known;
  });
}
