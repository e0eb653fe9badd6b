// `beckon start`: runs an instance until it is told to stop.
import { Command, Option } from 'commander';
import { type Logger, pino } from 'pino';
import { isLoopback } from '../../api/http/access.ts';
import { type Config, config } from '../../runtime/config.ts';
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
import { runUntilStopped } from '../run-until-stopped.ts';

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
  const settings = config();
  const logger = pino({ level: settings.logLevel }, pino.destination({ fd: 2, sync: true }));
  const given = instanceOptionsOf(options, settings, logger);
  await runUntilStopped(async (onFailure) => {
    const instance = await opened({ ...given, onFailure });
    const { url, clickhouseUrl: clickhouse } = instance;
    const { dir, time } = given;
    logger.info({ url, clickhouse, kafka: settings.kafka?.brokers, dir, time, pid: process.pid }, 'ready');
    if (settings.api.keys.length === 0)
      logger.warn(
        'the HTTP front takes requests without a key, from this machine alone; set BECKON_API_KEYS to ask for one',
      );
    return instance;
  }, logger);
}

/** Throws `BadInput` for what can't work, before anything is opened. */
function instanceOptionsOf(options: Options, settings: Config, logger: Logger): Omit<InstanceOptions, 'onFailure'> {
  const { dir, time, host, port, partitions, delivery, clickhousePort } = options;
  const { api, kafka, stateMemory, webhook, clickhouse = 'embedded' } = settings;
  if (api.keys.length === 0 && !isLoopback(host))
    throw new BadInput(
      `--host ${host}: whoever reaches that address could send messages and read what is known of users; set BECKON_API_KEYS or BECKON_API_KEYS_FILE first, or listen on 127.0.0.1`,
    );
  if (delivery === 'webhook' && webhook === undefined)
    throw new BadInput('--delivery webhook: set BECKON_WEBHOOK_URL to the address that messages are posted to');
  return {
    ...{ dir, api, kafka, stateMemory, time, partitions, host, port, delivery, webhook, clickhouse, logger },
    ...(clickhousePort === undefined ? {} : { clickhousePort }),
    topologies: topologiesOf(options.topology),
    ...definitionsOf(options, settings, logger),
  };
}

/** Without a policy's file campaigns are held to the policy on the log; what can be said before it is opened is said before. */
function definitionsOf(
  { dir, tenant: tenantId, campaigns: folder, policy: policyFile }: Options,
  { kafka }: Config,
  logger: Logger,
): Pick<InstanceOptions, 'tenantId' | 'campaigns' | 'policy'> {
  const paths = { tenantId, folder, policyFile };
  const warn = (line: string): void => logger.warn(line);
  const isNew = kafka === undefined && !holdsLog(dir);
  const early = policyFile === undefined && !isNew ? undefined : accepted([loadDefinitions(paths)], warn)[0];
  const campaignsFor = (inForce: Policy): readonly Campaign[] =>
    early?.campaigns ?? accepted([loadDefinitions(paths, inForce)], warn)[0].campaigns;
  return {
    tenantId,
    campaigns: folder === undefined ? undefined : campaignsFor,
    policy: policyFile === undefined ? undefined : early?.policy,
  };
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
    if (error.name === 'FolderInUse') throw new RunFailed(error.message);
    // Of --partitions, on a folder and on a cluster.
    if (/has \d+ partitions, not/.test(error.message)) throw new BadInput(error.message);
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
