// `npm run test:slow`: tests on a broker and a registry that kill, pause and replace instances.
import { runVitest } from './run-vitest.ts';

process.exit(runVitest(['--project', 'slow', ...process.argv.slice(2)], 'default'));
