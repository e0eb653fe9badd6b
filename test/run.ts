// `npm test`: all tests but the slow ones on Kafka and the fault suites.
import { runVitest } from './run-vitest.ts';

process.exit(runVitest(['--project', 'alone', '--project', 'kafka', ...process.argv.slice(2)]));
