// Work that a signal may stop early.
import { Interrupted } from './errors.ts';

/** Runs with a signal that the first SIGINT or SIGTERM aborts. Throws `Interrupted` then. */
export async function interruptible<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController();
  const stop = (name: 'SIGINT' | 'SIGTERM'): void =>
    controller.abort(new Interrupted(name, `stopped by ${name}; what was written so far is not the whole result`));
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}
