// Installs the dependencies when they are missing or older than the lock file, so that `npm start` and `npm test` work
// on a fresh clone. Runs on whatever Node is on the machine (the project's own Node 24 is one of the dependencies).
import { spawnSync } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const lock = join(root, 'package-lock.json');
const installed = join(root, 'node_modules', '.package-lock.json');

if (!existsSync(installed) || statSync(installed).mtimeMs < statSync(lock).mtimeMs) {
  process.stderr.write('beckon: installing dependencies (about 900 MB with the embedded ClickHouse engine) …\n');
  // Not `npm ci`: it refuses a lock file that lacks other platforms' optional packages, which not every registry has.
  const result = spawnSync('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    stdio: ['ignore', 'inherit', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (result.status !== 0) {
    process.stderr.write('beckon: `npm install` failed; mend what it says above, then run the command again.\n');
    process.exit(1);
  }
}
