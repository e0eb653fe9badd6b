// Runs an instance until a signal or a failure ends it, and lets its end take no longer than those who stop it wait.
import type { Logger } from 'pino';
import { RunFailed } from './errors.ts';

/** ms; what runs instances commonly kills them half a minute after it has asked them to end. */
const STOP_WITHIN = 25_000;

interface Stoppable {
  stop(): Promise<void>;
}

/**
 * Starts it, and stops it on SIGTERM, SIGINT or a failure that it tells of. A signal that comes while it still starts is heeded once it
 * runs. Throws `RunFailed` after a failure, and what starting and stopping throw.
 */
export async function runUntilStopped(
  start: (onFailure: (error: unknown) => void) => Promise<Stoppable>,
  logger: Pick<Logger, 'info' | 'error'>,
): Promise<void> {
  const { promise: ended, resolve: stop, reject: fail } = Promise.withResolvers<string>();
  let isRunning = false;
  const heed = (signal: string): void => {
    if (!isRunning) logger.info(`${signal}: stopping as soon as it has started`);
    stop(signal);
  };
  process.once('SIGTERM', heed).once('SIGINT', heed);
  const late = limitEnd(ended, logger);

  const running = await start(fail);
  isRunning = true;
  let failure: Error | undefined;
  try {
    logger.info(`${await ended}: stopping`);
  } catch (error) {
    failure = error instanceof Error ? error : new Error(String(error));
    // Here too, lest the end that may hang hides it.
    logger.error(`stopping: ${failure.message}`);
  }
  // A second signal ends it the hard way; nothing is lost by that either.
  process.once('SIGTERM', () => process.exit(143)).once('SIGINT', () => process.exit(130));
  try {
    await running.stop();
  } catch (error) {
    // What came first is what is to be mended.
    if (failure === undefined) throw error;
  }
  late.clear();
  if (failure !== undefined) throw new RunFailed(failure.message);
  logger.info('stopped');
}

/** Ends the process when it hasn't ended in time after it was told to, also while it still starts. */
function limitEnd(ended: Promise<unknown>, logger: Pick<Logger, 'error'>): { clear(): void } {
  let timer: NodeJS.Timeout | undefined;
  const begin = (): void => {
    timer = setTimeout(() => {
      logger.error(
        'not stopped in time, as the cluster does not answer; what is not committed is done again, nothing is lost',
      );
      process.exit(1);
    }, STOP_WITHIN);
  };
  ended.then(begin, begin);
  return { clear: () => clearTimeout(timer) };
}
