// `npm run test:slow`: tests that kill, pause and replace instances and brokers, or go through whole data sets.
import { runVitest } from './run-vitest.ts';

process.exit(runVitest(['--project', 'slow', ...process.argv.slice(2)], 'default'));
