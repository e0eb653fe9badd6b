// Makes the passwords that docker-compose.yml takes from deploy/secrets/, where they are missing, and leaves them alone where
// they are there: put your own into the files before the first start. Runs on whatever Node is on the machine.
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = fileURLToPath(new URL('./secrets/', import.meta.url));
const VARIABLES = {
  'beckon.env': 'BECKON_API_KEYS',
  'clickhouse.env': 'CLICKHOUSE_PASSWORD',
  'analyst.env': 'ANALYST_PASSWORD',
  'grafana.env': 'GF_SECURITY_ADMIN_PASSWORD',
};
/** What stands before the password: an API key has a name and roles. */
const BEFORE = { BECKON_API_KEYS: 'compose:admin:' };

mkdirSync(folder, { recursive: true, mode: 0o700 });
for (const [file, variable] of Object.entries(VARIABLES)) {
  try {
    writeFileSync(
      join(folder, file),
      `${variable}=${BEFORE[variable] ?? ''}${randomBytes(18).toString('base64url')}\n`,
      {
        flag: 'wx',
        mode: 0o600,
      },
    );
    process.stderr.write(`deploy/secrets/${file}: a new password\n`);
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
  }
}
