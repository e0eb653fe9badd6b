// `npm run test:kafka`: of `npm test`, the suites that need a broker and a registry.
import { runVitest } from './run-vitest.ts';

process.exit(runVitest(['--project', 'kafka', ...process.argv.slice(2)], 'default'));
