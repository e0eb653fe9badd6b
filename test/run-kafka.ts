// `npm run test:kafka`: the suites that need a broker and a registry, which they start by themselves.
import { runVitest } from './run-vitest.ts';

const env = { ...process.env, BECKON_KAFKA_TESTS: '1' };
process.exit(runVitest(['runtime/kafka', 'schemas/confluent-registry', ...process.argv.slice(2)], 'default', env));
