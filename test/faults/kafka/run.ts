// `npm run test:faults:kafka [-- --kills N] [-- --seed S] [-- --log FILE] [-- --only KIND,…]`: the fault suite on a
// Kafka cluster. Further arguments are vitest's.
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { runVitest } from '../../run-vitest.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    kills: { type: 'string', default: '120' },
    seed: { type: 'string', default: '1' },
    log: { type: 'string' },
    only: { type: 'string' },
  },
});
const env = {
  ...process.env,
  BECKON_FAULT_KILLS: values.kills,
  BECKON_FAULT_SEED: values.seed,
  ...(values.log === undefined ? {} : { BECKON_FAULT_LOG: values.log }),
  ...(values.only === undefined ? {} : { BECKON_FAULT_ONLY: values.only }),
};
const config = join(import.meta.dirname, 'vitest.config.ts');
process.exit(runVitest(['--config', config, ...positionals], 'default', env));
