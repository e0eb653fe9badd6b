// `npm run test:faults [-- --kills N] [-- --seed S] [-- --log FILE]`: the fault suite. Further arguments are vitest's.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runVitest } from '../run-vitest.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    log: { type: 'string' },
  },
});
const env = {
  ...process.env,
  BECKON_FAULT_KILLS: values.kills,
  BECKON_FAULT_SEED: values.seed,
  ...(values.log === undefined ? {} : { BECKON_FAULT_LOG: values.log }),
};
const config = join(import.meta.dirname, 'vitest.config.ts');
process.exit(runVitest(['--config', config, ...positionals], 'default', env));
