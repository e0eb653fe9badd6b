// `npm run bench:kafka`: runs the bench in a child, and ends every server when that has ended, however it ended.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { endShared } from '../../test/servers/shared.ts';
import { NODE_FLAGS } from '../node-flags.ts';
import { HELP, readOptions } from './options.ts';

const args = process.argv.slice(2);
let wanted: ReturnType<typeof readOptions>;
try {
  wanted = readOptions(args);
} catch (error) {
  process.stderr.write(`bench: ${(error as Error).message}; see npm run bench:kafka -- --help\n`);
  process.exit(2);
}
if (wanted === undefined) {
  process.stdout.write(HELP);
  process.exit(0);
}
// The child is sent the signal too, by the terminal or here, and ends what it started.
const child = fork(fileURLToPath(new URL('main.ts', import.meta.url)), args, {
  execArgv: [...NODE_FLAGS],
});
process.on('SIGINT', () => {}).on('SIGTERM', () => child.kill('SIGTERM'));
const [code] = (await once(child, 'exit')) as [number | null];
await endShared();
process.exit(code ?? 1);
