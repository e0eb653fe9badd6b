#!/usr/bin/env node
// The `beckon` command: names every command, loads the one that is asked for, and turns what it throws into an exit code.
// 0: success; 1: the run failed; 2: bad input.
import { Command, CommanderError } from 'commander';
import { BadConfig, config } from '../runtime/config.ts';
import { Unrecoverable } from '../runtime/errors.ts';
import { BadInput, Interrupted, RunFailed } from './errors.ts';
import { oneLine } from './printable.ts';

interface Entry {
  readonly name: string;
  readonly description: string;
  readonly load: () => Promise<Command>;
}

/** In the order of the help. */
const entries: readonly Entry[] = [
  {
    name: 'demo',
    description: 'watch a generated population turn into sessions, decisions and messages',
    load: async () => (await import('./commands/demo.ts')).demoCommand(),
  },
  {
    name: 'start',
    description: 'run the pipeline until it is told to stop',
    load: async () => (await import('./commands/start.ts')).startCommand(),
  },
  {
    name: 'publish',
    description: 'put event files on the log',
    load: async () => (await import('./commands/publish.ts')).publishCommand(),
  },
  {
    name: 'topics',
    description: 'make topics, describe them, and read back what is on them',
    load: async () => (await import('./commands/topics.ts')).topicsCommand(),
  },
  {
    name: 'simulate',
    description: 'replay event files through the real pipeline, in seconds',
    load: async () => (await import('./commands/simulate.ts')).simulateCommand(),
  },
  {
    name: 'explain',
    description: 'say in words why a user got a message, or none',
    load: async () => (await import('./commands/explain.ts')).explainCommand(),
  },
  {
    name: 'campaigns',
    description: 'check campaign files, and put them in force',
    load: async () => (await import('./commands/campaigns.ts')).campaignsCommand(),
  },
  {
    name: 'topology',
    description: 'show what the pipeline is made of',
    load: async () => (await import('./commands/topology.ts')).topologyCommand(),
  },
  {
    name: 'dead-letters',
    description: 'show what could not be taken, and put it back',
    load: async () => (await import('./commands/dead-letters.ts')).deadLettersCommand(),
  },
  {
    name: 'state',
    description: 'show what is kept of a user or a campaign',
    load: async () => (await import('./commands/state.ts')).stateCommand(),
  },
];

const EXAMPLES = `
Examples:
  $ beckon simulate --events events.ndjson --campaigns examples/campaigns --out out
  $ beckon explain user-42 --from out
  $ beckon campaigns validate examples/campaigns

Data goes to stdout, progress and problems to stderr.
Exit codes: 0 success, 1 the run failed, 2 bad input. BECKON_DEBUG=1 shows where a failure happened.
`;

async function main(args: readonly string[]): Promise<void> {
  const program = new Command('beckon')
    .description('Events in, the right message out: exactly once, within cap and budget, and it can always say why.')
    .usage('<command> [options]')
    .addHelpText('after', EXAMPLES);
  const words = args.filter((arg) => !arg.startsWith('-'));
  const wanted = words[0] === 'help' ? words[1] : words[0];
  for (const { name, description, load } of entries) {
    const command = name === wanted ? await load() : new Command(name);
    program.addCommand(command.description(description));
  }
  prepare(program);
  await program.parseAsync(args, { from: 'user' });
}

/** Commander ends no process of its own accord, and says what is wrong in one line. */
function prepare(command: Command): void {
  command.exitOverride().configureOutput({
    outputError: (text, write) => {
      const line = text
        .replace(/^error: /, '')
        .trim()
        .replaceAll(/\s*\n\s*/g, ' ');
      write(`beckon: ${line.replace(/\.$/, '')} (\`${nameOf(command)} --help\` shows how)\n`);
    },
  });
  for (const sub of command.commands) prepare(sub);
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

/** Says what ended the command, and returns the exit code. */
function exitCodeOf(error: unknown): number {
  const say = (line: string): void => void process.stderr.write(`beckon: ${oneLine(line)}\n`);
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof BadInput) {
    error.lines.forEach(say);
    return 2;
  }
  if (error instanceof BadConfig) {
    say(error.message);
    return 2;
  }
  if (error instanceof Interrupted) {
    say(error.message);
    return error.exitCode;
  }
  const message = error instanceof Error ? error.message : String(error);
  const [line] = message.split('\n');
  if (isDebugging() && error instanceof Error) process.stderr.write(`${error.stack ?? message}\n`);
  // Both say themselves what to do.
  else
    say(
      error instanceof RunFailed || error instanceof Unrecoverable
        ? message
        : `failed: ${line} (BECKON_DEBUG=1 shows where)`,
    );
  return 1;
}

function isDebugging(): boolean {
  try {
    return config().debug;
  } catch {
    return false;
  }
}

// A reader that has seen enough (`| head`) closes the pipe: nothing is wrong.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE') throw error;
    process.exit(0);
  });
}

try {
  await main(process.argv.slice(2));
} catch (error) {
  process.exitCode = exitCodeOf(error);
}
