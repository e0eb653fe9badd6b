// `beckon simulate`: checks everything first, then runs, and says what came of it.
import { Command } from 'commander';
import { counted } from '../../api/explain/words.ts';
import { systemClock } from '../../runtime/clock.ts';
import { DEFAULT_TENANT } from '../../schemas/definitions.ts';
import { BadInput } from '../errors.ts';
import { accepted, loadDefinitions } from '../files/load-definitions.ts';
import { interruptible } from '../interruptible.ts';
import { durationOption, TENANT_OPTION, tenantOption, timeOption } from '../options.ts';
import { say } from '../say.ts';
import { checkOutFolder } from '../simulate/out-folder.ts';
import { ProgressLine } from '../simulate/progress.ts';
import { reportText } from '../simulate/report.ts';
import { checkInputs, runSimulation, type SimulateOptions } from '../simulation.ts';

const HELP = `
Files are NDJSON, one record a line, plain or gzipped (.gz): field names as in the topics, times as ISO-8601 with a zone or
epoch milliseconds. A bad line goes to dead-letters.ndjson with its number and never stops the run.
The same input gives the same bytes. Without --campaigns only sessions and signals are worked out.

Examples:
  $ beckon simulate --events events.ndjson --out out
  $ beckon simulate --events e.ndjson.gz --profiles p.ndjson --consents c.ndjson --campaigns examples/campaigns --out out
  $ beckon simulate --events e.ndjson --campaigns campaigns --policy policy.yaml --until 2026-02-01T00:00:00Z --out out
`;

/** The share of late events that looks like a mistake. */
const MANY_LATE = 0.1;

interface Flags {
  readonly tenant: string;
  readonly events: string;
  readonly profiles?: string;
  readonly consents?: string;
  readonly sendRequests?: string;
  readonly receipts?: string;
  readonly campaigns?: string;
  readonly policy?: string;
  readonly until?: number;
  readonly lateness?: number;
  readonly out: string;
}

export function simulateCommand(): Command {
  return new Command('simulate')
    .requiredOption('--events <file>', 'what users did')
    .option('--profiles <file>', 'who they are')
    .option('--consents <file>', 'what they agreed to')
    .option('--send-requests <file>', 'messages asked for from outside (needs --campaigns)')
    .option('--receipts <file>', 'what became of messages (needs --campaigns; without it deliveries succeed at once)')
    .option('--campaigns <dir>', 'folder of campaign files')
    .option('--policy <file>', 'policy.yaml (default: the built-in policy)')
    .option(
      TENANT_OPTION,
      'whose campaigns and policy these are, and records that name no tenant',
      tenantOption,
      DEFAULT_TENANT,
    )
    .option('--until <time>', 'nothing at or after it happens (default: until nothing is pending)', timeOption)
    .option(
      '--lateness <duration>',
      "how late an event may come and still count in full (default: the policy's, 5m)",
      durationOption,
    )
    .requiredOption('--out <dir>', 'folder for the results; a new one, or that of a former simulation')
    .addHelpText('after', HELP)
    .action((flags: Flags) => run(flags));
}

async function run(flags: Flags): Promise<void> {
  const { tenant: tenantId, campaigns: folder, policy: policyFile, sendRequests, receipts, out, ...rest } = flags;
  if (sendRequests !== undefined && folder === undefined) {
    throw new BadInput('--send-requests asks for messages of campaigns; name their folder with --campaigns');
  }
  if (receipts !== undefined && folder === undefined) {
    throw new BadInput('--receipts answers messages of campaigns; name their folder with --campaigns');
  }
  const given = {
    ...rest,
    ...(sendRequests === undefined ? {} : { sendRequests }),
    ...(receipts === undefined ? {} : { receipts }),
  };
  const { paths, refusals } = checkInputs(given);
  const [definitions] = accepted([loadDefinitions({ tenantId, folder, policyFile })], say, { refusals });
  const { policy } = definitions;
  const campaigns = folder === undefined ? undefined : definitions.campaigns;
  const unordered: [path: string, records: number][] = [];
  const progress = new ProgressLine(process.stderr, systemClock);
  const options: SimulateOptions = {
    ...given,
    tenantId,
    ...(campaigns === undefined ? {} : { campaigns }),
    policy,
    out,
    onProgress: (now) => progress.show(now),
    onUnordered: (path, records) => unordered.push([path, records]),
  };
  const others = [folder, policyFile].filter((path) => path !== undefined);
  checkOutFolder(out, [...paths, ...others]);

  const summary = await interruptible((signal) => runSimulation({ ...options, signal })).finally(() =>
    progress.clear(),
  );
  progress.end(Object.values(summary.inputs).reduce((sum, { read }) => sum + read, 0));
  const { read = 0, late = 0 } = summary.inputs.events ?? {};
  // Files are often sorted by something else than time.
  if (late > read * MANY_LATE) {
    say(`note: ${late} of ${read} events came late and trigger nothing; a larger --lateness takes them in full`);
  }
  for (const [path, records] of unordered) {
    say(
      `note: ${counted(records, 'record')} of ${path} came after later events and counted only from then on; sort the file by time`,
    );
  }
  process.stdout.write(reportText(summary, { campaigns, currency: policy.currency }));
  const next = campaigns === undefined ? 'beckon simulate … --campaigns DIR' : `beckon explain USER --from ${out}`;
  process.stdout.write(
    `\nResults are in ${out}: sessions, signals, decisions, sends, outcomes, dead letters, summary.json.\nTry next: ${next}\n`,
  );
}
