// A process that owns an embedded ClickHouse, to be killed by a test. Prints the address and the front's process id.
import { startEmbedded } from '../front.ts';

const { url, pid } = await startEmbedded({ folder: process.argv[2] ?? '' });
process.stdout.write(`${JSON.stringify({ url, pid })}\n`);
setInterval(() => undefined, 60_000);
