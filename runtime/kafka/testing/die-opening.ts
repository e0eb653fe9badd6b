// Is killed while it opens a task's local state, as RocksDB ends a process over damage that it has no error for.
//   die-opening.ts FOLDER
import { LocalStore } from '../local-store.ts';

void LocalStore.open(process.argv[2] ?? '');
process.kill(process.pid, 'SIGKILL');
