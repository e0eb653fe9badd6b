// `npm test`: all tests but the fault suite.
import { runVitest } from './run-vitest.ts';

process.exit(runVitest(process.argv.slice(2)));
