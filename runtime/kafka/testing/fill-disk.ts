// Writes to a task's local state until it can't: prints the name and the message of what stopped it.
//   fill-disk.ts FOLDER
import { LocalStore } from '../local-store.ts';

const MOST = 4000;

const store = (await LocalStore.open(process.argv[2] ?? '')) as LocalStore;
const checkpoint = { offset: 0, cluster: 'c', at: 0, positions: {} };
try {
  for (let i = 0; i < MOST; i++) {
    store.write([{ key: Buffer.from(`k${i}`), value: Buffer.alloc(10_000, i) }], { ...checkpoint, offset: i });
  }
  process.stdout.write('never full\n');
} catch (error) {
  const { name, message } = error as Error;
  process.stdout.write(`${name}: ${message}\n`);
}
process.exit(0);
